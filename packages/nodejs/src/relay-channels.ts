/**
 * All channels of a relay: which are announced here, which are pulled from other relays for the viewers here, and
 * who wants to be told about them.
 */

import type { Connection } from '@libp2p/interface';
import { timingSafeEqual, createHash } from 'node:crypto';
import {
  decodeSignedRecord,
  MalformedError,
  PROTOCOL_VERSION,
  reconnectWaitMs,
  type AnnounceRefusal,
  type ChannelId,
  type ParentCandidate,
  type PeerId,
  type Refusal,
} from '@casto/core';
import type {
  ChannelNews,
  Clock,
  JoinDecision,
  JoinRequest,
  RefusalCounter,
  RendezvousHandlers,
  SignedRecord,
} from '@casto/host';
import type { MediaLinks } from './media-links.ts';
import type { RecordMemory } from './record-memory.ts';
import { RelayChannel } from './relay-channel.ts';
import type { RelayLog } from './relay-log.ts';
import type { RelayChannel as ChannelStatus } from './relay-options.ts';

/** Each live channel costs its bitrate of downlink. */
const MAX_CHANNELS = 500;
const MAX_WATCHERS_PER_CHANNEL = 5_000;
/** Viewers of a streamer that vanished without a word are told that it is over after this long. */
const OFFLINE_GRACE_MS = 60_000;
/** A channel of another relay is given up this long after its last viewer left. */
const LINGER_MS = 3_000;
/** Watched channels that are not known here are looked for this often. */
const SEARCH_MS = 2_000;
/** Attempts to take a channel back in after its parent was lost, before viewers are left waiting. */
const PULL_ATTEMPTS = 6;

interface Entry {
  readonly id: ChannelId;
  readonly media: RelayChannel;
  readonly watchers: Set<(news: ChannelNews) => void>;
  /** The streamer's own connection, while it announces the channel here as live. */
  streamer: Connection | null;
  /** The attempt to take the channel in, while it runs. */
  pulling: Promise<boolean> | null;
  /** Another relay says that it carries the channel. */
  isElsewhere: boolean;
  isSearching: boolean;
  /** Last news that the watchers were told, so that they hear only of changes. */
  told: string;
  cancelTimer: () => void;
}

/** What the channels need of the network of relays. */
export interface CarrierSearch {
  findCarriers(channel: ChannelId): AsyncIterable<PeerId>;
  findRecord(channel: ChannelId): Promise<Uint8Array | null>;
  connect(relay: PeerId): Promise<Connection>;
  publish(signed: SignedRecord): Promise<void>;
  loadChanged(): void;
}

export interface RelayChannelsOptions {
  self: PeerId;
  clock: Clock;
  media: MediaLinks;
  records: RecordMemory;
  log: RelayLog;
  refused: RefusalCounter;
  maxViewers: number;
  publishToken: string | null;
  /** Addresses at which viewers reach a streamer through this relay's circuit. */
  circuitAddresses: (streamer: PeerId) => string[];
}

export class RelayChannels implements RendezvousHandlers {
  readonly #options: RelayChannelsOptions;
  readonly #entries = new Map<ChannelId, Entry>();
  #network: CarrierSearch | null = null;
  #isDraining = false;

  constructor(options: RelayChannelsOptions) {
    this.#options = options;
  }

  /** The network needs the channels for its gossip, and they need it for their searches. */
  connectTo(network: CarrierSearch): void {
    this.#network = network;
  }

  get viewers(): number {
    let viewers = 0;
    for (const { media } of this.#entries.values()) viewers += media.viewers;
    return viewers;
  }

  /** Channels that this relay has from their streamers: what other relays may pull. */
  get carried(): ChannelId[] {
    return [...this.#entries.values()].filter(({ streamer }) => streamer !== null).map(({ id }) => id);
  }

  status(): ChannelStatus[] {
    return [...this.#entries.values()].map((entry) => ({
      channel: entry.id,
      title: this.#options.records.get(entry.id)?.record.title ?? '',
      live: this.#isLive(entry),
      viewers: entry.media.viewers,
    }));
  }

