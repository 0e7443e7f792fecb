/** The peers that a peer knows of beyond its links: at most forty, the least useful culled (PROTOCOL.md, U2). */

import type { Instant } from '../link-control.ts';
import type { PeerId } from '../peer-id.ts';
import type { OfferedCandidate } from '../standing.ts';
import { parentCost } from './scores.ts';
import type { TreeTuning } from './tree-tuning.ts';

export interface KnownPeer extends OfferedCandidate {
  readonly seenAt: Instant;
  /** `null` before it was probed or linked. */
  readonly rttMs: number | null;
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
    this.#peers.set(peerId, { peerId, addresses, offer, seenAt: now, rttMs: rttMs ?? known?.rttMs ?? null });
    if (this.#peers.size > this.#tuning.roster) this.#cull(now);
  }

  forget(peerId: PeerId): void {
    this.#peers.delete(peerId);
  }

  /** Those of whom something was heard lately, best first. */
  best(now: Instant, count: number, isWanted: (peer: KnownPeer) => boolean): KnownPeer[] {
    const { freshMs } = this.#tuning;
    return [...this.#peers.values()]
      .filter((peer) => now - peer.seenAt <= freshMs && isWanted(peer))
      .map((peer) => ({ peer, cost: costOf(peer, now) }))
      .sort((a, b) => a.cost - b.cost)
      .slice(0, count)
      .map(({ peer }) => peer);
  }

  /** Drops what is long out of date. */
  expire(now: Instant): void {
    for (const [peerId, { seenAt }] of this.#peers) {
      if (now - seenAt > 2 * this.#tuning.freshMs) this.#peers.delete(peerId);
    }
  }

  #cull(now: Instant): void {
    let worst: PeerId | null = null;
    let worstCost = -Infinity;
    for (const [peerId, peer] of this.#peers) {
      const cost = costOf(peer, now);
      if (cost <= worstCost) continue;
      worst = peerId;
      worstCost = cost;
    }
    if (worst !== null) this.#peers.delete(worst);
  }
}

function costOf({ offer, rttMs, seenAt }: KnownPeer, now: Instant): number {
  const stale = ((now - seenAt) / STALE_COST.everyMs) * STALE_COST.costMs;
  return parentCost({ ...offer, rttMs, lossShare: 0, receivedShare: 1 }).totalMs + stale;
}
