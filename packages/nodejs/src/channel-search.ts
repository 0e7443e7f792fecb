/**
 * Where a channel can be had: from its streamer when that is connected here, from other relays, and from pages that
 * offer places here.
 */

import type { Connection } from '@libp2p/interface';
import {
  encodePath,
  MalformedError,
  shortId,
  type ChannelId,
  type Offer,
  type OfferedCandidate,
  type ParentCandidate,
  type PeerId,
  type Standing,
} from '@casto/core';
import { layerBits, type Clock, type Probed, type RefusalCounter, type SignedRecord } from '@casto/host';
import type { ChannelIngest } from './channel-ingest.ts';
import type { ChannelPages } from './channel-pages.ts';
import type { RecordMemory } from './record-memory.ts';
import type { RelayStreams } from './relay-streams.ts';

/** What the channels need of the network of relays. */
export interface CarrierSearch {
  findCarriers(channel: ChannelId): AsyncIterable<PeerId>;
  findRecord(channel: ChannelId): Promise<Uint8Array | null>;
  isConnected(relay: PeerId): boolean;
  /** @param addresses - Where to reach it, when it may not be known. */
  connect(relay: PeerId, addresses?: readonly string[]): Promise<Connection>;
  /** Makes a record known, and its channel findable here while it is live. Never rejects. */
  publish(signed: SignedRecord): Promise<void>;
  /** The channel is not to be found here any more. Never rejects. */
  withdraw(channel: ChannelId): Promise<void>;
  loadChanged(): void;
}

/**
 * Gossip names relays at once, the DHT after up to three seconds. Once one is named the first search waits for others
 * no longer than this; when it came to nothing, the next waits for all.
 */
const NAMED_PATIENCE_MS = 100;

export interface ChannelSearchOptions {
  readonly channel: ChannelId;
  readonly clock: Clock;
  readonly records: RecordMemory;
  readonly refused: RefusalCounter;
  readonly network: () => CarrierSearch | null;
  readonly streams: RelayStreams;
  readonly pages: ChannelPages;
}

export interface Seek {
  /** A parent is missing, and not only another one wished for. */
  readonly isForParent: boolean;
  /** Whether somebody here would be without the channel, so that pages may be asked as well. */
  readonly isNeeded: () => boolean;
  readonly found: (candidates: readonly OfferedCandidate[], isLast: boolean) => void;
}

export class ChannelSearch {
  /** Whether the latest search asked everybody there is, and has ended. */
  isExhausted = false;
  /** The broadcast comes in here from outside the tree, and the relay is its streamer; `null`: it does not. */
  ingest: ChannelIngest | null = null;
  readonly #options: ChannelSearchOptions;
  /** Another relay says that it carries the channel. */
  #isAtRelay = false;
  /** Searches for a parent since one was last found. */
  #rounds = 0;
  #streamer: Connection | null = null;
  /** Only the latest search ends what it was asked for. */
  #seek: Seek | null = null;

  constructor(options: ChannelSearchOptions) {
    this.#options = options;
  }

  /** The streamer's own connection, while it announces the channel here as live. */
  get streamer(): Connection | null {
    return this.#streamer;
  }

  /** Whether the broadcast begins here: at a streamer that is connected, or at this relay itself. */
  get hasStreamer(): boolean {
    return this.#streamer !== null || this.ingest !== null;
  }

