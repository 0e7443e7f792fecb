/** Where a broadcast is prepared: what to show, how it looks and sounds, what it is called, who may find it. */

import type { CastoOptions } from 'casto';

import { element } from '../elements.ts';
import { deviceChoices, fillChoices } from './device-lists.ts';
import markup from './go-live.html?raw';
import type { OpenSource, SourceChoice } from './open-source.ts';
import { Preview } from './preview.ts';
import { layerCount, pictureSize } from './quality.ts';
import type { SourceKind } from './source-problems.ts';

/** What somebody decided to broadcast. */
export interface Broadcast {
  source: OpenSource;
  options: CastoOptions;
}

const KINDS: readonly SourceKind[] = ['camera', 'screen', 'file', 'test-picture'];
const NO_MICROPHONE = { id: 'none', label: 'No microphone' };

export class GoLiveView {
  readonly #form: HTMLFormElement;
  readonly #preview: Preview;

  /** @param onGoLive - From here on the source belongs to the broadcast. */
  constructor(onGoLive: (broadcast: Broadcast) => void) {
    element('views', HTMLElement).insertAdjacentHTML('beforeend', markup);
    this.#form = element('go-live', HTMLFormElement);
    this.#preview = new Preview((source) => this.#sourceChanged(source));
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      const options = this.#options();
      const source = this.#preview.take();
      if (source !== null) onGoLive({ source, options: { ...options, source: source.stream } });
    });
    this.#form.addEventListener('change', ({ target }) => this.#changed(target));
    element('preview-retry', HTMLButtonElement).addEventListener('click', () => this.#retry());
    element('preview-test', HTMLButtonElement).addEventListener('click', () => this.#use('test-picture'));
    // Of the form's button too, and before it submits.
    element('studio', HTMLElement).addEventListener('click', () => this.#preview.wake());
    if (!window.isSecureContext) this.#keepToInsecure();
    // Absent on plain-http pages, though the types promise it.
    const devices: MediaDevices | undefined = navigator.mediaDevices;
    devices?.addEventListener('devicechange', () => void this.#listDevices(null));
  }

  open(): void {
    this.#show();
  }

  close(): void {
    this.#preview.close();
  }

  /** Cameras and screens are closed to this address, and whoever chooses one should know why. */
  #keepToInsecure(): void {
    element('insecure', HTMLElement).hidden = false;
    for (const kind of ['camera', 'screen']) this.#radio(kind).disabled = true;
    this.#radio('test-picture').checked = true;
  }

  #changed(target: EventTarget | null): void {
    const name = target instanceof HTMLInputElement || target instanceof HTMLSelectElement ? target.name : '';
    if (name === 'source') this.#show();
    if (['camera', 'microphone', 'size', 'file'].includes(name)) void this.#preview.open(this.#choice());
  }

  /** Shows the fields of the chosen source, and opens it. */
  #show(): void {
    const choice = this.#choice();
    this.#form.dataset['source'] = choice.kind;
    element('preview-test', HTMLButtonElement).hidden = choice.kind === 'test-picture';
    element('preview-retry', HTMLButtonElement).textContent = RETRY_WORDS[choice.kind];
    if (choice.kind === 'screen') this.#preview.askForScreen();
    else void this.#preview.open(choice);
  }

  #retry(): void {
    const choice = this.#choice();
    if (choice.kind === 'file') element('file', HTMLInputElement).click();
    else void this.#preview.open(choice);
  }

  #use(kind: SourceKind): void {
    this.#radio(kind).checked = true;
    this.#radio(kind).focus();
    this.#show();
  }

  #sourceChanged(source: OpenSource | null): void {
    element('start', HTMLButtonElement).disabled = source === null;
    if (source?.kind === 'camera') void this.#listDevices(source.stream);
  }

  async #listDevices(stream: MediaStream | null): Promise<void> {
    const devices = await navigator.mediaDevices.enumerateDevices().catch(() => []);
    const used = (track: MediaStreamTrack | undefined) => track?.getSettings().deviceId;
    const camera = element('camera', HTMLSelectElement);
    fillChoices(camera, deviceChoices(devices, 'videoinput'), [], used(stream?.getVideoTracks()[0]));
    const microphones = deviceChoices(devices, 'audioinput');
    const sound = used(stream?.getAudioTracks()[0]);
    fillChoices(element('microphone', HTMLSelectElement), microphones, [NO_MICROPHONE], sound);
  }

  #choice(): SourceChoice {
    const fields = new FormData(this.#form);
    const kind = KINDS.find((name) => name === fields.get('source')) ?? 'camera';
    const file = element('file', HTMLInputElement).files?.[0] ?? null;
    return {
      kind,
      size: pictureSize(fields.get('size')),
      camera: textOf(fields.get('camera')),
      microphone: textOf(fields.get('microphone')),
      file,
    };
  }

  #options(): CastoOptions {
    const fields = new FormData(this.#form);
    const title = textOf(fields.get('title'));
    return {
      layers: layerCount(fields.get('layers')),
      listed: fields.get('unlisted') === null,
      ...(title === null ? {} : { title }),
    };
  }

  #radio(kind: string): HTMLInputElement {
    const found = this.#form.querySelector(`input[name=source][value=${kind}]`);
    if (!(found instanceof HTMLInputElement)) throw new Error(`go-live.html has no source ${kind}`);
    return found;
  }
}

const RETRY_WORDS: Readonly<Record<SourceKind, string>> = {
  camera: 'Try again',
  screen: 'Choose a screen',
  file: 'Choose a file',
  'test-picture': 'Try again',
};

/** @returns What is written in a field; `null` when nothing is. */
function textOf(value: FormDataEntryValue | null): string | null {
  const text = typeof value === 'string' ? value.trim() : '';
  return text === '' ? null : text;
}
