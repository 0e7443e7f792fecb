/**
 * What one relay knows of the peers of one channel that have free slots (PROTOCOL.md, J2). It advises: whoever joins
 * asks the peers themselves.
 */

import type { Instant } from '../link-control.ts';
import { MAX_FOUND_PEERS } from '../config.ts';
import type { PeerId } from '../peer-id.ts';
import { createRandom } from '../random.ts';
import type { OfferedCandidate, Offer } from '../standing.ts';
import { parentCost } from './scores.ts';

export interface Directory {
  readonly size: number;
  /** Whether the peer has told of free slots, and not taken it back. */
  has(peerId: PeerId): boolean;
  /** A peer's offer changed; `null`: it has no slot any more. */
  report(now: Instant, peerId: PeerId, addresses: readonly string[], offer: Offer | null): void;
  /** The peer's connection is gone. */
  forget(peerId: PeerId): void;
  /** Some of those that told of free slots, for people to look at: none counts as named. */
  list(now: Instant, most: number): OfferedCandidate[];
  /** Candidates for a joiner, likely best first. @param most - By default, and never more than, `MAX_FOUND_PEERS`. */
  find(now: Instant, joiner: PeerId, layers: number, most?: number): OfferedCandidate[];
}

interface Entry {
  candidate: OfferedCandidate;
  /** What the offer costs a joiner of whom nothing is known. */
  costMs: number;
  toldAt: Instant;
  /** Joiners that it was named to of late, and since when they are counted. */
  named: number;
  namedSince: Instant;
  at: number;
  /** The last answer that it was drawn for. */
  drawnFor: number;
}

/** Peers of one channel at one relay. */
const MAX_ENTRIES = 5_000;
/** An offer that was not repeated twice is out of date. */
const OFFER_MS = 75_000;
/** Drawn for one answer; of these the best are named. Enough to find near ones, few enough that a crowd spreads. */
const DRAWN = 4 * MAX_FOUND_PEERS;
/** A peer that was named to so many joiners per free slot will be full. */
const NAMED_PER_SLOT = 3;
/** A directory knows how to reach those that report to it; more would be most of its answers' bytes. */
const NAMED_ADDRESSES = 1;
/** Whoever has not come by then goes elsewhere. */
const NAMED_MS = 2_000;
/** What a place costs more for each joiner that it was named to, in milliseconds of path delay. */
const NAMED_COST_MS = 10;

/** @param own - The relay itself, which is named whenever it has room: whoever asks it can reach it. */
export function createDirectory({ seed, own = null }: { seed: number; own?: PeerId | null }): Directory {
  const random = createRandom(seed);
  const entries: Entry[] = [];
  const byPeer = new Map<PeerId, Entry>();
  const remove = (entry: Entry): void => {
    byPeer.delete(entry.candidate.peerId);
    const last = entries.pop();
    if (last === undefined || last === entry) return;
    entries[entry.at] = last;
    last.at = entry.at;
  };
  let answers = 0;
  return {
    get size() {
      return entries.length;
    },
    has: (peerId) => byPeer.has(peerId),
    report: (now, peerId, addresses, offer) => {
      const entry = byPeer.get(peerId);
      if (offer === null) {
        if (entry) remove(entry);
        return;
      }
      const candidate = { peerId, addresses: addresses.slice(0, NAMED_ADDRESSES), offer };
      const costMs = costOf(offer);
      if (entry) {
        Object.assign(entry, { candidate, costMs, toldAt: now, named: 0, namedSince: now });
        return;
      }
      if (entries.length >= MAX_ENTRIES) {
        const victim = entries[random.below(entries.length)];
        if (victim) remove(victim);
      }
      const counts = { named: 0, namedSince: now, at: entries.length, drawnFor: 0 };
      const added: Entry = { candidate, costMs, toldAt: now, ...counts };
      entries.push(added);
      byPeer.set(peerId, added);
    },
    forget: (peerId) => {
      const entry = byPeer.get(peerId);
      if (entry) remove(entry);
    },
    list: (now, most) =>
      entries
        .slice(0, most)
        .filter(({ toldAt }) => now - toldAt <= OFFER_MS)
        .map(({ candidate }) => candidate),
    find: (now, joiner, layers, most = MAX_FOUND_PEERS) => {
      const answer = ++answers;
      const best = new Shortlist(Math.min(most, MAX_FOUND_PEERS));
      const draw = (entry: Entry): void => {
        entry.drawnFor = answer;
        best.add(entry);
      };
      const first = own === null ? undefined : byPeer.get(own);
      if (first && isWantedBy(first, joiner, layers)) draw(first);
      for (let i = 0; i < DRAWN && entries.length > 0; i++) {
        const entry = entries[entries.length <= DRAWN ? i : random.below(entries.length)];
        if (entry === undefined) break;
        if (now - entry.toldAt > OFFER_MS) remove(entry);
        else if (entry.drawnFor !== answer && isFor(entry, now, joiner, layers)) draw(entry);
      }
      for (const entry of best.entries) if (entry !== first) entry.named++;
      return best.entries.map(({ candidate }) => candidate);
    },
  };
}

function costOf(offer: Offer): number {
  return parentCost({ ...offer, rttMs: null, lossShare: 0, receivedShare: 1 }).totalMs;
}

/** The cheapest of those added, cheapest first. */
class Shortlist {
  readonly entries: Entry[] = [];
  readonly #costs: number[] = [];
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  add(entry: Entry): void {
    const cost = entry.costMs + entry.named * NAMED_COST_MS;
    let at = this.entries.length;
    while (at > 0 && (this.#costs[at - 1] ?? 0) > cost) at--;
    if (at >= this.#most) return;
    this.entries.splice(at, 0, entry);
    this.#costs.splice(at, 0, cost);
    if (this.entries.length <= this.#most) return;
    this.entries.pop();
    this.#costs.pop();
  }
}

function isFor(entry: Entry, now: Instant, joiner: PeerId, layers: number): boolean {
  const { candidate, namedSince } = entry;
  if (now - namedSince > NAMED_MS) {
    entry.named = 0;
    entry.namedSince = now;
  }
  return entry.named < NAMED_PER_SLOT * candidate.offer.freeSlots && isWantedBy(entry, joiner, layers);
}

function isWantedBy({ candidate }: Entry, joiner: PeerId, layers: number): boolean {
  return candidate.peerId !== joiner && (candidate.offer.layers & layers) !== 0;
}
