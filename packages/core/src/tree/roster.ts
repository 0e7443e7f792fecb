/** The peers that a peer knows of beyond its links: at most forty, the least useful culled (PROTOCOL.md, U2). */

import type { Instant } from '../link-control.ts';
import type { PeerId } from '../peer-id.ts';
import type { Offer, OfferedCandidate } from '../standing.ts';
import { parentCost } from './scores.ts';
import type { TreeTuning } from './tree-tuning.ts';

export interface KnownPeer extends OfferedCandidate {
  readonly seenAt: Instant;
  /** `null` before it was probed or linked. */
  readonly rttMs: number | null;
  /** Of two peers the one with the lower rank is the better, at any time. */
  readonly rank: number;
}

/** Each half minute without news makes a peer worth so much less, in milliseconds of path delay. */
const STALE_COST = { everyMs: 30_000, costMs: 40 } as const;

export class Roster {
  readonly #peers = new Map<PeerId, KnownPeer>();
  readonly #tuning: TreeTuning;

  constructor(tuning: TreeTuning) {
    this.#tuning = tuning;
  }

  get size(): number {
    return this.#peers.size;
  }

  get(peerId: PeerId): KnownPeer | undefined {
    return this.#peers.get(peerId);
  }

  /** Learns of a peer; one that is known keeps its round trip. */
  learn(candidate: OfferedCandidate, now: Instant, rttMs: number | null = null): void {
    const known = this.#peers.get(candidate.peerId);
    const { peerId, addresses, offer } = candidate;
    const measuredMs = rttMs ?? known?.rttMs ?? null;
    const rank = rankOf(offer, measuredMs, now);
    this.#peers.set(peerId, { peerId, addresses, offer, seenAt: now, rttMs: measuredMs, rank });
    if (this.#peers.size > this.#tuning.roster) this.#cull();
  }

  forget(peerId: PeerId): void {
    this.#peers.delete(peerId);
  }

  /** Those of whom something was heard lately, best first. */
  best(now: Instant, count: number, isWanted: (peer: KnownPeer) => boolean): KnownPeer[] {
    const { freshMs } = this.#tuning;
    return [...this.#peers.values()]
      .filter((peer) => now - peer.seenAt <= freshMs && isWanted(peer))
      .sort((a, b) => a.rank - b.rank)
      .slice(0, count);
  }

  /** Drops what is long out of date. */
  expire(now: Instant): void {
    for (const [peerId, { seenAt }] of this.#peers) {
      if (now - seenAt > 2 * this.#tuning.freshMs) this.#peers.delete(peerId);
    }
  }

  #cull(): void {
    let worst: KnownPeer | null = null;
    for (const peer of this.#peers.values()) if (worst === null || peer.rank > worst.rank) worst = peer;
    if (worst !== null) this.#peers.delete(worst.peerId);
  }
}

/** All grow older at the same pace, so that the order of two never changes: what counts is when each was seen. */
function rankOf(offer: Offer, rttMs: number | null, seenAt: Instant): number {
  const { totalMs } = parentCost({ ...offer, rttMs, lossShare: 0, receivedShare: 1 });
  return totalMs - (seenAt / STALE_COST.everyMs) * STALE_COST.costMs;
}