  /** Refuses joins from here on and sends the children elsewhere. */
  drain(withinMs: number): void {
    this.#isDraining = true;
    for (const { media } of this.#entries.values()) media.drain(withinMs);
  }

  get children(): number {
    let children = 0;
    for (const { media } of this.#entries.values()) children += media.children;
    return children;
  }

  async close(): Promise<void> {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    await Promise.all(
      entries.map((entry) => {
        entry.cancelTimer();
        return entry.media.close('leaving');
      }),
    );
  }

  async announce(
    bytes: Uint8Array,
    token: string | null,
    from: PeerId,
    connection: Connection,
  ): Promise<{ carries: boolean } | AnnounceRefusal> {
    if (!isToken(this.#options.publishToken, token)) return 'not-allowed';
    const signed = await this.#learn(bytes);
    if (typeof signed === 'string') return signed;
    if (signed.record.channel !== from) return 'not-owner';
    const carries = this.#options.maxViewers > 0;
    if (!signed.record.live) {
      await this.#end(from);
      return { carries };
    }
    if (!this.#entries.has(from) && this.#entries.size >= MAX_CHANNELS) return 'full';
    const entry = this.#entry(from);
    this.#followStreamer(entry, connection);
    if (carries) void this.#takeIn(entry);
    void this.#network?.publish(signed);
    this.#changed(entry);
    return { carries };
  }

  watch(channel: ChannelId, notify: (news: ChannelNews) => void): () => void {
    if (!this.#entries.has(channel) && this.#entries.size >= MAX_CHANNELS) return () => {};
    const entry = this.#entry(channel);
    if (entry.watchers.size >= MAX_WATCHERS_PER_CHANNEL) return () => {};
    entry.watchers.add(notify);
    void this.#firstNews(entry, notify);
    this.#searchRegularly(entry);
    return () => {
      entry.watchers.delete(notify);
      this.#forgetIfIdle(entry);
    };
  }

  /** Judges a join of a viewer or another relay. */
  async judge(join: JoinRequest, from: PeerId): Promise<JoinDecision> {
    const { maxViewers, records } = this.#options;
    if (join.version !== PROTOCOL_VERSION) return refuse('version', 60_000);
    if (this.#isDraining) return refuse('draining', 5_000);
    if (maxViewers === 0) return this.#introduce(join.channel);
    if (this.children >= maxViewers) return this.#redirectFromFull(join.channel);
    if (join.kind === 'headless' && !this.#entries.get(join.channel)?.streamer)
      return refuse('offline', 5_000);
    if (!this.#entries.has(join.channel) && this.#entries.size >= MAX_CHANNELS) return refuse('busy', 5_000);
    const entry = this.#entry(join.channel);
    const isCarried = entry.media.parent !== null || (await this.#takeIn(entry));
    const signed = records.get(join.channel);
    if (!isCarried || signed === null) {
      this.#forgetIfIdle(entry);
      return refuse(signed === null ? 'not-found' : 'offline', 2_000);
    }
    return entry.media.accept(join, from, signed);
  }

  async #learn(bytes: Uint8Array): Promise<SignedRecord | AnnounceRefusal> {
    try {
      const { newest, isNews } = await this.#options.records.learn(bytes);
      return isNews || isSame(newest.bytes, bytes) ? newest : 'superseded';
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      return isExpired(bytes, this.#options.clock.now()) ? 'expired' : 'bad-record';
    }
  }

  #entry(id: ChannelId): Entry {
    const known = this.#entries.get(id);
    if (known) return known;
    const { self, clock, media, log, refused } = this.#options;
    const channel: RelayChannel = new RelayChannel({
      id,
      self,
      clock,
      media,
      log,
      refused,
      onChange: () => this.#mediaChanged(entry),
    });
    const entry: Entry = {
      id,
      media: channel,
      watchers: new Set(),
      streamer: null,
      pulling: null,
      isElsewhere: false,
      isSearching: false,
      told: '',
      cancelTimer: () => {},
    };
    this.#entries.set(id, entry);
    return entry;
  }

  #followStreamer(entry: Entry, connection: Connection): void {
    if (entry.streamer === connection) return;
    entry.streamer = connection;
    this.#options.log('info', 'channel-announced', { channel: entry.id });
    connection.addEventListener(
      'close',
      () => {
        if (entry.streamer !== connection) return;
        entry.streamer = null;
        this.#options.log('info', 'streamer-lost', { channel: entry.id });
        this.#mediaChanged(entry);
      },
      { once: true },
    );
  }

  /** Takes the channel in, unless it already comes from the right place. @returns Whether it comes in. */
  async #takeIn(entry: Entry): Promise<boolean> {
    if (this.#hasItsSource(entry)) return true;
    entry.pulling ??= this.#pullFromAnywhere(entry).finally(() => {
      entry.pulling = null;
    });
    return entry.pulling;
  }

  /** The streamer itself is the best parent; a page that was loaded anew is another streamer with the same key. */
  #hasItsSource(entry: Entry): boolean {
    const { parent, epoch } = entry.media;
    if (parent === null) return false;
    if (entry.streamer === null) return true;
    return parent === entry.id && epoch === (this.#options.records.get(entry.id)?.record.epoch ?? 0);
  }

  async #pullFromAnywhere(entry: Entry): Promise<boolean> {
    if (entry.streamer !== null) {
      const signed = this.#options.records.get(entry.id);
      if (signed && (await this.#pull(entry, entry.streamer, signed, false))) return true;
    }
    const network = this.#network;
    if (network === null) return false;
    for await (const relay of network.findCarriers(entry.id)) {
      const signed = await this.#recordOf(entry.id);
      if (signed === null) return false;
      const connection = await network.connect(relay).catch(() => null);
      if (connection && (await this.#pull(entry, connection, signed, true))) return true;
    }
    return false;
  }

  async #pull(
    entry: Entry,
    connection: Connection,
    signed: SignedRecord,
    fromRelay: boolean,
  ): Promise<boolean> {
    const { log } = this.#options;
    const fields = { channel: entry.id, parent: connection.remotePeer.toString() };
    try {
      await entry.media.pull(connection, signed, fromRelay);
      log('info', 'channel-pulled', fields);
      return true;
    } catch (error) {
      log('warn', 'pull-failed', { ...fields, error: String(error) });
      return false;
    }
  }

  /** The channel's record: known here, else asked of the DHT. */
  async #recordOf(channel: ChannelId): Promise<SignedRecord | null> {
    const { records } = this.#options;
    const known = records.get(channel);
    if (known) return known;
    const bytes = await this.#network?.findRecord(channel);
    if (!bytes) return null;
    try {
      return (await records.learn(bytes)).newest;
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      this.#options.refused.count(`dht:${error.reason}`);
      return null;
    }
  }

  /** The streamer said that the broadcast is over. */
  async #end(channel: ChannelId): Promise<void> {
    const entry = this.#entries.get(channel);
    if (!entry) return;
    entry.streamer = null;
    this.#options.log('info', 'channel-ended', { channel });
    await this.#restart(entry);
  }

  /** Lets every child go, and keeps the watchers. */
  async #restart(entry: Entry): Promise<void> {
    entry.cancelTimer();
    this.#entries.delete(entry.id);
    if (entry.watchers.size > 0) {
      const next = this.#entry(entry.id);
      for (const watcher of entry.watchers) next.watchers.add(watcher);
      this.#changed(next);
    }
    await entry.media.close('ended');
    this.#network?.loadChanged();
  }

  #mediaChanged(entry: Entry): void {
    if (this.#entries.get(entry.id) !== entry) return;
    const { media, streamer } = entry;
    entry.cancelTimer();
    const { clock } = this.#options;
    if (media.parent === null && (streamer !== null || media.children > 0)) {
      this.#repair(entry, 0);
    } else if (media.parent !== null && media.parent !== entry.id && media.children === 0) {
      entry.cancelTimer = clock.setTimer(() => void this.#giveUp(entry), LINGER_MS);
    }
    this.#changed(entry);
  }

  /** Takes the channel back in after its parent was lost; tells the children when that is hopeless. */
  #repair(entry: Entry, attempt: number): void {
    const { clock } = this.#options;
    const isHopeless = attempt >= PULL_ATTEMPTS;
    const waitMs = isHopeless ? OFFLINE_GRACE_MS : reconnectWaitMs(attempt, Math.random());
    entry.cancelTimer = clock.setTimer(() => {
      if (isHopeless && entry.streamer === null) return void this.#restart(entry);
      void this.#takeIn(entry).then((isBack) => {
        if (!isBack && this.#entries.get(entry.id) === entry) this.#repair(entry, attempt + 1);
      });
    }, waitMs);
  }

  async #giveUp(entry: Entry): Promise<void> {
    if (entry.media.children > 0 || this.#entries.get(entry.id) !== entry) return;
    this.#options.log('info', 'channel-released', { channel: entry.id });
    await entry.media.stopPulling('leaving');
    this.#forgetIfIdle(entry);
  }

  #forgetIfIdle(entry: Entry): void {
    const { media, streamer, watchers, pulling } = entry;
    const isIdle = streamer === null && watchers.size === 0 && media.children === 0 && media.parent === null;
    if (!isIdle || pulling !== null || this.#entries.get(entry.id) !== entry) return;
    entry.cancelTimer();
    this.#entries.delete(entry.id);
    void media.close('leaving');
  }

  /** Tells watchers and other relays, if there is something to tell. */
  #changed(entry: Entry): void {
    this.#network?.loadChanged();
    const news = this.#news(entry);
    const summary = `${news.live} ${news.record?.length} ${news.parents.length}`;
    if (summary === entry.told) return;
    entry.told = summary;
    for (const notify of entry.watchers) notify(news);
  }

  #isLiveHere(entry: Entry): boolean {
    return entry.streamer !== null || entry.media.isFlowing;
  }

  #isLive(entry: Entry): boolean {
    return this.#isLiveHere(entry) || entry.isElsewhere;
  }

  #news(entry: Entry): ChannelNews {
    return {
      channel: entry.id,
      record: this.#options.records.get(entry.id)?.bytes ?? null,
      live: this.#isLive(entry),
      viewers: entry.media.viewers,
      parents: this.#introductions(entry.id),
    };
  }

