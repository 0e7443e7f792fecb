/**
 * All channels of a relay: which are announced here, which are pulled from other relays for the viewers here, and
 * who wants to be told about them.
 */

import type { Connection } from '@libp2p/interface';
import {
  PROTOCOL_VERSION,
  type AnnounceRefusal,
  type ChannelId,
  type OfferedCandidate,
  type PeerId,
  type Standing,
  type TreeView,
} from '@casto/core';
import {
  type ChannelNews,
  type JoinDecision,
  type JoinRequest,
  type RendezvousHandlers,
  type RendezvousServer,
  type SignedRecord,
  type SlotReport,
} from '@casto/host';
import { judgeAnnouncement } from './announcement.ts';
import { ChannelCensus } from './channel-census.ts';
import type { ChannelEntry } from './channel-entry.ts';
import { createEntry } from './channel-maker.ts';
import type { ChannelIngest } from './channel-ingest.ts';
import type { PlayerSeat } from './channel-players.ts';
import type { CarrierSearch } from './channel-search.ts';
import { Introductions, isRefusedAsFull, refuse } from './introductions.ts';
import type { RelayChannelsOptions } from './relay-channels-options.ts';
import type { RelayChannel as ChannelStatus } from './relay-options.ts';
import { RelayStreams } from './relay-streams.ts';

/** Channels that somebody only asks about. */
const MAX_WATCHED_CHANNELS = 2_000;
const MAX_WATCHERS_PER_CHANNEL = 5_000;
/** Children come and go in crowds: what that leaves for other channels is told to them at most this often. */
const SHARE_MS = 500;

export class RelayChannels implements RendezvousHandlers {
  readonly #options: RelayChannelsOptions;
  readonly #entries = new Map<ChannelId, ChannelEntry>();
  readonly census: ChannelCensus;
  readonly #streams: RelayStreams;
  readonly #introductions: Introductions;
  #rendezvous: RendezvousServer | null = null;
  #network: CarrierSearch | null = null;
  #cancelShare: (() => void) | null = null;
  #isDraining = false;
  #isClosed = false;