  /** Whether others seem to have it. What they say may be out of date; its streamer's own word counts more. */
  get isElsewhere(): boolean {
    const { records, pages } = this.#options;
    return (this.#isAtRelay || pages.isAny) && records.get(this.#channel)?.record.live !== false;
  }

  /** Layers of the broadcast, as its record has them: as bits. */
  get layers(): number {
    const layers = this.#options.records.get(this.#channel)?.record.layers ?? 0;
    return layerBits(Array.from({ length: layers }, (_, layer) => layer));
  }

  /** The streamer announced itself over this connection. @param onLost - It has ended, and there is no other. */
  followStreamer(connection: Connection, onLost: () => void): void {
    this.#streamer = connection;
    connection.addEventListener(
      'close',
      () => {
        if (this.#streamer !== connection) return;
        this.#streamer = null;
        onLost();
      },
      { once: true },
    );
  }

  forgetStreamer(): void {
    this.ingest = null;
    this.#streamer = null;
  }

  /** The channel comes in: what was tried in vain before tells nothing any more. */
  succeeded(): void {
    this.#rounds = 0;
  }

  /** What the latest search came to is forgotten: whoever waits wants the next one's word. */
  renew(): void {
    this.isExhausted = false;
  }

  /**
   * Looks for peers that may become parents. The streamer comes first and alone: it is the best parent. Only when it
   * did not help are relays asked besides, and pages last of all. Never rejects.
   */
  async seek(seek: Seek): Promise<void> {
    this.#seek = seek;
    this.isExhausted = false;
    const isFirst = !seek.isForParent || this.#rounds++ === 0;
    const streamer = seek.isForParent ? this.#streamerCandidate() : null;
    if (streamer) seek.found([streamer], isFirst);
    if (streamer && isFirst) return;
    let isHelped = false;
    const end = new SearchEnd(this.#options.clock, () => this.#end(seek, { isHelped }));
    for await (const relay of this.#options.network()?.findCarriers(this.#channel) ?? []) {
      if (this.#seek !== seek) break;
      seek.found([this.#relayCandidate(relay)], false);
      if (!isFirst) continue;
      isHelped = true;
      end.putOff(NAMED_PATIENCE_MS);
    }
    end.reach();
  }

  /** What comes of a search that is under way is told to nobody. */
  stop(): void {
    this.#seek = null;
  }

  /** Asks a candidate where it stands; `null` when it does not answer. Never rejects. */
  async probe(candidate: ParentCandidate): Promise<Probed | null> {
    // What the streamer would say is in its record.
    if (candidate.peerId === this.#channel) return { rttMs: 0, standing: this.#streamerStanding() };
    const { streams, pages } = this.#options;
    if (pages.has(candidate.peerId)) return pages.probe(candidate.peerId);
    try {
      const client = await streams.to(candidate.peerId, () => this.connect(candidate));
      return await client.probe(this.#channel, candidate.peerId);
    } catch {
      return null;
    }
  }

  /** Whether it is a page, as far as is known. */
  isPage(peerId: PeerId): boolean {
    return peerId === this.#channel || this.#options.pages.has(peerId);
  }

  /** Whether a peer is reached over libp2p at once. */
  isConnected(peerId: PeerId): boolean {
    if (peerId === this.#channel && this.#streamer !== null) return true;
    return this.#options.network()?.isConnected(peerId) === true;
  }

  /** @throws When the peer cannot be reached. */
  async connect({ peerId, addresses }: ParentCandidate): Promise<Connection> {
    if (peerId === this.#channel && this.#streamer !== null) return this.#streamer;
    const network = this.#options.network();
    if (network === null) throw new Error('there is no network');
    return network.connect(peerId, addresses);
  }

  /** Asks other relays for the channel and its record, without taking it in. */
  async search(): Promise<void> {
    const [isAtRelay] = await Promise.all([this.#isFoundAtRelay(), this.record()]);
    this.#isAtRelay = isAtRelay;
  }

  /** The channel's record: known here as live, else asked of the DHT. */
  async record({ isNewest = false } = {}): Promise<SignedRecord | null> {
    const { records, network } = this.#options;
    const known = records.get(this.#channel);
    if (known?.record.live && !isNewest) return known;
    const bytes = await network()?.findRecord(this.#channel);
    if (bytes) await this.learn(bytes, 'dht');
    return records.get(this.#channel);
  }

  /** Remembers a record that somebody gave, unless it is no better than what is known. */
  async learn(bytes: Uint8Array, from: 'dht' | 'report'): Promise<void> {
    const { records, refused } = this.#options;
    if (records.knows(this.#channel, bytes)) return;
    try {
      await records.learn(bytes);
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      refused.count(`${from}:${error.reason}`);
    }
  }

  get #channel(): ChannelId {
    return this.#options.channel;
  }

  /** @param options.isHelped - Relays were named, and may be enough: pages are left alone. */
  #end(seek: Seek, { isHelped }: { isHelped: boolean }): void {
    if (this.#seek !== seek) return;
    this.isExhausted = true;
    seek.found(isHelped ? [] : this.#pageCandidates(seek), true);
  }

  #streamerCandidate(): OfferedCandidate | null {
    if (this.#streamer === null) return null;
    const offer: Offer = { ...UNKNOWN_OFFER, kind: 'browser', depth: 0, layers: this.layers };
    return { peerId: this.#channel, addresses: [], offer };
  }

  /** While the streamer is here, it and other relays are enough to stand by at. */
  #pageCandidates({ isForParent, isNeeded }: Seek): readonly OfferedCandidate[] {
    if (!isNeeded() || (!isForParent && this.#streamer !== null)) return [];
    return this.#options.pages.find(this.layers);
  }

  #relayCandidate(relay: PeerId): OfferedCandidate {
    return { peerId: relay, addresses: [], offer: { ...UNKNOWN_OFFER, layers: this.layers } };
  }

  #streamerStanding(): Standing | null {
    const record = this.#options.records.get(this.#channel)?.record;
    if (this.#streamer === null || !record) return null;
    const path = encodePath([shortId(this.#channel)]);
    const offer: Offer = { ...UNKNOWN_OFFER, kind: 'browser', depth: 0, layers: this.layers };
    return { ...offer, path, epoch: record.epoch, flowing: true };
  }

  async #isFoundAtRelay(): Promise<boolean> {
    for await (const _relay of this.#options.network()?.findCarriers(this.#channel) ?? []) return true;
    return false;
  }
}

/** The end of a search: reached once, when everybody was asked, or some time after it was last put off. */
class SearchEnd {
  readonly #clock: Clock;
  readonly #onReached: () => void;
  #cancel: () => void = () => {};
  #isReached = false;

  constructor(clock: Clock, onReached: () => void) {
    this.#clock = clock;
    this.#onReached = onReached;
  }

  putOff(byMs: number): void {
    this.#cancel();
    if (!this.#isReached) this.#cancel = this.#clock.setTimer(() => this.reach(), byMs);
  }

  reach(): void {
    this.#cancel();
    if (this.#isReached) return;
    this.#isReached = true;
    this.#onReached();
  }
}

/** Of a relay that takes the channel from its streamer; a probe tells the rest. */
const UNKNOWN_OFFER: Offer = { kind: 'headless', depth: 1, delayMs: 0, freeSlots: 1, ageS: 0, layers: 1 };
