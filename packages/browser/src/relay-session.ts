/** A page's connection to one of its relays. */

import type { Connection, Libp2p } from '@libp2p/interface';
import type { PeerId } from '@casto/core';
import { peerIdOf, RendezvousClient } from '@casto/host';
import { CastoError } from './errors.ts';
import { dialRelay, wait } from './page-peer.ts';
import type { RelayTarget } from './relay-list.ts';

/** The next relay of the list is tried as well when the one before has not answered for this long. */
const STAGGER_MS = 1_000;
const RENDEZVOUS_MS = 8_000;

export interface RelaySession {
  readonly target: RelayTarget;
  readonly connection: Connection;
  readonly relayId: PeerId;
  /** The rendezvous stream, opened at first use, and anew when it was lost. */
  rendezvous(): Promise<RendezvousClient>;
  readonly isOpen: boolean;
  onClosed: (() => void) | null;
  close(): Promise<void>;
}

/**
 * Connects to the first relay that answers, in the order of the list.
 *
 * @throws {CastoError} `no-relay`, or `aborted`.
 */
export async function connectRelay(
  libp2p: Libp2p,
  targets: readonly RelayTarget[],
  signal: AbortSignal,
): Promise<RelaySession> {
  if (targets.length === 0) throw new CastoError('no-relay', 'no relay is known to this page');
  const won = new AbortController();
  const race = AbortSignal.any([signal, won.signal]);
  const attempts = targets.map(async (target, i) => {
    if (i > 0) await wait(i * STAGGER_MS, race);
    const connection = await dialRelay(libp2p, await target.addresses(race), race);
    return openSession(target, connection);
  });
  try {
    const session = await Promise.any(attempts);
    won.abort();
    closeLosers(attempts, session);
    return session;
  } catch (error) {
    if (signal.aborted) throw new CastoError('aborted', 'stopped while connecting', { cause: error });
    throw new CastoError('no-relay', `no relay answers (${targets.map(({ name }) => name).join(', ')})`, {
      cause: error,
    });
  }
}

function closeLosers(attempts: Promise<RelaySession>[], winner: RelaySession): void {
  for (const attempt of attempts) {
    // Two names of one relay give the same connection.
    const closeLoser = (session: RelaySession): void => {
      if (session.connection !== winner.connection) void session.close();
    };
    void attempt.then(closeLoser).catch(() => {});
  }
}

function openSession(target: RelayTarget, connection: Connection): RelaySession {
  const relayId = peerIdOf(connection.remotePeer);
  let opening: Promise<RendezvousClient> | null = null;
  let client: RendezvousClient | null = null;
  let isOpen = connection.status === 'open';
  const session: RelaySession = {
    target,
    connection,
    relayId,
    get isOpen() {
      return isOpen;
    },
    onClosed: null,
    rendezvous: async () => {
      if (client?.isClosed) opening = client = null;
      opening ??= RendezvousClient.open(connection, AbortSignal.timeout(RENDEZVOUS_MS));
      try {
        return (client = await opening);
      } catch (error) {
        opening = null;
        throw error;
      }
    },
    close: () => connection.close().catch(() => connection.abort(new Error('closed'))),
  };
  connection.addEventListener('close', () => {
    isOpen = false;
    session.onClosed?.();
  });
  return session;
}