  constructor(options: RelayChannelsOptions) {
    this.#options = options;
    this.census = new ChannelCensus(this.#entries, options.records);
    this.#streams = new RelayStreams(options.clock);
    this.#introductions = new Introductions({
      ...options,
      streamer: (channel) => this.#entries.get(channel)?.streamer ?? null,
      directory: (channel) => this.#entries.get(channel)?.directory ?? null,
      sendOn: (join, from) => this.#entries.get(join.channel)?.media?.sendOn(join, from) ?? null,
    });
    options.records.isNeeded = (channel) => this.#entries.has(channel);
  }

  /** The network needs the channels for its gossip, and they need it for their searches. */
  connectTo(network: CarrierSearch): void {
    this.#network = network;
  }

  /** Pages are asked over the streams that they hold here. */
  probeOver(rendezvous: RendezvousServer): void {
    this.#rendezvous = rendezvous;
  }

  get viewers(): number {
    return this.census.viewers;
  }

  /** Channels that this relay has from their streamers: what other relays may pull. */
  get carried(): ChannelId[] {
    return this.census.carried;
  }

  status(): ChannelStatus[] {
    return this.census.status();
  }

  /** The relay's place in a channel, for people; `null` when it has none. */
  view(channel: ChannelId): TreeView | null {
    return this.#entries.get(channel)?.media?.view() ?? null;
  }

  /** Refuses joins from here on and sends the children elsewhere. */
  drain(withinMs: number): void {
    this.#isDraining = true;
    for (const { media, directory } of this.#entries.values()) {
      // Its children ask at once who else has room, and the tree takes back its own offer only later.
      directory.forget(this.#options.self);
      media?.drain(withinMs);
    }
  }

  /** Ends every link; nothing is taken or told from here on. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelShare?.();
    this.#streams.close();
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    await Promise.all(entries.map((entry) => entry.close('leaving')));
  }

  async announce(
    bytes: Uint8Array,
    token: string | null,
    from: PeerId,
    connection: Connection,
  ): Promise<{ carries: boolean } | AnnounceRefusal> {
    const { records, publishToken, clock } = this.#options;
    const rules = { records, publishToken, now: clock.now() };
    const signed = await judgeAnnouncement({ bytes, token, from }, rules);
    if (typeof signed === 'string') return signed;
    const carries = this.#options.maxViewers > 0;
    if (!signed.record.live) {
      await this.#end(from);
      void this.#network?.publish(signed);
      return { carries };
    }
    // The streamer may have gone while its signature was checked.
    if (this.#isClosed || connection.status !== 'open' || !this.#hasRoom(from)) return 'full';
    const entry = this.#entry(from);
    this.#followStreamer(entry, connection);
    if (carries) entry.followStreamer(signed.record.epoch);
    void this.#network?.publish(signed);
    entry.watchers.changed();
    return { carries };
  }

  /**
   * Takes a broadcast in that a publisher sends to this relay, or renews its record.
   *
   * @param signed - By the channel's key, which this relay holds.
   * @returns Whether there was room for it.
   */
  async publish(signed: SignedRecord, ingest: ChannelIngest): Promise<boolean> {
    const { records, maxViewers } = this.#options;
    const { channel } = signed.record;
    await records.learn(signed.bytes);
    const before = this.#entries.get(channel);
    // One that was looked for elsewhere, or whose streamer announced itself, has another place in the tree.
    if (before !== undefined && before.media !== null && before.search.ingest !== ingest)
      await this.#restart(before);
    if (this.#isClosed || this.#isDraining || maxViewers === 0 || !this.#hasRoom(channel)) return false;
    const entry = this.#entry(channel);
    if (entry.search.ingest === null) this.#options.log('info', 'channel-published', { channel });
    entry.broadcast(ingest);
    this.#network?.loadChanged();
    void this.#network?.publish(signed);
    entry.watchers.changed();
    return true;
  }

  /** The publisher's broadcast is over. @param signed - The channel's word for it. */
  async unpublish(signed: SignedRecord): Promise<void> {
    await this.#options.records.learn(signed.bytes);
    await this.#end(signed.record.channel);
    void this.#network?.publish(signed);
  }

  /**
   * Takes a channel in for a viewer outside the tree.
   *
   * @returns Its record and a place, or why there is none: `none`: nobody seems to have it.
   */
  async play(channel: ChannelId): Promise<{ signed: SignedRecord; seat: PlayerSeat } | 'full' | 'none'> {
    const isFull = (): boolean => this.#isDraining || this.#isClosed || this.isFull;
    if (isFull() || !this.#hasRoom(channel)) return 'full';
    const entry = this.#entry(channel);
    const comesIn = entry.media?.isAttached === true || (await entry.takeIn({ isOutcast: true }));
    const signed = this.#options.records.get(channel);
    if (isFull()) return 'full';
    if (comesIn && signed !== null && entry.media !== null && this.#entries.get(channel) === entry) {
      return { signed, seat: entry.media.players.enter() };
    }
    this.#forgetIfIdle(entry);
    return 'none';
  }

  watch(channel: ChannelId, notify: (news: ChannelNews) => void): () => void {
    const known = this.#entries.get(channel);
    const isFull = known ? known.watchers.size >= MAX_WATCHERS_PER_CHANNEL : !this.#canWatchMore();
    if (isFull || this.#isClosed) {
      notify(this.#news(channel));
      return () => {};
    }
    this.#entry(channel).watchers.add(notify);
    return () => {
      // The channel may have been started anew, with its watchers.
      const current = this.#entries.get(channel);
      current?.watchers.remove(notify);
      if (current) this.#forgetIfIdle(current);
    };
  }

  /** A channel that does not come in yet is taken in first: the relay itself is the nearest candidate. */
  async seek(channel: ChannelId, layers: number, from: PeerId): Promise<readonly OfferedCandidate[]> {
    const { maxViewers, clock } = this.#options;
    if (maxViewers > 0 && !this.#isDraining && !this.#isClosed && this.#hasRoom(channel)) {
      const entry = this.#entry(channel);
      if (entry.media?.isAttached !== true) await entry.takeIn({ isOutcast: false });
      this.#forgetIfIdle(entry);
    }
    return this.#entries.get(channel)?.directory.find(clock.now(), from, layers) ?? [];
  }

  /** Whoever asks for the channel later is told of the places, and this relay may take one itself. */
  report({ channel, addresses, offer, record }: SlotReport, from: PeerId): void {
    const isWanted = this.#entries.has(channel) || (offer !== null && this.#canWatchMore());
    if (!isWanted || this.#isClosed) return;
    const entry = this.#entry(channel);
    entry.directory.report(this.#options.clock.now(), from, addresses, offer);
    if (record !== null) void entry.search.learn(record, 'report').then(() => entry.watchers.changed());
    this.#interestChanged(entry);
  }

  forget(channel: ChannelId, from: PeerId): void {
    const entry = this.#entries.get(channel);
    if (entry === undefined) return;
    entry.directory.forget(from);
    this.#interestChanged(entry);
  }

  standing(channel: ChannelId): Standing | null {
    if (this.#isDraining) return null;
    return this.#entries.get(channel)?.media?.standing ?? null;
  }

  /** Judges a join of a viewer or another relay. */
  judge(asked: JoinRequest, from: PeerId): Promise<JoinDecision> {
    return this.#options.gate.pass(asked, (join) => this.#judge(join, from));
  }

  async #judge(join: JoinRequest, from: PeerId): Promise<JoinDecision> {
    const { maxViewers, records } = this.#options;
    if (join.version !== PROTOCOL_VERSION) return refuse('version', 60_000);
    if (this.#isDraining || this.#isClosed) return this.#introductions.fromDraining(join, from);
    if (maxViewers === 0) return this.#introductions.offer(join, from);
    if (!join.standby && this.isFull) return this.#introductions.fromFullRelay(join, from);
    if (!this.#hasRoom(join.channel)) return refuse('busy', 5_000);
    const entry = this.#entry(join.channel);
    const comesIn = await this.#comesIn(entry, join);
    const signed = comesIn ? records.get(join.channel) : await entry.search.record();
    const refusal = this.#refusal(entry, join, { comesIn, signed, from });
    if (refusal === null && signed !== null && entry.media) {
      this.#share(entry);
      const decision = entry.media.accept(join, from, signed);
      return isRefusedAsFull(decision) ? this.#introductions.fromFull(join, from) : decision;
    }
    this.#forgetIfIdle(entry);
    return refusal ?? refuse('not-found', 2_000);
  }

  /**
   * Whether the channel comes in, once that is known. A relay is not kept waiting unless the streamer is here: two
   * relays that wait for each other would wait for ever.
   */
  async #comesIn(entry: ChannelEntry, { kind, path, standby }: JoinRequest): Promise<boolean> {
    if (entry.media?.isAttached) return true;
    if (kind === 'headless' && !entry.search.hasStreamer) return false;
    return entry.takeIn({ isOutcast: path.length === 0 && !standby });
  }

  /** What stands against a join once the channel was looked for; things may have changed meanwhile. */
  #refusal(
    entry: ChannelEntry,
    join: JoinRequest,
    { comesIn, signed, from }: { comesIn: boolean; signed: SignedRecord | null; from: PeerId },
  ): JoinDecision | null {
    if (this.#isDraining || this.#isClosed) return this.#introductions.fromDraining(join, from);
    if (signed === null) return refuse('not-found', 2_000);
    if (!comesIn || this.#entries.get(entry.id) !== entry) return refuse('offline', 2_000);
    return !join.standby && this.isFull ? this.#introductions.fromFullRelay(join, from) : null;
  }

  /** Whether another viewer is sent elsewhere. */
  get isFull(): boolean {
    return this.census.served >= this.#options.maxViewers || this.#options.memory.isExceeded;
  }

  /** Tells a channel how many of the relay's places are left for it. */
  #share({ media }: ChannelEntry): void {
    media?.allow(Math.max(0, this.#options.maxViewers - this.census.served + media.served));
  }

  #shareSoon(): void {
    if (this.#isClosed) return;
    this.#cancelShare ??= this.#options.clock.setTimer(() => {
      this.#cancelShare = null;
      for (const entry of this.#entries.values()) this.#share(entry);
    }, SHARE_MS);
  }

  /** Whether a channel is carried, or one more may be. */
  #hasRoom(channel: ChannelId): boolean {
    return (
      this.#entries.get(channel)?.isCarried === true || this.census.carriedCount < this.#options.maxChannels
    );
  }

  #canWatchMore(): boolean {
    return this.#entries.size - this.census.carriedCount < MAX_WATCHED_CHANNELS;
  }

  #entry(id: ChannelId): ChannelEntry {
    const known = this.#entries.get(id);
    if (known) return known;
    const entry: ChannelEntry = createEntry(id, {
      ...this.#options,
      network: () => this.#network,
      streams: this.#streams,
      probe: async (channel, page) => this.#rendezvous?.probe(channel, page) ?? null,
      judge: (join, from) => this.judge(join, from),
      news: () => this.#news(id),
      freeSlots: () => Math.max(0, this.#options.maxViewers - this.census.served),
      onChange: () => this.#mediaChanged(entry),
      onEnded: () => void this.#restart(entry),
    });
    this.#entries.set(id, entry);
    return entry;
  }

  #followStreamer({ id, search }: ChannelEntry, connection: Connection): void {
    if (search.streamer === connection) return;
    this.#options.log('info', 'channel-announced', { channel: id });
    search.followStreamer(connection, () => {
      this.#options.log('info', 'streamer-lost', { channel: id });
      this.#network?.loadChanged();
      void this.#network?.withdraw(id);
      const entry = this.#entries.get(id);
      if (entry) this.#mediaChanged(entry);
    });
    this.#network?.loadChanged();
  }

  /** The streamer said that the broadcast is over. */
  async #end(channel: ChannelId): Promise<void> {
    const entry = this.#entries.get(channel);
    if (!entry) return;
    this.#options.log('info', 'channel-ended', { channel });
    await this.#restart(entry);
  }

  /** Lets every child go, and keeps the watchers. */
  async #restart(entry: ChannelEntry): Promise<void> {
    if (this.#entries.get(entry.id) !== entry) return;
    entry.search.forgetStreamer();
    this.#entries.delete(entry.id);
    if (entry.watchers.size > 0) this.#entry(entry.id).watchers.adopt(entry.watchers);
    await entry.close('ended');
    this.#network?.loadChanged();
  }

  #mediaChanged(entry: ChannelEntry): void {
    if (this.#entries.get(entry.id) !== entry) return;
    entry.mediaChanged();
    entry.watchers.changed();
    this.#shareSoon();
    this.#forgetIfIdle(entry);
  }

  #interestChanged(entry: ChannelEntry): void {
    entry.watchers.changed();
    this.#forgetIfIdle(entry);
  }

  #forgetIfIdle(entry: ChannelEntry): void {
    if (entry.isCarried || entry.isOfInterest || this.#entries.get(entry.id) !== entry) return;
    this.#entries.delete(entry.id);
    void entry.close('leaving');
  }

  #news(channel: ChannelId): ChannelNews {
    const entry = this.#entries.get(channel);
    return {
      channel,
      record: this.#options.records.get(channel)?.bytes ?? null,
      live: entry?.isLive === true,
      viewers: entry?.viewers ?? 0,
      parents: this.#introductions.to(channel),
    };
  }
}
