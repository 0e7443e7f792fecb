/** The properties of the player that are attributes as well. */

import type { CastoOptions } from '../options.ts';
import { elementBase } from './element-base.ts';
import { readJoinOptions, readRelays } from './player-settings.ts';

export class PlayerAttributes extends elementBase() {
  /** The channel's id; empty: nothing to watch. */
  get channel(): string {
    return this.getAttribute('channel') ?? '';
  }
  set channel(channel: string | null | undefined) {
    this.#reflect('channel', channel);
  }

  /** As `CastoOptions.relays`; as text separated by spaces or commas. Empty: those of the page. */
  get relays(): string[] {
    return readRelays(this.getAttribute('relays'));
  }
  set relays(relays: string | readonly string[] | null | undefined) {
    this.#reflect('relays', typeof relays === 'string' ? relays : relays?.join(' '));
  }

  /** Namespace of channels. */
  get app(): string {
    return this.getAttribute('app') ?? '';
  }
  set app(app: string | null | undefined) {
    this.#reflect('app', app);
  }

  /** Begin without being asked. Browsers that refuse sound are asked again without it. */
  get autoplay(): boolean {
    return this.hasAttribute('autoplay');
  }
  set autoplay(autoplay: boolean | null | undefined) {
    this.toggleAttribute('autoplay', Boolean(autoplay));
  }

  /** Whether there are controls, keys included. */
  get controls(): boolean {
    return this.hasAttribute('controls');
  }
  set controls(controls: boolean | null | undefined) {
    this.toggleAttribute('controls', Boolean(controls));
  }

  /** Address of a picture to show until the first one of the broadcast. */
  get poster(): string {
    return this.getAttribute('poster') ?? '';
  }
  set poster(poster: string | null | undefined) {
    this.#reflect('poster', poster);
  }

  /** Parents that deliver at a time: 1, or 2 for twice the download and no gap when one is lost. */
  get liveParents(): 1 | 2 {
    return this.getAttribute('live-parents')?.trim() === '2' ? 2 : 1;
  }
  set liveParents(count: 1 | 2 | null | undefined) {
    this.#reflect('live-parents', count?.toString());
  }

  /** `'off'`: the broadcast is not passed on to other pages. */
  get relay(): string {
    return this.getAttribute('relay') ?? '';
  }
  set relay(relay: string | null | undefined) {
    this.#reflect('relay', relay);
  }

  /** Pages that the broadcast is passed on to at most; `null`: as the SDK would by itself. */
  get maxChildren(): number | null {
    const { relay } = readJoinOptions((name) => (name === 'channel' ? 'any' : this.getAttribute(name))) ?? {};
    return relay === false ? 0 : (relay?.maxChildren ?? null);
  }
  set maxChildren(count: number | null | undefined) {
    this.#reflect('max-children', count?.toString());
  }

  /**
   * What a CASTO object is made with; `null` when no channel is named.
   *
   * @internal
   */
  protected joinOptions(): CastoOptions | null {
    return readJoinOptions((name) => this.getAttribute(name));
  }

  #reflect(name: string, value: string | null | undefined): void {
    if (value === null || value === undefined) this.removeAttribute(name);
    else this.setAttribute(name, value);
  }
}
