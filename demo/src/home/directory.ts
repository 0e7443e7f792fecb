/** Keeps the start page's list of live channels, while somebody looks at it. */

import { announce } from '../announcer.ts';
import { element } from '../elements.ts';
import { countWords } from './card-words.ts';
import { ChannelCards } from './channel-cards.ts';
import { loadSdk, thisPage } from './sdk-loader.ts';

/** Ages are told in minutes. */
const AGE_EVERY_MS = 15_000;
/** A relay answers well before this; without one the page says so. */
const PATIENCE_MS = 6000;

type State = 'connecting' | 'connected' | 'reconnecting';

export class Directory {
  readonly #cards = new ChannelCards(element('channels-list', HTMLUListElement));
  #watching: AbortController | null = null;
  #count: number | null = null;

  /** Begins to look. Idempotent. */
  open(): void {
    if (this.#watching !== null) return;
    const watching = new AbortController();
    this.#watching = watching;
    this.#showState(this.#count === null ? 'connecting' : 'connected');
    this.#watch(watching.signal).catch(() => this.#fail(watching.signal));
  }

  close(): void {
    this.#watching?.abort();
    this.#watching = null;
  }

  async #watch(signal: AbortSignal): Promise<void> {
    // The page can be used before the SDK is there.
    const sdk = await loadSdk(thisPage, signal, () => this.#fail(signal));
    if (sdk === null) return;
    const list = sdk.CASTO.channels({ signal });
    const show = () => this.#show(list.channels, list.state);
    for (const event of ['added', 'changed', 'removed', 'state'] as const) {
      list.addEventListener(event, show);
    }
    const aging = setInterval(() => this.#cards.age(Date.now()), AGE_EVERY_MS);
    const patience = setTimeout(() => {
      if (list.state !== 'connected') this.#showState('reconnecting');
    }, PATIENCE_MS);
    signal.addEventListener('abort', () => {
      clearInterval(aging);
      clearTimeout(patience);
      list.close();
    });
    show();
  }

  #show(channels: Parameters<ChannelCards['show']>[0], state: State): void {
    if (this.#watching === null) return;
    // A list that begins anew is empty at first; until it is heard from, the one before stands.
    if (channels.length === 0 && state !== 'connected') return this.#showState(state);
    const hidden = this.#cards.show(channels, Date.now());
    const more = element('channels-more', HTMLParagraphElement);
    more.hidden = hidden === 0;
    more.textContent = `and ${hidden} more`;
    if (state === 'connected' && channels.length !== this.#count) {
      if (this.#count !== null) announce(`Live now: ${countWords(channels.length)}`);
      this.#count = channels.length;
    }
    this.#showState(state);
  }

  #showState(state: State): void {
    const known = this.#count ?? 0;
    const isEmpty = known === 0 && this.#count !== null;
    const shown = state === 'reconnecting' ? state : isEmpty ? 'empty' : known > 0 ? 'connected' : state;
    element('channels', HTMLElement).dataset['state'] = shown;
    const words = element('channels-count', HTMLParagraphElement);
    if (shown === 'connected' || shown === 'empty') words.textContent = countWords(known);
    else words.textContent = shown === 'connecting' ? 'Looking…' : 'The relay does not answer';
  }

  #fail(signal: AbortSignal): void {
    if (!signal.aborted) this.#showState('reconnecting');
  }
}
