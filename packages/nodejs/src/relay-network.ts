/**
 * How relays find each other and each other's channels: they dial the peers they discover, gossip what they carry,
 * and keep provider and channel records in the DHT.
 */

import type { Connection } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr';
import { CID } from 'multiformats/cid';
import { sha256 } from 'multiformats/hashes/sha2';
import {
  integer,
  isPeerId,
  list,
  MalformedError,
  messageCodec,
  peerId,
  recordKey,
  type ChannelId,
  type PeerId,
} from '@casto/core';
import { tokenBucket, type Clock, type RefusalCounter, type SignedRecord } from '@casto/host';
import { RELAY_TOPIC, type RelayPeer } from './libp2p-peer.ts';
import { MAX_SHOWN_RELAYS, type OtherRelay } from './relay-overview.ts';
import type { RelayLog } from './relay-log.ts';
import { StoredPeers } from './stored-peers.ts';

/** What a relay tells all others. */
const gossipCodec = messageCodec(
  {
    load: {
      code: 1,
      fields: {
        viewers: integer(0, 0xffffffff),
        maxViewers: integer(0, 0xffffffff),
        /** Live channels that the relay receives from their streamers. */
        channels: list(peerId, 500),
      },
    },
  },
  32_768,
);

/** How often the load is repeated for relays that came later. */
const GOSSIP_MS = 5_000;
/** Changes closer together than this travel in one message. */
const GOSSIP_GATHER_MS = 100;
/** After this long without news a relay's channels are no longer believed. */
const FORGET_RELAY_MS = 3 * GOSSIP_MS;
const MAX_KNOWN_RELAYS = 500;
/** How often relays of the own list are dialled while they are not connected. */
const REDIAL_MS = 3_000;
const DIAL_MS = 5_000;
/** A DHT of a few hundred relays answers within a second. */
const DHT_LOOKUP_MS = 3_000;
/** Relays asked for one channel. Each may take the time of a dial to say nothing. */
const MAX_CARRIERS = 8;
/** Queries of the DHT at once, whoever asks; each may take its whole time. What is beyond finds nothing. */
const MAX_LOOKUPS = 64;

interface KnownRelay {
  channels: ReadonlySet<ChannelId>;
  viewers: number;
  maxViewers: number;
  heardAt: number;
}

export interface RelayNetworkOptions {
  libp2p: RelayPeer;
  clock: Clock;
  log: RelayLog;
  refused: RefusalCounter;
  /** Multiaddrs of the relays that this one was told to know. */
  peers: string[];
  load: () => { viewers: number; maxViewers: number; channels: ChannelId[] };
}

export class RelayNetwork {
  readonly #options: RelayNetworkOptions;
  readonly #relays = new Map<PeerId, KnownRelay>();
  readonly #dials = tokenBucket(5, 20);
  readonly #stored: StoredPeers;
  #cancelGossip: () => void = () => {};
  #cancelRedial: () => void = () => {};
  #gossipSoon = false;
  #lookups = 0;
  #stopped = false;

  constructor(options: RelayNetworkOptions) {
    this.#options = options;
    const { libp2p, clock } = options;
    this.#stored = new StoredPeers({ libp2p, clock });
    libp2p.addEventListener(
      'peer:discovery',
      (event) => void this.#dialDiscovered(event.detail.id.toString()),
    );
    libp2p.services.gossip.addEventListener('message', (event) => {
      const { detail } = event;
      if (detail.topic === RELAY_TOPIC && detail.type === 'signed')
        this.#hear(detail.from.toString(), detail.data);
    });
    libp2p.services.gossip.subscribe(RELAY_TOPIC);
    this.#gossipRegularly();
    void this.#redialRegularly();
  }

  stop(): void {
    this.#stopped = true;
    this.#stored.stop();
    this.#cancelGossip();
    this.#cancelRedial();
  }

  /** Relays that were heard of lately. */
  get knownRelays(): number {
    return this.#relays.size;
  }

