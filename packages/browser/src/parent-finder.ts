/** How a viewer asks for parents, of parents, and reaches them: over its relays, or through a relay's circuit. */

import type { Connection, Libp2p } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import {
  encodePath,
  shortId,
  type ChannelId,
  type OfferedCandidate,
  type Offer,
  type ParentCandidate,
  type PeerId,
  type Standing,
} from '@casto/core';
import type { Probed, RendezvousClient } from '@casto/host';
import { CastoError } from './errors.ts';
import { dialRelay } from './page-peer.ts';
import type { PageRelays } from './page-relays.ts';
import type { RelaySession } from './relay-session.ts';

/** A peer behind a circuit: two hops of dialling. */
const DIAL_MS = 8_000;
/** A relay answers from memory; what comes later than this is of no use to the search. */
const SEEK_MS = 1_000;
/** Peers of whom it is remembered which relay named them. */
const MAX_NAMED = 128;

/**
 * What is thought of a relay of the page's own list that has not said how it stands: it takes the channel in from its
 * streamer, or from the relay of its streamer, as soon as somebody asks for it.
 */
const ASSUMED: Offer = { kind: 'headless', depth: 1, delayMs: 0, freeSlots: 1, ageS: 0, layers: 0b111 };
const ASSUMED_RTT_MS = 100;

export interface ParentFinderOptions {
  libp2p: Libp2p;
  channel: ChannelId;
  relays: PageRelays;
}

export class ParentFinder {
  readonly #options: ParentFinderOptions;
  /** The relay that can pass a probe on to a peer. */
  readonly #namedBy = new Map<PeerId, RelaySession>();
  /** Where relays stood when they last had the channel. */
  readonly #lastPaths = new Map<PeerId, Uint8Array>();

  constructor(options: ParentFinderOptions) {
    this.#options = options;
  }

  /** Fetches what a circuit is dialled with. Never rejects. */
  async prepare(): Promise<void> {
    // Without it the first dial says what is wrong.
    await addCircuit(this.#options.libp2p).catch(() => {});
  }

  /** Peers with free slots that a relay knows, and the relay itself. Never rejects. */
  async seek(session: RelaySession, layers: number): Promise<OfferedCandidate[]> {
    const { channel } = this.#options;
    const rendezvous = await rendezvousOf(session);
    const found = (await rendezvous?.seek(channel, layers, SEEK_MS)) ?? [];
    for (const { peerId } of found) this.#rememberNamed(peerId, session);
    const { relayId } = session;
    const own = found.find(({ peerId }) => peerId === relayId) ?? {
      peerId: relayId,
      addresses: [],
      offer: ASSUMED,
    };
    return [own, ...found.filter(({ peerId }) => peerId !== relayId)];
  }

  /**
   * Asks a peer where it stands.
   *
   * @param assumed.epoch - A relay of the page's own list that has no place is taken to find one in this broadcast;
   * `null`: it is taken at its word.
   */
  async probe(peerId: PeerId, assumed: { epoch: number | null }): Promise<Probed | null> {
    const { channel, relays } = this.#options;
    const own = relays.of(peerId);
    const session = own ?? this.#namedBy.get(peerId) ?? relays.open[0];
    const rendezvous = session ? await rendezvousOf(session) : null;
    const probed = (await rendezvous?.probe(channel, peerId)) ?? null;
    if (own === null || assumed.epoch === null) return probed;
    if (probed?.standing) this.rememberPath(peerId, probed.standing.path);
    const rttMs = probed?.rttMs ?? ASSUMED_RTT_MS;
    return { rttMs, standing: probed?.standing ?? this.#assumedStanding(peerId, assumed.epoch) };
  }

  /** A relay that has let the channel go would come back where it was. */
  rememberPath(peerId: PeerId, path: Uint8Array): void {
    if (path.length > 0 && this.#options.relays.of(peerId) !== null) this.#lastPaths.set(peerId, path);
  }

  /** Whether libp2p can lead to this peer: it is one of the page's relays, or reached through one. */
  canReach({ peerId, addresses }: ParentCandidate): boolean {
    const { relays } = this.#options;
    if (relays.of(peerId) !== null) return true;
    const isDirect = addresses.some((address) => !address.includes('/p2p-circuit'));
    return isDirect || (addresses.length > 0 && relays.open.length > 0);
  }

  /** @throws {CastoError} `protocol`, and whatever keeps a connection from coming about. */
  async connect({ peerId, addresses }: ParentCandidate, signal: AbortSignal): Promise<Connection> {
    const session = this.#options.relays.of(peerId);
    if (session) return session.connection;
    const timely = AbortSignal.any([signal, AbortSignal.timeout(DIAL_MS)]);
    const direct = addresses.filter((address) => !address.includes('/p2p-circuit'));
    const connection = await (direct.length > 0
      ? dialRelay(this.#options.libp2p, direct, timely)
      : this.#dialCircuit(addresses, timely));
    if (connection.remotePeer.toString() !== peerId) {
      throw new CastoError('protocol', 'the relay gave the address of another peer');
    }
    return connection;
  }

  /** A connection that only served a join; those to the page's relays stay. */
  release(peerId: PeerId, connection: Connection): void {
    if (this.#options.relays.of(peerId)?.connection === connection) return;
    connection.close().catch(() => {});
  }

  async #dialCircuit(addresses: readonly string[], signal: AbortSignal): Promise<Connection> {
    const { libp2p } = this.#options;
    await addCircuit(libp2p);
    return libp2p.dial(
      addresses.map((address) => multiaddr(address)),
      { signal },
    );
  }

  #assumedStanding(peerId: PeerId, epoch: number): Standing {
    const { channel } = this.#options;
    const path = this.#lastPaths.get(peerId) ?? encodePath([shortId(channel), shortId(peerId)]);
    return { ...ASSUMED, depth: path.length / BYTES_PER_HOP - 1, path, epoch, flowing: true };
  }

  #rememberNamed(peerId: PeerId, session: RelaySession): void {
    this.#namedBy.delete(peerId);
    this.#namedBy.set(peerId, session);
    const [oldest] = this.#namedBy.keys();
    if (this.#namedBy.size > MAX_NAMED && oldest !== undefined) this.#namedBy.delete(oldest);
  }
}

/** Loaded when it is needed. */
async function addCircuit(libp2p: Libp2p): Promise<void> {
  const circuit = await import('./page-circuit.ts');
  await circuit.addCircuit(libp2p);
}

/** Of an encoded path: one short id. */
const BYTES_PER_HOP = 4;

/** `null` when the relay has no rendezvous stream for this page. */
async function rendezvousOf(session: RelaySession): Promise<RendezvousClient | null> {
  return session.rendezvous().catch(() => null);
}
