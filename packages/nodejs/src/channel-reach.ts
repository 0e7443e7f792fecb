/**
 * Whom a relay may ask for a channel, and over what: peers that the network of relays names, over libp2p, and peers that
 * its neighbours in the channel know, over those.
 */

import type { ParentCandidate } from '@casto/core';
import {
  requestLink,
  type ChildEnd,
  type Clock,
  type JoinOutcome,
  type JoinRequest,
  type Neighbours,
  type Probed,
  type RefusalCounter,
} from '@casto/host';
import type { ChannelSearch, Seek } from './channel-search.ts';

/** Asks a peer that can be reached to become the parent. */
export type ParentRequest = (
  end: ChildEnd,
  join: Omit<JoinRequest, 'offer'>,
  signal: AbortSignal,
) => Promise<JoinOutcome>;

export interface ChannelReachOptions {
  readonly search: ChannelSearch;
  readonly neighbours: Neighbours;
  readonly refused: RefusalCounter;
  readonly clock: Clock;
}

export class ChannelReach {
  readonly #options: ChannelReachOptions;

  constructor(options: ChannelReachOptions) {
    this.#options = options;
  }

  /**
   * Looks for peers that may become parents. Neighbours are asked besides when a parent is missing: no answer of theirs
   * is waited for, because what comes late is known to the next round. Never rejects.
   */
  seek(seek: Seek, layers: number): Promise<void> {
    const { search, neighbours } = this.#options;
    if (seek.isForParent) void neighbours.seek(layers).then((named) => seek.found(named, false));
    return search.seek(seek);
  }

  /** Asks a candidate where it stands; `null` when nobody knows. Never rejects. */
  probe(candidate: ParentCandidate): Promise<Probed | null> {
    const { search, neighbours } = this.#options;
    return this.#isOverNeighbours(candidate) ? neighbours.probe(candidate.peerId) : search.probe(candidate);
  }

  /** @throws When the peer cannot be reached. */
  async reach(candidate: ParentCandidate): Promise<ParentRequest> {
    const { search, neighbours, refused, clock } = this.#options;
    if (this.#isOverNeighbours(candidate)) {
      return (end, join, signal) => neighbours.requestLink(candidate.peerId, end, join, { signal });
    }
    const connection = await search.connect(candidate);
    return (end, join, signal) => requestLink(connection, end, join, { signal, refused, clock });
  }

  #isOverNeighbours({ peerId }: ParentCandidate): boolean {
    const { search, neighbours } = this.#options;
    return !search.isConnected(peerId) && neighbours.reaches(peerId);
  }
}
