/**
 * Asks neighbours whom they are linked to, and answers them (PROTOCOL.md, K9): what a directory does, where none is left.
 */

import {
  neighboursFor,
  type KnownNeighbour,
  type Neighbour,
  type Offer,
  type OfferedCandidate,
  type PeerId,
} from '@casto/core';
import type { Clock } from './clock.ts';
import { likelyRoutes } from './likely-routes.ts';
import type { LinkEvent, PeerLink } from './peer-link.ts';
import type { Probed } from './rendezvous-questions.ts';

/** As long as a search waits for a directory; what comes later is of use to the next question. */
const PATIENCE_MS = 1_000;
/** K9.4: after that a standing is hearsay. */
const FRESH_MS = 2_000;
const ALL_LAYERS = 0b111;

export interface NeighbourSearchOptions {
  readonly self: PeerId;
  readonly clock: Clock;
  /** All links of the channel. */
  readonly links: () => Iterable<PeerLink>;
  /** Numbers in [0, 1). */
  readonly random?: () => number;
}

interface Answer {
  readonly at: number;
  readonly peers: readonly Neighbour[];
}

/** A peer as one neighbour knows it. */
interface Sighting {
  readonly named: Neighbour;
  readonly over: PeerLink;
  readonly rttMs: number;
}

export class NeighbourSearch {
  readonly #options: NeighbourSearchOptions;
  /** The last answer over each link that is open. */
  readonly #answers = new Map<PeerLink, Answer>();
  #question: Promise<void> | null = null;
  readonly #unanswered = new Set<PeerLink>();
  #settle: () => void = () => {};

  constructor(options: NeighbourSearchOptions) {
    this.#options = options;
  }

  /** Takes what a link says; what concerns others is left to them. */
  take(link: PeerLink, event: LinkEvent): void {
    switch (event.type) {
      case 'neighbours-wanted':
        return this.#answer(link, event.layers);
      case 'neighbours':
        this.#answers.set(link, { at: this.#options.clock.now(), peers: event.peers });
        return this.#forgetQuestion(link);
      case 'closed':
        this.#answers.delete(link);
        return this.#forgetQuestion(link);
      default:
      // The rest is the tree's.
    }
  }

  /** Peers that neighbours name, the likely best first; none that this peer is linked to. Never rejects. */
  async seek(layers: number): Promise<OfferedCandidate[]> {
    await this.#ask(layers);
    const linked = new Set([...this.#options.links()].map(({ peerId }) => peerId));
    const named = new Map<PeerId, OfferedCandidate>();
    for (const { peerId, addresses, standing } of this.#fresh().map((sighting) => sighting.named)) {
      if (linked.has(peerId) || (standing.layers & layers) === 0) continue;
      // Not every neighbour was told where it is reached.
      const reached = addresses.length > 0 ? addresses : (named.get(peerId)?.addresses ?? []);
      named.set(peerId, { peerId, addresses: reached, offer: offerIn(standing) });
    }
    return [...named.values()].toSorted((one, other) => one.offer.delayMs - other.offer.delayMs);
  }

  /** Where a peer stands as its neighbours know it, `null` when none does. Never rejects. */
  async probe(peerId: PeerId): Promise<Probed | null> {
    const known = this.#nearest(peerId);
    if (known === null) await this.#ask(ALL_LAYERS);
    const sighting = known ?? this.#nearest(peerId);
    return sighting && { rttMs: sighting.rttMs, standing: sighting.named.standing };
  }

  /** The links whose other ends said that they are linked to a peer, the shortest way first. */
  routesTo(peerId: PeerId): PeerLink[] {
    return this.#sightings(-Infinity)
      .filter(({ named, over }) => named.peerId === peerId && over.isOpen)
      .toSorted((one, other) => one.rttMs - other.rttMs)
      .map(({ over }) => over);
  }

  #answer(link: PeerLink, layers: number): void {
    const { links, random = Math.random } = this.#options;
    const known = [...links()].filter(({ isOpen, isSilent }) => isOpen && !isSilent).map(knownOver);
    link.send({ type: 'neighbours', peers: neighboursFor({ asker: link.peerId, layers }, known, random) });
  }

  /** One question at a time is under way. */
  #ask(layers: number): Promise<void> {
    this.#question ??= this.#askAll(layers).finally(() => (this.#question = null));
    return this.#question;
  }

  async #askAll(layers: number): Promise<void> {
    const { links, clock } = this.#options;
    for (const link of this.#answers.keys()) if (link.isClosed) this.#answers.delete(link);
    for (const link of likelyRoutes(links())) if (link.seek(layers)) this.#unanswered.add(link);
    if (this.#unanswered.size === 0) return;
    const settled = new Promise<void>((resolve) => (this.#settle = resolve));
    const cancel = clock.setTimer(() => this.#settle(), PATIENCE_MS);
    await settled;
    cancel();
    this.#unanswered.clear();
  }

  #forgetQuestion(link: PeerLink): void {
    if (this.#unanswered.delete(link) && this.#unanswered.size === 0) this.#settle();
  }

  #nearest(peerId: PeerId): Sighting | null {
    const sightings = this.#fresh().filter(({ named }) => named.peerId === peerId);
    return sightings.toSorted((one, other) => one.rttMs - other.rttMs)[0] ?? null;
  }

  #fresh(): Sighting[] {
    return this.#sightings(this.#options.clock.now() - FRESH_MS);
  }

  #sightings(since: number): Sighting[] {
    const { self } = this.#options;
    return [...this.#answers]
      .filter(([, { at }]) => at >= since)
      .flatMap(([over, { peers }]) =>
        peers.map((named) => ({ named, over, rttMs: (over.rttMs ?? 0) + named.rttMs })),
      )
      .filter(({ named }) => named.peerId !== self);
  }
}

function knownOver(link: PeerLink): KnownNeighbour {
  const { peerId, kind, remoteAddresses: addresses, remoteState: state, rttMs, role } = link;
  return { peerId, kind, addresses, state, rttMs, isParent: role === 'child' };
}

function offerIn({ kind, depth, delayMs, freeSlots, ageS, layers }: Neighbour['standing']): Offer {
  return { kind, depth, delayMs, freeSlots, ageS, layers };
}