  /** A channel that is not known here may be known elsewhere: the first answer waits for that search. */
  async #firstNews(entry: Entry, notify: (news: ChannelNews) => void): Promise<void> {
    if (!this.#isLiveHere(entry)) await this.#search(entry);
    if (entry.watchers.has(notify)) notify(this.#news(entry));
  }

  /** Asks other relays for the channel and its record. */
  async #search(entry: Entry): Promise<void> {
    await this.#recordOf(entry.id);
    entry.isElsewhere = false;
    for await (const _relay of this.#network?.findCarriers(entry.id) ?? []) {
      entry.isElsewhere = true;
      break;
    }
  }

  /** While somebody watches a channel that is not live, it may come up anywhere. */
  #searchRegularly(entry: Entry): void {
    if (entry.isSearching) return;
    entry.isSearching = true;
    this.#options.clock.setTimer(() => {
      entry.isSearching = false;
      if (entry.watchers.size === 0 || this.#entries.get(entry.id) !== entry) return;
      const searched = this.#isLiveHere(entry) ? Promise.resolve() : this.#search(entry);
      void searched.finally(() => {
        this.#changed(entry);
        this.#searchRegularly(entry);
      });
    }, SEARCH_MS);
  }

  #introduce(channel: ChannelId): JoinDecision {
    const parents = this.#introductions(channel);
    if (parents.length > 0) return { type: 'redirect', parents };
    // Live, but the streamer serves nobody itself.
    if (this.#entries.get(channel)?.streamer) return refuse('full', 5_000);
    return refuse(this.#options.records.get(channel) === null ? 'not-found' : 'offline', 2_000);
  }

  #redirectFromFull(channel: ChannelId): JoinDecision {
    const parents = this.#introductions(channel);
    return parents.length > 0 ? { type: 'redirect', parents } : refuse('full', 5_000);
  }

  /** The streamer itself, through this relay's circuit. */
  #introductions(channel: ChannelId): ParentCandidate[] {
    const entry = this.#entries.get(channel);
    if (!entry?.streamer) return [];
    const addresses = this.#options.circuitAddresses(channel);
    return addresses.length > 0 ? [{ peerId: channel, addresses }] : [];
  }
}

function refuse(reason: Refusal, retryAfterMs: number): JoinDecision {
  return { type: 'refuse', reason, retryAfterMs };
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function isExpired(bytes: Uint8Array, now: number): boolean {
  try {
    return decodeSignedRecord(bytes).record.expiresAt <= now;
  } catch {
    return false;
  }
}

/** Compares hashes, so that neither time nor length tells anything about the token. */
function isToken(expected: string | null, given: string | null): boolean {
  if (expected === null) return true;
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(expected), hash(given ?? ''));
}
