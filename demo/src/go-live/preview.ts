/** What viewers would see: the chosen source before it goes live, or why there is none. */

import { announce } from '../announcer.ts';
import { element } from '../elements.ts';
import { LevelMeter } from './level-meter.ts';
import { openSource } from './open-source.ts';
import type { OpenSource, SourceChoice } from './open-source.ts';
import { problemOf } from './source-problems.ts';
import type { SourceProblem } from './source-problems.ts';

const ASKING: Readonly<Record<SourceChoice['kind'], SourceProblem>> = {
  camera: {
    title: 'Allow the camera',
    advice: 'Your browser asks for it. Nobody sees you before you press “Go live”.',
  },
  screen: { title: 'Choose what to share', advice: 'A screen, a window or a tab. Nobody sees it yet.' },
  file: { title: 'Opening the file', advice: 'It stays on this computer.' },
  'test-picture': { title: 'Painting', advice: 'One moment.' },
};

/** What is said while nothing is open. */
const IDLE: Readonly<Record<SourceChoice['kind'], SourceProblem>> = {
  camera: { title: 'The camera is off', advice: 'It was closed or unplugged. Try again to open it.' },
  screen: {
    title: 'Share a screen, a window or a tab',
    advice: 'Your browser lets you choose. Nobody sees it before you press “Go live”.',
  },
  file: {
    title: 'Which video?',
    advice: 'Choose a file. It is played from here, over and over, and uploaded nowhere.',
  },
  'test-picture': { title: 'The test picture is off', advice: 'Try again to paint it.' },
};

type State = 'asking' | 'waiting' | 'showing' | 'problem';

export class Preview {
  readonly #video = element('preview-video', HTMLVideoElement);
  readonly #meter = new LevelMeter(element('level', HTMLElement), element('level-words', HTMLElement));
  readonly #onChange: (source: OpenSource | null) => void;
  #source: OpenSource | null = null;
  #kind: SourceChoice['kind'] = 'camera';
  #turn = 0;

  constructor(onChange: (source: OpenSource | null) => void) {
    this.#onChange = onChange;
  }

  /** Opens the chosen source in place of the one before. */
  async open(choice: SourceChoice): Promise<void> {
    this.#kind = choice.kind;
    this.close();
    const own = this.#turn;
    if (choice.kind === 'file' && choice.file === null) return;
    this.#say('asking', ASKING[choice.kind]);
    try {
      const source = await openSource(choice);
      if (own !== this.#turn) return source.stop();
      this.#show(source);
    } catch (error) {
      if (own !== this.#turn) return;
      const problem = problemOf(choice.kind, error);
      this.#say('problem', problem);
      announce(`${problem.title}. ${problem.advice}`);
    }
  }

  /** Browsers open the dialog for screens only when a button was pressed. */
  askForScreen(): void {
    this.#kind = 'screen';
    this.close();
  }

  /** Called when something was pressed: from then on browsers let a page make and hear sound. */
  wake(): void {
    this.#source?.wake();
    this.#meter.wake();
  }

  close(): void {
    this.#turn += 1;
    this.#source?.stop();
    this.#forget();
  }

  /** Hands the source over: it runs on, and is no longer ours to stop. */
  take(): OpenSource | null {
    const source = this.#source;
    this.#turn += 1;
    this.#forget();
    return source;
  }

  #show(source: OpenSource): void {
    this.#source = source;
    this.#video.srcObject = source.stream;
    void this.#video.play().catch(() => undefined);
    this.#meter.follow(source.stream);
    element('preview', HTMLElement).dataset['mirror'] = source.isMirror ? 'yes' : 'no';
    element('preview', HTMLElement).dataset['state'] = 'showing' satisfies State;
    source.stream.getVideoTracks()[0]?.addEventListener('ended', () => {
      if (this.#source === source) this.close();
    });
    this.#onChange(source);
  }

  #forget(): void {
    this.#source = null;
    this.#video.srcObject = null;
    this.#meter.follow(null);
    this.#say('waiting', IDLE[this.#kind]);
    this.#onChange(null);
  }

  #say(state: State, { title, advice }: SourceProblem): void {
    element('preview', HTMLElement).dataset['state'] = state;
    element('preview-title', HTMLElement).textContent = title;
    element('preview-text', HTMLElement).textContent = advice;
  }
}
