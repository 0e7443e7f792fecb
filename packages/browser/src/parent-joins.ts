/** A viewer's attempts at parents, on behalf of the tree: from its wish to join one to the link that comes of it. */

import type { Connection } from '@libp2p/interface';
import type { ChannelId, JoinAnswer, ParentCandidate, PeerId, TreeJoin } from '@casto/core';
import { joinAnswerOf, requestLink, type LinkEvent, type Neighbours } from '@casto/host';
import {
  askParent,
  discardEnd,
  prepareEnd,
  type AskedPeer,
  type Attachment,
  type PreparedEnd,
} from './attachment.ts';
import { toCastoError } from './errors.ts';
import { refusalFailure } from './join-failure.ts';
import type { ParentSearch } from './parent-search.ts';
import type { PageContext } from './role.ts';

export interface ParentJoinsOptions {
  readonly context: PageContext;
  readonly channel: ChannelId;
  readonly search: ParentSearch;
  /** Peers at the other ends of links: a way to others without a relay. `null` before there is a picture. */
  readonly neighbours: () => Neighbours | null;
  readonly signal: AbortSignal;
  readonly answered: (peerId: PeerId, answer: JoinAnswer) => void;
  /** A parent has accepted; `null`: the way to it led over neighbours. */
  readonly onAccepted: (attachment: Attachment, connection: Connection | null) => void;
  readonly onEvent: (attachment: Attachment, event: LinkEvent) => void;
  /** The first picture since media were wanted. */
  readonly onFlowing: (attachment: Attachment) => void;
}

export class ParentJoins {
  readonly #options: ParentJoinsOptions;
  /** Joins that have no link yet. */
  readonly #attempts = new Map<PeerId, AbortController>();
  /** An end whose offer is made while a relay is being reached, or that a peer had no place for. */
  #prepared: PreparedEnd | null = null;

  constructor(options: ParentJoinsOptions) {
    this.#options = options;
  }

  /**
   * Makes the offer of the first join ahead of it: as soon as a relay has named its ICE servers, which takes one request,
   * and while it is being connected.
   */
  async prepare(): Promise<void> {
    const { context, signal } = this.#options;
    const { settings, targets } = context;
    if (settings.iceServers === null) await Promise.race(targets.map(({ told }) => told));
    if (!signal.aborted) this.#prepared ??= prepareEnd(context);
  }

  async join(candidate: ParentCandidate, join: TreeJoin): Promise<void> {
    const { context, channel, search, answered, onAccepted, onEvent, onFlowing } = this.#options;
    const { peerId } = candidate;
    const attempt = new AbortController();
    this.#attempts.set(peerId, attempt);
    const signal = AbortSignal.any([attempt.signal, this.#options.signal]);
    const prepared = this.#takePrepared();
    let connection: Connection | null = null;
    try {
      connection = await this.#connect(candidate, signal);
      const asked = { peerId, request: this.#requester(peerId, connection, signal) };
      const result = await askParent(context, asked, { channel, join, prepared, onEvent, onFlowing });
      if (!('type' in result)) {
        this.close();
        return onAccepted(result, connection);
      }
      this.#keep(prepared);
      answered(peerId, joinAnswerOf(result));
      if (result.type === 'refused') search.refused(peerId, refusalFailure(result.reason));
      if (connection !== null) search.finder.release(peerId, connection);
    } catch (error) {
      discardEnd(context, prepared);
      if (connection !== null) search.finder.release(peerId, connection);
      // The tree has given the attempt up, and may have begun another.
      if (signal.aborted) return;
      answered(peerId, { type: 'failed' });
      search.failed(toCastoError(error, 'protocol', 'a join failed'));
    } finally {
      if (this.#attempts.get(peerId) === attempt) this.#attempts.delete(peerId);
    }
  }

  abandon(peerId: PeerId): void {
    this.#attempts.get(peerId)?.abort(new Error('given up'));
  }

  /** Lets go of an end that is held ready. */
  close(): void {
    if (this.#prepared !== null) discardEnd(this.#options.context, this.#prepared);
    this.#prepared = null;
  }

  /** @returns `null` when the peer is to be asked over neighbours. */
  async #connect(candidate: ParentCandidate, signal: AbortSignal): Promise<Connection | null> {
    const { search, neighbours } = this.#options;
    if (neighbours() !== null && !search.finder.canReach(candidate)) return null;
    try {
      return await search.finder.connect(candidate, signal);
    } catch (error) {
      if (signal.aborted || neighbours()?.reaches(candidate.peerId) !== true) throw error;
      return null;
    }
  }

  #requester(peerId: PeerId, connection: Connection | null, signal: AbortSignal): AskedPeer['request'] {
    const { context, neighbours } = this.#options;
    const options = { signal, keepsEnd: true, refused: context.refused };
    return async (end, join) => {
      if (connection !== null) return requestLink(connection, end, join, options);
      const way = neighbours();
      if (way === null) throw new Error('no way leads to the peer');
      return way.requestLink(peerId, end, join, options);
    };
  }

  /** Its offer is as good for the next peer that is asked. */
  #keep(prepared: PreparedEnd): void {
    if (this.#prepared === null && !this.#options.signal.aborted) this.#prepared = prepared;
    else discardEnd(this.#options.context, prepared);
  }

  #takePrepared(): PreparedEnd {
    const prepared = this.#prepared ?? prepareEnd(this.#options.context);
    this.#prepared = null;
    return prepared;
  }
}
