/** Messages and reactions of everybody on the channel. */

import { CastoError } from 'casto';
import type { CASTO, CastoMessage } from 'casto';

import { element } from '../elements.ts';
import { wordsFor } from '../words/error-words.ts';
import { decodePayload, encodePayload, MOST_NAME, MOST_TEXT, REACTIONS } from './chat-payload.ts';
import type { ChatPayload, Reaction } from './chat-payload.ts';
import { flyReaction } from './flying-reactions.ts';

/** Older ones leave the page. */
const MOST_MESSAGES = 200;
/** Whoever reads older messages is not torn away from them: this near to the end counts as the end. */
const NEAR_END_PX = 48;
const NAME_STORED_AS = 'casto-name';

/** For people who listen to the page. */
const REACTION_NAMES: Readonly<Record<Reaction, string>> = {
  '👏': 'Applause',
  '❤️': 'Heart',
  '😂': 'Laughter',
  '😮': 'Surprise',
  '🎉': 'Party',
  '🔥': 'Fire',
};

export class ChatPanel {
  readonly #log = element('chat-log', HTMLDivElement);
  readonly #text = element('chat-text', HTMLInputElement);
  readonly #name = element('chat-name', HTMLInputElement);
  readonly #problem = element('chat-problem', HTMLParagraphElement);
  readonly #unread = element('chat-unread', HTMLElement);
  #casto: CASTO | null = null;
  #isShown = false;
  #unreadCount = 0;

  constructor() {
    this.#text.maxLength = MOST_TEXT;
    this.#name.maxLength = MOST_NAME;
    this.#name.value = storedName();
    this.#name.addEventListener('change', () => storeName(this.#name.value.trim()));
    element('chat-form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#sendText();
    });
    element('reactions', HTMLElement).append(
      ...REACTIONS.map((reaction) => {
        const button = document.createElement('button');
        button.type = 'button';
        button.className = 'reaction';
        button.textContent = reaction;
        button.setAttribute('aria-label', REACTION_NAMES[reaction]);
        button.addEventListener('click', () => void this.#send({ kind: 'reaction', reaction }));
        return button;
      }),
    );
  }

  follow(casto: CASTO, signal: AbortSignal): void {
    this.#casto = casto;
    casto.addEventListener('message', ({ detail }) => this.#receive(detail), { signal });
  }

  setShown(shown: 'yes' | 'no'): void {
    this.#isShown = shown === 'yes';
    if (!this.#isShown) return;
    this.#countUnread(0);
    this.#log.scrollTop = this.#log.scrollHeight;
  }

  /** The next broadcast begins with an empty page. */
  close(): void {
    this.#casto = null;
    this.#log.replaceChildren();
    this.#problem.textContent = '';
    this.#countUnread(0);
    element('chat-empty', HTMLElement).hidden = false;
  }

  #receive(message: CastoMessage): void {
    const payload = decodePayload(message.data);
    if (payload === null) return;
    if (payload.kind === 'reaction') return flyReaction(payload.reaction);
    const isAtEnd = this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < NEAR_END_PX;
    this.#log.append(lineOf(message, payload));
    while (this.#log.childElementCount > MOST_MESSAGES) this.#log.firstElementChild?.remove();
    element('chat-empty', HTMLElement).hidden = true;
    if (isAtEnd || message.own) this.#log.scrollTop = this.#log.scrollHeight;
    if (!this.#isShown) this.#countUnread(this.#unreadCount + 1);
  }

  #countUnread(count: number): void {
    this.#unreadCount = count;
    this.#unread.hidden = count === 0;
    this.#unread.textContent = count === 0 ? '' : String(count);
    const label = count === 0 ? 'Chat' : `Chat, ${count} unread`;
    element('tab-chat', HTMLButtonElement).setAttribute('aria-label', label);
  }

  async #sendText(): Promise<void> {
    const text = this.#text.value.trim();
    if (text === '') return;
    const sent = await this.#send({ kind: 'text', text, name: this.#name.value.trim() });
    if (sent && this.#text.value.trim() === text) this.#text.value = '';
    this.#text.focus();
  }

  /** @returns Whether it is on its way. */
  async #send(payload: ChatPayload): Promise<boolean> {
    try {
      if (this.#casto === null) throw new Error('there is no broadcast');
      await this.#casto.send(encodePayload(payload));
      this.#problem.textContent = '';
      return true;
    } catch (error) {
      const reason = error instanceof CastoError ? error.reason : null;
      this.#problem.textContent =
        reason === null || reason === 'aborted'
          ? 'Not sent: there is no broadcast.'
          : wordsFor(reason, 'viewer').advice;
      return false;
    }
  }
}

function lineOf(message: CastoMessage, payload: ChatPayload & { kind: 'text' }): HTMLParagraphElement {
  const line = document.createElement('p');
  line.className = message.fromStreamer ? 'chat-line is-streamer' : 'chat-line';
  line.dataset['own'] = message.own ? 'yes' : 'no';
  const [writer, text] = [document.createElement('strong'), document.createElement('span')];
  // Each may be written in another direction than the line.
  writer.dir = text.dir = 'auto';
  // Names are free to choose; the colour and the last letters of the key are not.
  const key = message.from.slice(-4);
  const unnamed = message.fromStreamer ? 'Streamer' : `Guest ${key}`;
  writer.textContent = payload.name === '' ? unnamed : payload.name;
  writer.title = `Key ends in ${key}`;
  writer.style.setProperty('--hue', String(hueOf(message.from)));
  text.textContent = payload.text;
  line.append(writer);
  if (message.fromStreamer && payload.name !== '') line.append(badge('Streamer'));
  if (message.own) line.append(badge('You'));
  line.append(text);
  return line;
}

function badge(words: string): HTMLElement {
  const made = document.createElement('em');
  made.textContent = words;
  return made;
}

function hueOf(peerId: string): number {
  let sum = 0;
  for (const character of peerId) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 360;
  return sum;
}

function storedName(): string {
  try {
    return localStorage.getItem(NAME_STORED_AS) ?? '';
  } catch {
    return '';
  }
}

function storeName(name: string): void {
  try {
    localStorage.setItem(NAME_STORED_AS, name);
  } catch {
    // Storage may be forbidden: the name then lasts as long as the page.
  }
}
