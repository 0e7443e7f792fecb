/** Counts over all channels of a relay. */

import { isPeerId, MAX_SUBTREE_COUNT, type ChannelId, type Instant } from '@casto/core';
import { channelOverview, channelTree } from './channel-overview.ts';
import type { ChannelEntry } from './channel-entry.ts';
import type { RecordMemory } from './record-memory.ts';
import { MAX_SHOWN_CHANNELS, type ChannelTree, type RelayOverview } from './relay-overview.ts';
import type { RelayMetrics } from './relay-metrics.ts';
import type { RelayChannel as ChannelStatus } from './relay-options.ts';

/** A channel that is live at this relay. */
export interface LiveChannel {
  readonly channel: ChannelId;
  readonly viewers: number;
  /** Whether the relay has it from its streamer. */
  readonly isOwn: boolean;
}

export class ChannelCensus {
  readonly #entries: ReadonlyMap<ChannelId, ChannelEntry>;
  readonly #records: RecordMemory;

  constructor(entries: ReadonlyMap<ChannelId, ChannelEntry>, records: RecordMemory) {
    this.#entries = entries;
    this.#records = records;
  }

  /** Viewers at and below the relay. */
  get viewers(): number {
    return Math.min(
      this.#sum((entry) => entry.viewers),
      MAX_SUBTREE_COUNT,
    );
  }

  /** Links to children, standbys among them. */
  get children(): number {
    return this.#sum(({ media }) => media?.children ?? 0);
  }

  /** Those that are cut off when the relay stops: links to children, standbys among them, and players. */
  get attached(): number {
    return this.children + this.#sum(({ media }) => media?.players.size ?? 0);
  }

  /** Those that are sent media, children and players. */
  get served(): number {
    return this.#sum(({ media }) => (media === null ? 0 : media.served + media.players.size));
  }

  /** Channels that cost more than the memory of who asks about them. */
  get carriedCount(): number {
    return this.#sum(({ isCarried }) => (isCarried ? 1 : 0));
  }

  /** Channels that the relay has from their streamers: what other relays may pull. */
  get carried(): ChannelId[] {
    return [...this.#entries.values()].filter(({ search }) => search.hasStreamer).map(({ id }) => id);
  }

  /** Whether the relay has a channel from its streamer. */
  isOwn(channel: ChannelId): boolean {
    return this.#entries.get(channel)?.search.hasStreamer === true;
  }

  /** Channels that come in here, or whose streamers are here. */
  live(): LiveChannel[] {
    return [...this.#entries.values()]
      .filter(({ isLiveHere }) => isLiveHere)
      .map(({ id, viewers, search }) => ({ channel: id, viewers, isOwn: search.hasStreamer }));
  }

  counts(): RelayMetrics['channels'] {
    const live = this.#sum(({ media }) => (media?.isFlowing === true ? 1 : 0));
    return { announced: this.carried.length, live, known: this.#entries.size };
  }

  status(): ChannelStatus[] {
    return [...this.#entries.values()].map((entry) => ({
      channel: entry.id,
      title: this.#records.get(entry.id)?.record.title ?? '',
      live: entry.isLive,
      viewers: entry.viewers,
    }));
  }

  /** The most viewed first. */
  overview(): Pick<RelayOverview, 'channels' | 'moreChannels'> {
    const entries = [...this.#entries.values()].filter(({ isCarried, isLive }) => isCarried || isLive);
    const shown = entries
      .map((entry) => ({ entry, viewers: entry.viewers }))
      .sort((a, b) => b.viewers - a.viewers)
      .slice(0, MAX_SHOWN_CHANNELS)
      .map(({ entry }) => channelOverview(entry, this.#records.get(entry.id)?.record ?? null));
    return { channels: shown, moreChannels: entries.length - shown.length };
  }

  /** @returns `null` when the relay has no place in such a tree. */
  tree(channel: string, now: Instant): ChannelTree | null {
    const entry = isPeerId(channel) ? this.#entries.get(channel) : undefined;
    return entry === undefined ? null : channelTree(entry, now);
  }

  #sum(count: (entry: ChannelEntry) => number): number {
    let sum = 0;
    for (const entry of this.#entries.values()) sum += count(entry);
    return sum;
  }
}
