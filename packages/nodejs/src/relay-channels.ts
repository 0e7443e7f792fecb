/**
 * All channels of a relay: which are announced here, which are pulled from other relays for the viewers here, and
 * who wants to be told about them.
 */

import type { Connection } from '@libp2p/interface';
import {
  MAX_SUBTREE_COUNT,
  PROTOCOL_VERSION,
  reconnectWaitMs,
  type AnnounceRefusal,
  type ChannelId,
  type Farewell,
  type OfferedCandidate,
  type ParentCandidate,
  type PeerId,
  type Refusal,
  type Standing,
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
import { judgeAnnouncement } from './announcement.ts';
import { ChannelIntake, type CarrierSearch } from './channel-intake.ts';
import { ChannelWatchers } from './channel-watchers.ts';
import type { MediaLinks } from './media-links.ts';
import type { RecordMemory } from './record-memory.ts';
import { RelayChannel } from './relay-channel.ts';
import type { RelayLog } from './relay-log.ts';
import type { RelayChannel as ChannelStatus } from './relay-options.ts';

/** Each live channel costs its bitrate of downlink. */
const MAX_CHANNELS = 500;
/** Channels that somebody only asks about. */
const MAX_WATCHED_CHANNELS = 2_000;
const MAX_WATCHERS_PER_CHANNEL = 5_000;
/** Viewers of a streamer that vanished without a word are told that it is over after this long. */
const OFFLINE_GRACE_MS = 60_000;
/** A channel of another relay is given up this long after its last viewer left. */
const LINGER_MS = 3_000;
/** Attempts to take a channel back in after its parent was lost, before viewers are left waiting. */
const PULL_ATTEMPTS = 6;

interface Entry {
  readonly id: ChannelId;
  readonly media: RelayChannel;
  readonly watchers: ChannelWatchers;
  readonly intake: ChannelIntake;
  /** What its timer is for. */
  plan: 'none' | 'repair' | 'give-up';
  cancelTimer: () => void;
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
  #isClosed = false;

  constructor(options: RelayChannelsOptions) {
    this.#options = options;
    options.records.isNeeded = (channel) => this.#entries.has(channel);
  }

  /** The network needs the channels for its gossip, and they need it for their searches. */
  connectTo(network: CarrierSearch): void {
    this.#network = network;
  }

  get viewers(): number {
    let viewers = 0;
    for (const { media } of this.#entries.values()) viewers += media.viewers;
    return Math.min(viewers, MAX_SUBTREE_COUNT);
  }

  /** Channels that this relay has from their streamers: what other relays may pull. */
  get carried(): ChannelId[] {
    return [...this.#entries.values()].filter(({ intake }) => intake.streamer !== null).map(({ id }) => id);
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

  /** Ends every link; nothing is taken or told from here on. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    await Promise.all(entries.map((entry) => this.#dispose(entry, 'leaving')));
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
    if (carries) void entry.intake.takeIn().then(() => this.#mediaChanged(entry));
    void this.#network?.publish(signed);
    entry.watchers.changed();
    return { carries };
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

  async seek(): Promise<OfferedCandidate[]> {
    return [];
  }

  report(): void {}

  forget(): void {}

  standing(): Standing | null {
    return null;
  }

  /** Judges a join of a viewer or another relay. */
  async judge(join: JoinRequest, from: PeerId): Promise<JoinDecision> {
    const { maxViewers, records } = this.#options;
    if (join.version !== PROTOCOL_VERSION) return refuse('version', 60_000);
    if (this.#isDraining || this.#isClosed) return refuse('draining', 5_000);
    if (maxViewers === 0) return this.#introduce(join.channel);
    if (this.children >= maxViewers) return this.#redirectFromFull(join.channel);
    const isRelay = join.kind === 'headless';
    // A relay that does not have the channel from its streamer would have it from another relay: from this one, say.
    if (isRelay && !this.#entries.get(join.channel)?.intake.streamer) return refuse('offline', 5_000);
    if (!this.#hasRoom(join.channel)) return refuse('busy', 5_000);
    const entry = this.#entry(join.channel);
    const { intake, media } = entry;
    const comesIn = isRelay
      ? await intake.takeInFromStreamer()
      : media.parent !== null || (await intake.takeIn());
    const signed = comesIn ? records.get(join.channel) : await intake.record();
    const refusal = this.#refusal(entry, { comesIn, signed });
    if (refusal === null && signed !== null) return media.accept(join, from, signed);
    this.#forgetIfIdle(entry);
    return refusal ?? refuse('not-found', 2_000);
  }

  /** What stands against a join once the channel was looked for; things may have changed meanwhile. */
  #refusal(
    entry: Entry,
    { comesIn, signed }: { comesIn: boolean; signed: SignedRecord | null },
  ): JoinDecision | null {
    if (this.#isDraining || this.#isClosed) return refuse('draining', 5_000);
    if (signed === null) return refuse('not-found', 2_000);
    if (!comesIn || this.#entries.get(entry.id) !== entry) return refuse('offline', 2_000);
    return this.children >= this.#options.maxViewers ? this.#redirectFromFull(entry.id) : null;
  }

  /** Whether a channel is carried, or one more may be. */
  #hasRoom(channel: ChannelId): boolean {
    const known = this.#entries.get(channel);
    return (known !== undefined && isCarried(known)) || this.#carriedCount() < MAX_CHANNELS;
  }

  #canWatchMore(): boolean {
    return this.#entries.size - this.#carriedCount() < MAX_WATCHED_CHANNELS;
  }

  #carriedCount(): number {
    let count = 0;
    for (const entry of this.#entries.values()) if (isCarried(entry)) count++;
    return count;
  }

  #entry(id: ChannelId): Entry {
    const known = this.#entries.get(id);
    if (known) return known;
    const { self, clock, media, records, log, refused } = this.#options;
    const channel: RelayChannel = new RelayChannel({
      id,
      self,
      clock,
      media,
      log,
      refused,
      onChange: () => this.#mediaChanged(entry),
      onEnded: () => void this.#restart(entry),
    });
    const intake = new ChannelIntake({ media: channel, records, log, refused, network: () => this.#network });
    const watchers = new ChannelWatchers({
      clock,
      news: () => this.#news(id),
      isKnownLive: () => isLiveHere(entry),
      search: () => intake.search(),
    });
    const entry: Entry = { id, media: channel, intake, watchers, plan: 'none', cancelTimer: () => {} };
    this.#entries.set(id, entry);
    return entry;
  }

  #followStreamer(entry: Entry, connection: Connection): void {
    if (entry.intake.streamer === connection) return;
    entry.intake.streamer = connection;
    this.#options.log('info', 'channel-announced', { channel: entry.id });
    this.#network?.loadChanged();
    connection.addEventListener(
      'close',
      () => {
        if (entry.intake.streamer !== connection) return;
        entry.intake.streamer = null;
        this.#options.log('info', 'streamer-lost', { channel: entry.id });
        this.#network?.loadChanged();
        void this.#network?.withdraw(entry.id);
        this.#mediaChanged(entry);
      },
      { once: true },
    );
  }

  /** The streamer said that the broadcast is over. */
  async #end(channel: ChannelId): Promise<void> {
    const entry = this.#entries.get(channel);
    if (!entry) return;
    this.#options.log('info', 'channel-ended', { channel });
    await this.#restart(entry);
  }

  /** Lets every child go, and keeps the watchers. */
  async #restart(entry: Entry): Promise<void> {
    if (this.#entries.get(entry.id) !== entry) return;
    entry.intake.streamer = null;
    this.#entries.delete(entry.id);
    if (entry.watchers.size > 0) this.#entry(entry.id).watchers.adopt(entry.watchers);
    await this.#dispose(entry, 'ended');
    this.#network?.loadChanged();
  }

  async #dispose(entry: Entry, reason: Farewell): Promise<void> {
    entry.cancelTimer();
    entry.watchers.close();
    await entry.media.close(reason);
  }

  #mediaChanged(entry: Entry): void {
    if (this.#entries.get(entry.id) !== entry) return;
    this.#plan(entry, this.#planFor(entry));
    entry.watchers.changed();
    this.#forgetIfIdle(entry);
  }

  #planFor({ media, intake, id }: Entry): Entry['plan'] {
    if (this.#options.maxViewers === 0) return 'none';
    if (media.parent === null) return intake.streamer !== null || media.children > 0 ? 'repair' : 'none';
    return media.parent !== id && media.children === 0 ? 'give-up' : 'none';
  }

  /** Begins a plan. One that is under way goes on: children's news come often, and must not put it off. */
  #plan(entry: Entry, plan: Entry['plan']): void {
    if (entry.plan === plan) return;
    entry.cancelTimer();
    entry.cancelTimer = () => {};
    entry.plan = plan;
    if (plan === 'repair') this.#repair(entry, 0);
    if (plan === 'give-up') {
      entry.cancelTimer = this.#options.clock.setTimer(() => void this.#giveUp(entry), LINGER_MS);
    }
  }

  /** Takes the channel back in after its parent was lost; tells the children when that is hopeless. */
  #repair(entry: Entry, attempt: number): void {
    const isHopeless = attempt >= PULL_ATTEMPTS;
    const waitMs = isHopeless ? OFFLINE_GRACE_MS : reconnectWaitMs(attempt, Math.random());
    entry.cancelTimer = this.#options.clock.setTimer(() => {
      if (isHopeless && entry.intake.streamer === null) return void this.#restart(entry);
      void entry.intake.takeIn().then((isBack) => {
        if (entry.plan === 'repair' && isBack) this.#plan(entry, 'none');
        else if (entry.plan === 'repair' && this.#entries.get(entry.id) === entry)
          this.#repair(entry, attempt + 1);
        this.#mediaChanged(entry);
      });
    }, waitMs);
  }

  async #giveUp(entry: Entry): Promise<void> {
    if (entry.media.children > 0 || this.#entries.get(entry.id) !== entry) return;
    this.#options.log('info', 'channel-released', { channel: entry.id });
    entry.plan = 'none';
    await entry.media.stopPulling('leaving');
    this.#forgetIfIdle(entry);
  }

  #forgetIfIdle(entry: Entry): void {
    if (isCarried(entry) || entry.watchers.size > 0 || this.#entries.get(entry.id) !== entry) return;
    this.#entries.delete(entry.id);
    void this.#dispose(entry, 'leaving');
  }

  #isLive(entry: Entry): boolean {
    if (isLiveHere(entry)) return true;
    // The DHT may name a relay that has forgotten the channel; its streamer's own word counts more.
    return entry.intake.isElsewhere && this.#options.records.get(entry.id)?.record.live !== false;
  }

  #news(channel: ChannelId): ChannelNews {
    const entry = this.#entries.get(channel);
    return {
      channel,
      record: this.#options.records.get(channel)?.bytes ?? null,
      live: entry !== undefined && this.#isLive(entry),
      viewers: entry?.media.viewers ?? 0,
      parents: this.#introductions(channel),
    };
  }

  #introduce(channel: ChannelId): JoinDecision {
    const parents = this.#introductions(channel);
    if (parents.length > 0) return { type: 'redirect', parents };
    // Live, but the streamer serves nobody itself.
    if (this.#entries.get(channel)?.intake.streamer) return refuse('full', 5_000);
    return refuse(this.#options.records.get(channel) === null ? 'not-found' : 'offline', 2_000);
  }

  #redirectFromFull(channel: ChannelId): JoinDecision {
    const parents = this.#introductions(channel);
    return parents.length > 0 ? { type: 'redirect', parents } : refuse('full', 5_000);
  }

  /** The streamer itself, through this relay's circuit. */
  #introductions(channel: ChannelId): ParentCandidate[] {
    const entry = this.#entries.get(channel);
    if (!entry?.intake.streamer) return [];
    const addresses = this.#options.circuitAddresses(channel);
    return addresses.length > 0 ? [{ peerId: channel, addresses }] : [];
  }
}

/** Whether the channel costs more than the memory of who asks about it. */
function isCarried({ media, intake }: Entry): boolean {
  return intake.streamer !== null || intake.isPulling || media.children > 0 || media.parent !== null;
}

function isLiveHere({ media, intake }: Entry): boolean {
  return intake.streamer !== null || media.isFlowing;
}

function refuse(reason: Refusal, retryAfterMs: number): JoinDecision {
  return { type: 'refuse', reason, retryAfterMs };
}
