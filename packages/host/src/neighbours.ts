/**
 * What a peer's links are good for besides media: finding other peers of the channel and reaching them, without a relay
 * and without libp2p (PROTOCOL.md, K7 and K9).
 */

import type { OfferedCandidate, PeerId } from '@casto/core';
import type { ChildEnd } from './link-ports.ts';
import {
  requestLinkOver,
  type JoinOutcome,
  type JoinRequest,
  type LinkRequestOptions,
} from './link-handshake.ts';
import { LinkSignaling, type LinkSignalingOptions } from './link-signaling.ts';
import { NeighbourSearch, type NeighbourSearchOptions } from './neighbour-search.ts';
import type { LinkEvent, PeerLink } from './peer-link.ts';
import type { Probed } from './rendezvous-questions.ts';

export type NeighboursOptions = LinkSignalingOptions & NeighbourSearchOptions;

export class Neighbours {
  readonly #options: NeighboursOptions;
  readonly #signaling: LinkSignaling;
  readonly #search: NeighbourSearch;

  constructor(options: NeighboursOptions) {
    this.#options = options;
    this.#signaling = new LinkSignaling(options);
    this.#search = new NeighbourSearch(options);
  }

  /** Takes every event of every link of the channel, and acts on those that it is about. */
  take(link: PeerLink, event: LinkEvent): void {
    if (event.type === 'forward') this.#signaling.take(event.message, link);
    else this.#search.take(link, event);
  }

  /** Asks the neighbours for peers that may become parents: an answer for the tree's input `found`. Never rejects. */
  seek(layers: number): Promise<OfferedCandidate[]> {
    return this.#search.seek(layers);
  }

  /** Where a peer stands as its neighbours know it; `null` when none does. Never rejects. */
  probe(peerId: PeerId): Promise<Probed | null> {
    return this.#search.probe(peerId);
  }

  /** Whether a neighbour has named this peer, and is still there to pass signals on. */
  reaches(peerId: PeerId): boolean {
    return this.#search.routesTo(peerId).length > 0;
  }

  /**
   * Asks a peer to become the parent, over the neighbours that named it, else over those that may know it.
   *
   * @throws When no neighbour is left, the answer is malformed or does not come, or `signal` aborts. The end is then
   *   closed.
   */
  requestLink(
    peerId: PeerId,
    end: ChildEnd,
    join: Omit<JoinRequest, 'offer'>,
    { signal, keepsEnd = false }: Pick<LinkRequestOptions, 'signal' | 'keepsEnd'>,
  ): Promise<JoinOutcome> {
    const { refused, clock } = this.#options;
    const open = async (): Promise<ReturnType<LinkSignaling['open']>> =>
      this.#signaling.open(peerId, this.#search.routesTo(peerId));
    return requestLinkOver(open, end, join, { signal, keepsEnd, refused, clock });
  }

  /** Breaks off handshakes that are under way; links live on. Idempotent. */
  close(): void {
    this.#signaling.close();
  }
}