  /** Some of them, for people. */
  relays(): OtherRelay[] {
    const now = this.#options.clock.now();
    return [...this.#relays]
      .slice(0, MAX_SHOWN_RELAYS)
      .map(([id, { channels, viewers, maxViewers, heardAt }]) => ({
        peerId: id,
        viewers,
        maxViewers,
        channels: channels.size,
        heardMsAgo: Math.round(now - heardAt),
        isConnected: this.isConnected(id),
      }));
  }

  /** Relays that say that they have channels: those that are connected first, then those with most viewers. */
  relaysWithChannels(): PeerId[] {
    const rank = ([id, { viewers }]: [PeerId, KnownRelay]): [number, number] => [
      this.isConnected(id) ? 0 : 1,
      -viewers,
    ];
    return [...this.#relays]
      .filter(([, relay]) => this.#isFresh(relay) && relay.channels.size > 0)
      .map((relay) => ({ id: relay[0], rank: rank(relay) }))
      .sort((a, b) => a.rank[0] - b.rank[0] || a.rank[1] - b.rank[1])
      .map(({ id }) => id);
  }

  /** Tells the other relays that load or channels have changed. */
  loadChanged(): void {
    if (this.#gossipSoon || this.#stopped) return;
    this.#gossipSoon = true;
    this.#cancelGossip();
    this.#cancelGossip = this.#options.clock.setTimer(() => this.#gossipRegularly(), GOSSIP_GATHER_MS);
  }

  /** Makes a record known, and its channel findable while it is live. */
  async publish(signed: SignedRecord): Promise<void> {
    const { libp2p, log } = this.#options;
    const { channel, live } = signed.record;
    const signal = AbortSignal.timeout(DHT_LOOKUP_MS);
    const { contentRouting } = libp2p;
    try {
      const putting = contentRouting.put(new TextEncoder().encode(recordKey(channel)), signed.bytes, {
        signal,
      });
      const providing = live ? contentRouting.provide(await channelCid(channel), { signal }) : null;
      await Promise.all([putting, providing]);
    } catch (error) {
      log('debug', 'dht-publish-failed', { channel, error: String(error) });
    }
    if (!live) await this.withdraw(channel);
  }

  /** The DHT would name this relay for ever otherwise. What others remember of it expires. */
  async withdraw(channel: ChannelId): Promise<void> {
    const { libp2p, log } = this.#options;
    try {
      await libp2p.contentRouting.cancelReprovide(await channelCid(channel));
    } catch (error) {
      log('debug', 'dht-withdraw-failed', { channel, error: String(error) });
    }
  }

  /** Relays that carry a channel: first those heard of by gossip, then the DHT's providers. */
  async *findCarriers(channel: ChannelId): AsyncGenerator<PeerId> {
    const named = new Set<PeerId>();
    for (const relay of this.#gossipedCarriers(channel).slice(0, MAX_CARRIERS)) {
      named.add(relay);
      yield relay;
    }
    if (named.size >= MAX_CARRIERS) return;
    for await (const relay of this.#providers(channel)) {
      // The DHT remembers what a relay itself has forgotten.
      if (named.has(relay) || this.#saysOtherwise(relay, channel)) continue;
      named.add(relay);
      yield relay;
      if (named.size >= MAX_CARRIERS) return;
    }
  }

  /** The channel's record as the DHT has it, or `null`. */
  async findRecord(channel: ChannelId): Promise<Uint8Array | null> {
    const { libp2p } = this.#options;
    const key = new TextEncoder().encode(recordKey(channel));
    if (!this.#beginLookup()) return null;
    try {
      return await libp2p.contentRouting.get(key, { signal: AbortSignal.timeout(DHT_LOOKUP_MS) });
    } catch {
      return null;
    } finally {
      this.#lookups--;
    }
  }

  isConnected(relay: PeerId): boolean {
    return this.#options.libp2p.getConnections(peerIdFromString(relay)).length > 0;
  }

  /**
   * @param addresses - Where to reach it, when it may not be known.
   * @throws When the relay cannot be reached.
   */
  async connect(relay: PeerId, addresses: readonly string[] = []): Promise<Connection> {
    const { libp2p } = this.#options;
    const id = peerIdFromString(relay);
    const [open] = libp2p.getConnections(id);
    if (open) return open;
    const signal = AbortSignal.timeout(DIAL_MS);
    if (addresses.length === 0) return libp2p.dial(id, { signal });
    // The id behind each address makes sure that nobody else answers.
    return libp2p.dial(
      addresses.map((address) => addressOf(address, relay)),
      { signal },
    );
  }

  /** Anybody can claim to carry a channel: relays that are connected come first. */
  #gossipedCarriers(channel: ChannelId): PeerId[] {
    const carriers = [...this.#relays]
      .filter(([, relay]) => this.#isFresh(relay) && relay.channels.has(channel))
      .map(([id]) => id);
    const isConnected = (id: PeerId): boolean => this.isConnected(id);
    return [...carriers.filter(isConnected), ...carriers.filter((id) => !isConnected(id))];
  }

  #saysOtherwise(id: PeerId, channel: ChannelId): boolean {
    const relay = this.#relays.get(id);
    return relay !== undefined && this.#isFresh(relay) && !relay.channels.has(channel);
  }

  #isFresh({ heardAt }: KnownRelay): boolean {
    return heardAt >= this.#options.clock.now() - FORGET_RELAY_MS;
  }

  async *#providers(channel: ChannelId): AsyncGenerator<PeerId> {
    const { libp2p } = this.#options;
    const self = libp2p.peerId.toString();
    const signal = AbortSignal.timeout(DHT_LOOKUP_MS);
    if (!this.#beginLookup()) return;
    try {
      const providers = libp2p.contentRouting.findProviders(await channelCid(channel), { signal });
      for await (const provider of providers) {
        const id = provider.id.toString();
        if (isPeerId(id) && id !== self) yield id;
      }
    } catch {
      // A DHT without peers, or a timeout: nobody is known to carry the channel.
    } finally {
      this.#lookups--;
    }
  }

  #beginLookup(): boolean {
    if (this.#lookups >= MAX_LOOKUPS) {
      this.#options.refused.count('dht:busy');
      return false;
    }
    this.#lookups++;
    return true;
  }

  #hear(from: string, data: Uint8Array): void {
    const { libp2p, clock, refused } = this.#options;
    if (!isPeerId(from) || from === libp2p.peerId.toString()) return;
    try {
      const message = gossipCodec.decode(data);
      if (message === null) return;
      if (this.#relays.size >= MAX_KNOWN_RELAYS && !this.#relays.has(from)) this.#forgetSilent();
      if (this.#relays.size >= MAX_KNOWN_RELAYS && !this.#relays.has(from)) return;
      const { channels, viewers, maxViewers } = message;
      this.#relays.set(from, {
        channels: new Set(channels),
        viewers,
        maxViewers,
        heardAt: clock.now(),
      });
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      refused.count(`gossip:${error.reason}`);
    }
  }

  #forgetSilent(): void {
    for (const [id, relay] of this.#relays) if (!this.#isFresh(relay)) this.#relays.delete(id);
  }

  #gossipRegularly(): void {
    if (this.#stopped) return;
    const { libp2p, clock, log, load } = this.#options;
    this.#gossipSoon = false;
    this.#forgetSilent();
    const message = gossipCodec.encode({ type: 'load', ...load() });
    libp2p.services.gossip
      .publish(RELAY_TOPIC, message)
      .catch((error: unknown) => log('debug', 'gossip-failed', { error: String(error) }));
    this.#cancelGossip = clock.setTimer(() => this.#gossipRegularly(), GOSSIP_MS);
  }

  async #dialDiscovered(id: string): Promise<void> {
    const { libp2p, clock, log } = this.#options;
    if (!isPeerId(id) || !this.#dials.take(clock.now())) return;
    const remote = peerIdFromString(id);
    if (libp2p.getConnections(remote).length > 0) return;
    try {
      await libp2p.dial(remote, { signal: AbortSignal.timeout(DIAL_MS) });
      log('info', 'relay-found', { relay: id });
    } catch (error) {
      log('debug', 'relay-unreachable', { relay: id, error: String(error) });
    }
  }

  async #redialRegularly(): Promise<void> {
    await Promise.all(this.#options.peers.map((address) => this.#redial(address)));
    if (this.#stopped) return;
    this.#cancelRedial = this.#options.clock.setTimer(() => void this.#redialRegularly(), REDIAL_MS);
  }

  async #redial(address: string): Promise<void> {
    const { libp2p, log } = this.#options;
    const target = multiaddr(address);
    const id = address.split('/p2p/').at(-1);
    if (isPeerId(id) && libp2p.getConnections(peerIdFromString(id)).length > 0) return;
    try {
      await libp2p.dial(target, { signal: AbortSignal.timeout(DIAL_MS) });
      log('info', 'relay-connected', { address });
    } catch (error) {
      log('debug', 'relay-unreachable', { address, error: String(error) });
    }
  }
}

/** @throws When it is no multiaddr, or of another peer. */
function addressOf(address: string, relay: PeerId): Multiaddr {
  const target = multiaddr(address);
  const named = target.getComponents().findLast(({ name }) => name === 'p2p')?.value;
  if (named === relay) return target;
  return target.encapsulate(`/p2p/${relay}`);
}

async function channelCid(channel: ChannelId): Promise<CID> {
  const RAW_CODEC = 0x55;
  return CID.createV1(RAW_CODEC, await sha256.digest(new TextEncoder().encode(`casto-channel:${channel}`)));
}
