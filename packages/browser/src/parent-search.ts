/** How a viewer finds a parent: it asks its relay, whom that names, and waits while the channel is not live. */

import type { Libp2p } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import type { ChannelId, ParentCandidate, Refusal } from '@casto/core';
import type { ChannelNews } from '@casto/host';
import {
  askParent,
  markStep,
  prepareEnd,
  type Attachment,
  type JoinRefusal,
  type LinkListener,
  type PreparedEnd,
} from './attachment.ts';
import { CastoError } from './errors.ts';
import { connectRelay, type RelaySession } from './relay-session.ts';
import type { PageContext } from './role.ts';

/** A peer behind a circuit: two hops of dialling. */
const DIAL_MS = 8_000;

export interface ParentSearchOptions {
  context: PageContext;
  libp2p: Libp2p;
  channel: ChannelId;
  /** Seconds since the viewer came to the channel. */
  ageS: () => number;
  onEvent: LinkListener;
}

export class ParentSearch {
  readonly #options: ParentSearchOptions;
  #session: RelaySession | null = null;

  constructor(options: ParentSearchOptions) {
    this.#options = options;
  }

  /**
   * Asks until somebody sends media.
   *
   * @throws {CastoError} When the channel cannot be watched here, or not now.
   */
  async find(signal: AbortSignal): Promise<Attachment> {
    let prepared: PreparedEnd | null = prepareEnd(this.#options.context);
    const session = await this.#openSession(signal).catch((error: unknown) => {
      prepared?.end.close();
      throw error;
    });
    for (;;) {
      const result = await this.#ask(session.connection, signal, prepared ?? undefined);
      prepared = null;
      if (!('type' in result)) return result;
      if (result.type === 'redirected') return this.#askCandidates(result.parents, signal);
      if (result.reason === 'offline') {
        await this.#watchUntil(session, signal, ({ live }) => live);
      } else if (result.reason === 'not-found') {
        await this.#waitForKnown(session, signal);
      } else {
        await this.#leave(session);
        throw refusalFailure(result.reason);
      }
    }
  }

  async #openSession(signal: AbortSignal): Promise<RelaySession> {
    if (this.#session?.isOpen) return this.#session;
    const { libp2p, context } = this.#options;
    this.#session = await connectRelay(libp2p, context.targets, signal);
    markStep('relay');
    return this.#session;
  }

  #ask(
    connection: RelaySession['connection'],
    signal: AbortSignal,
    prepared = prepareEnd(this.#options.context),
  ): Promise<Attachment | JoinRefusal> {
    const { context, channel, ageS, onEvent } = this.#options;
    return askParent(context, channel, connection, { prepared, ageS: ageS(), signal, onEvent });
  }

  async #askCandidates(parents: ParentCandidate[], signal: AbortSignal): Promise<Attachment> {
    const { addCircuit } = await import('./page-circuit.ts');
    await addCircuit(this.#options.libp2p);
    let failure: unknown = new CastoError('relay-full', 'every relay that carries the channel is full');
    for (const parent of parents) {
      try {
        const result = await this.#askCandidate(parent, signal);
        if (!('type' in result)) return result;
        if (result.type === 'refused') failure = refusalFailure(result.reason);
      } catch (error) {
        if (signal.aborted) throw error;
        failure = error;
      }
    }
    throw failure;
  }

  async #askCandidate(parent: ParentCandidate, signal: AbortSignal): Promise<Attachment | JoinRefusal> {
    const addresses = parent.addresses.map((address) => multiaddr(address));
    const connection = await this.#options.libp2p.dial(addresses, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(DIAL_MS)]),
    });
    if (connection.remotePeer.toString() !== parent.peerId) {
      throw new CastoError('protocol', 'the relay gave the address of another peer');
    }
    return this.#ask(connection, signal);
  }

  /** The next attempt may reach another relay of the list. */
  async #leave(session: RelaySession): Promise<void> {
    if (this.#options.context.targets.length < 2) return;
    this.#session = null;
    await session.close();
  }

  async #waitForKnown(session: RelaySession, signal: AbortSignal): Promise<void> {
    const news = await this.#watchUntil(session, signal, () => true);
    if (news.record === null) {
      await this.#leave(session);
      throw refusalFailure('not-found');
    }
    if (!news.live) await this.#watchUntil(session, signal, ({ live }) => live);
  }

  /** @throws {CastoError} `no-relay` when the relay is lost, `aborted`. */
  async #watchUntil(
    session: RelaySession,
    signal: AbortSignal,
    isEnough: (news: ChannelNews) => boolean,
  ): Promise<ChannelNews> {
    const rendezvous = await session.rendezvous();
    return new Promise((resolve, reject) => {
      const lost = (): void => reject(new CastoError('no-relay', 'the relay was lost'));
      session.onClosed = lost;
      rendezvous.onClosed = lost;
      const stopped = (): void => reject(new CastoError('aborted', 'stopped while waiting'));
      signal.addEventListener('abort', stopped, { once: true });
      rendezvous.watch(this.#options.channel, (news) => isEnough(news) && resolve(news)).catch(reject);
    });
  }
}

function refusalFailure(reason: Refusal): CastoError {
  switch (reason) {
    case 'full':
    case 'too-deep':
      return new CastoError('relay-full', 'the relay has no free slot');
    case 'no-common-codec':
      return new CastoError('no-common-codec', 'this browser cannot decode the video of the channel');
    case 'draining':
    case 'busy':
    case 'loop':
      return new CastoError('timed-out', `the relay cannot serve now: ${reason}`);
    case 'offline':
      return new CastoError('channel-offline', 'nothing is broadcast on the channel');
    case 'not-found':
      return new CastoError('channel-not-found', 'no relay knows the channel');
    case 'not-allowed':
      return new CastoError('no-permission', 'the relay does not allow it');
    default:
      return new CastoError('protocol', `the relay refused: ${reason}`);
  }
}

/** Whether another attempt can have another outcome. */
export function isWorthRetrying({ reason }: CastoError): boolean {
  return ['timed-out', 'no-relay', 'relay-full', 'protocol', 'channel-offline'].includes(reason);
}
