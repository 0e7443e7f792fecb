/**
 * Decides when a silent parent is lost. The tree looks for another parent as soon as one is silent, and keeps it
 * meanwhile: it may only have stumbled, and a packet that is late costs less than a join. But the same peer can be
 * asked again only when the link to it is given up.
 */

import type { Clock, LinkEvent, PeerLink } from '@casto/host';

/** A busy machine, or one burst of loss, is heard again within this time. */
const STUMBLE_MS = 500;
/** What the link itself has to say may come a little later than the answer over another connection. */
const SETTLE_MS = 150;
/** Nothing but the link can tell: it is given up before the browser does so, which takes up to half a minute. */
const LOST_MS = 10_000;

/**
 * How a silent peer is otherwise: it answers elsewhere, so that only the link is lost; its other connection is gone
 * as well; or nobody knows.
 */
export type Reach = 'answers' | 'gone' | 'unknown';

export interface StumbleGuardOptions {
  readonly clock: Clock;
  readonly reach: () => Promise<Reach>;
}

export class StumbleGuard {
  readonly #link: Pick<PeerLink, 'leave'>;
  readonly #options: StumbleGuardOptions;
  #silentSince: number | null = null;
  #cancel: () => void = () => {};

  constructor(link: Pick<PeerLink, 'leave'>, options: StumbleGuardOptions) {
    this.#link = link;
    this.#options = options;
  }

  /** Whether the parent has been silent for longer than a stumble takes. */
  get isLost(): boolean {
    return this.#silentSince !== null && this.#options.clock.now() - this.#silentSince >= STUMBLE_MS;
  }

  take(event: LinkEvent): void {
    if (event.type === 'silent') {
      this.#silentSince = this.#options.clock.now();
      this.#wait(STUMBLE_MS, () => void this.#inquire());
    }
    if (event.type === 'revived' || event.type === 'closed') {
      this.#silentSince = null;
      this.#cancel();
    }
  }

  async #inquire(): Promise<void> {
    const since = this.#silentSince;
    const reach = await this.#options.reach();
    if (since === null || this.#silentSince !== since) return;
    if (reach !== 'unknown') return this.#wait(SETTLE_MS, () => this.#giveUp());
    if (this.#options.clock.now() - since >= LOST_MS) return this.#giveUp();
    this.#wait(STUMBLE_MS, () => void this.#inquire());
  }

  #giveUp(): void {
    void this.#link.leave('moved');
  }

  #wait(ms: number, then: () => void): void {
    this.#cancel();
    this.#cancel = this.#options.clock.setTimer(then, ms);
  }
}
