/**
 * All channels of a relay: which are announced here, which are pulled from other relays for the viewers here, and
 * who wants to be told about them.
 */

import type { Connection } from '@libp2p/interface';
import {
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
} from '@casto/host';
import { judgeAnnouncement } from './announcement.ts';
import { ChannelIntake, type CarrierSearch } from './channel-intake.ts';
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
  readonly intake: ChannelIntake;
  isSearching: boolean;
  /** Last news that the watchers were told, so that they hear only of changes. */
  told: string;
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
    const { records, publishToken, clock } = this.#options;
    const rules = { records, publishToken, now: clock.now() };
    const signed = await judgeAnnouncement({ bytes, token, from }, rules);
    if (typeof signed === 'string') return signed;
    const carries = this.#options.maxViewers > 0;
    if (!signed.record.live) {
      await this.#end(from);
      return { carries };
    }
    if (!this.#entries.has(from) && this.#entries.size >= MAX_CHANNELS) return 'full';
    const entry = this.#entry(from);
    this.#followStreamer(entry, connection);
    if (carries) void entry.intake.takeIn().then(() => this.#mediaChanged(entry));
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
      // The channel may have been started anew, with its watchers.
      const current = this.#entries.get(channel);
      current?.watchers.delete(notify);
      if (current) this.#forgetIfIdle(current);
    };
  }

  /** Judges a join of a viewer or another relay. */
  async judge(join: JoinRequest, from: PeerId): Promise<JoinDecision> {
    const { maxViewers, records } = this.#options;
    if (join.version !== PROTOCOL_VERSION) return refuse('version', 60_000);
    if (this.#isDraining) return refuse('draining', 5_000);
    if (maxViewers === 0) return this.#introduce(join.channel);
    if (this.children >= maxViewers) return this.#redirectFromFull(join.channel);
    if (join.kind === 'headless' && !this.#entries.get(join.channel)?.intake.streamer)
      return refuse('offline', 5_000);
    if (!this.#entries.has(join.channel) && this.#entries.size >= MAX_CHANNELS) return refuse('busy', 5_000);
    const entry = this.#entry(join.channel);
    const isCarried = entry.media.parent !== null || (await entry.intake.takeIn());
    const signed = records.get(join.channel);
    if (!isCarried || signed === null) {
      this.#forgetIfIdle(entry);
      return refuse(signed === null ? 'not-found' : 'offline', 2_000);
    }
    return entry.media.accept(join, from, signed);
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
    });
    const entry: Entry = {
      id,
      media: channel,
      intake: new ChannelIntake({ media: channel, records, log, refused, network: () => this.#network }),
      watchers: new Set(),
      isSearching: false,
      told: '',
      plan: 'none',
      cancelTimer: () => {},
    };
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
        this.#mediaChanged(entry);
      },
      { once: true },
    );
  }

  /** The streamer said that the broadcast is over. */
  async #end(channel: ChannelId): Promise<void> {
    const entry = this.#entries.get(channel);
    if (!entry) return;
    entry.intake.streamer = null;
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
      this.#searchRegularly(next);
    }
    await entry.media.close('ended');
    this.#network?.loadChanged();
  }

  #mediaChanged(entry: Entry): void {
    if (this.#entries.get(entry.id) !== entry) return;
    this.#plan(entry, this.#planFor(entry));
    this.#changed(entry);
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
        if (entry.plan !== 'repair' || this.#entries.get(entry.id) !== entry) return;
        if (isBack) this.#plan(entry, 'none');
        else this.#repair(entry, attempt + 1);
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
    const { media, watchers } = entry;
    const { streamer, isPulling } = entry.intake;
    const isIdle = streamer === null && watchers.size === 0 && media.children === 0 && media.parent === null;
    if (!isIdle || isPulling || this.#entries.get(entry.id) !== entry) return;
    entry.cancelTimer();
    this.#entries.delete(entry.id);
    void media.close('leaving');
  }

  /** Tells the watchers, if there is something to tell. */
  #changed(entry: Entry): void {
    const news = this.#news(entry);
    const summary = `${news.live} ${news.record?.length} ${news.parents.length}`;
    if (summary === entry.told) return;
    entry.told = summary;
    for (const notify of entry.watchers) notify(news);
  }

  #isLiveHere(entry: Entry): boolean {
    return entry.intake.streamer !== null || entry.media.isFlowing;
  }

  #isLive(entry: Entry): boolean {
    return this.#isLiveHere(entry) || entry.intake.isElsewhere;
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
    if (!this.#isLiveHere(entry)) await entry.intake.search();
    if (entry.watchers.has(notify)) notify(this.#news(entry));
  }

  /** While somebody watches a channel that is not live, it may come up anywhere. */
  #searchRegularly(entry: Entry): void {
    if (entry.isSearching) return;
    entry.isSearching = true;
    this.#options.clock.setTimer(() => {
      entry.isSearching = false;
      if (entry.watchers.size === 0 || this.#entries.get(entry.id) !== entry) return;
      const searched = this.#isLiveHere(entry) ? Promise.resolve() : entry.intake.search();
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

function refuse(reason: Refusal, retryAfterMs: number): JoinDecision {
  return { type: 'refuse', reason, retryAfterMs };
}
