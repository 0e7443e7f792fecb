/**
 * Peers that did harm, remembered here alone and not for ever (PROTOCOL.md, F3): each repetition doubles the ban, and
 * an offence that is long past counts no more.
 */

import type { Instant } from '../link-control.ts';
import type { PeerId } from '../peer-id.ts';
import type { TreeTuning } from './tree-tuning.ts';

export type Offence =
  /** Accepted, and delivered nothing. */
  | 'no-media'
  /** Delivered much less than it was sent. */
  | 'poor-media'
  /** Its path takes longer than it says. */
  | 'false-delay'
  /** Its path is not what a path can be. */
  | 'false-path'
  | 'old-epoch'
  /** Offered slots, and refused. */
  | 'refused'
  | 'unreachable'
  | 'flood';

export interface Ban {
  readonly offence: Offence;
  readonly until: Instant;
  /** How often it offended, times that are forgotten left out. */
  readonly count: number;
}

/** Shares of the usual length: a full peer may soon have room, and a connection may fail for many reasons. */
const LENGTH: Readonly<Record<Offence, number>> = {
  'no-media': 1,
  'poor-media': 1,
  'false-delay': 2,
  'false-path': 2,
  'old-epoch': 2,
  refused: 0.25,
  unreachable: 0.5,
  flood: 1,
};
/** Doublings beyond this are cut by the longest ban anyway. */
const MAX_DOUBLINGS = 8;

export class Bans {
  readonly #bans = new Map<PeerId, Ban>();
  readonly #tuning: TreeTuning;

  constructor(tuning: TreeTuning) {
    this.#tuning = tuning;
  }

  get(peerId: PeerId): Ban | null {
    return this.#bans.get(peerId) ?? null;
  }

  has(peerId: PeerId, now: Instant): boolean {
    const ban = this.#bans.get(peerId);
    return ban !== undefined && now < ban.until;
  }

  /** Those that hold, for explanation. */
  current(now: Instant): [PeerId, Ban][] {
    return [...this.#bans].filter(([, ban]) => now < ban.until);
  }

  lift(peerId: PeerId): void {
    this.#bans.delete(peerId);
  }

  add(peerId: PeerId, offence: Offence, now: Instant): void {
    const before = this.#bans.get(peerId);
    const { banMs, longestBanMs, forgetMs, maxBans } = this.#tuning;
    const isForgotten = before === undefined || now > before.until + forgetMs;
    const count = isForgotten ? 1 : before.count + 1;
    const lengthMs = banMs * LENGTH[offence] * (1 << Math.min(count - 1, MAX_DOUBLINGS));
    // Taken out first, so that the map stays in the order of the latest offence.
    this.#bans.delete(peerId);
    this.#bans.set(peerId, { offence, until: now + Math.min(lengthMs, longestBanMs), count });
    const [oldest] = this.#bans.keys();
    if (this.#bans.size > maxBans && oldest !== undefined) this.#bans.delete(oldest);
  }
}
