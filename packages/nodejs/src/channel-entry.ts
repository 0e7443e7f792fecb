/**
 * What a relay keeps about one channel: its place in the tree, who asks about it, who offers slots in it, and how long
 * it stays when nobody needs it.
 */

import type { Connection } from '@libp2p/interface';
import type { ChannelId, Directory, Farewell, Offer } from '@casto/core';
import type { ChannelNews, Clock } from '@casto/host';
import type { Waiter } from './arrival.ts';
import type { ChannelIngest } from './channel-ingest.ts';
import type { ChannelSearch } from './channel-search.ts';
import { ChannelWatchers } from './channel-watchers.ts';
import type { RelayChannel } from './relay-channel.ts';
import type { RelayChannelOptions } from './relay-channel-options.ts';

/** Viewers of a streamer that vanished without a word are told that it is over after this long. */
const OFFLINE_GRACE_MS = 75_000;
/** A channel of another relay is given up this long after its last viewer left. */
const LINGER_MS = 3_000;

/** What the timer of a channel is for. */
type Plan = 'none' | 'end' | 'give-up' | 'give-up-streamer';

const PLAN_MS = {
  end: OFFLINE_GRACE_MS,
  'give-up': LINGER_MS,
  'give-up-streamer': OFFLINE_GRACE_MS,
} satisfies Record<Exclude<Plan, 'none'>, number>;

export interface ChannelEntryOptions {
  readonly id: ChannelId;
  readonly clock: Clock;
  readonly search: ChannelSearch;
  readonly directory: Directory;
  readonly news: () => ChannelNews;
  readonly makeMedia: (
    owner: Pick<RelayChannelOptions, 'onChange' | 'onEnded' | 'onOffer' | 'search'>,
  ) => RelayChannel;
  /** Something is not as it was. */
  readonly onChange: () => void;
  /** The broadcast is over, or counts as over. */
  readonly onEnded: () => void;
  readonly onOffer: (offer: Offer | null) => void;
  readonly onReleased: () => void;
}

export class ChannelEntry {
  readonly id: ChannelId;
  readonly search: ChannelSearch;
  readonly watchers: ChannelWatchers;
  readonly directory: Directory;
  readonly #options: ChannelEntryOptions;
  #media: RelayChannel | null = null;
  #plan: Plan = 'none';
  #cancelTimer: () => void = () => {};
  #isClosed = false;

  constructor(options: ChannelEntryOptions) {
    const { id, clock, search, directory, news } = options;
    this.#options = options;
    this.id = id;
    this.search = search;
    this.directory = directory;
    this.watchers = new ChannelWatchers({
      clock,
      news,
      isKnownLive: () => this.isLiveHere,
      search: () => search.search(),
    });
  }

  get streamer(): Connection | null {
    return this.search.streamer;
  }

  /** The relay's place in the channel; `null` while it has none and looks for none. */
  get media(): RelayChannel | null {
    return this.#media;
  }

  get viewers(): number {
    return this.#media?.viewers ?? 0;
  }

  /** Whether the channel costs more than the memory of who asks about it. */
  get isCarried(): boolean {
    return this.search.hasStreamer || this.#media !== null;
  }

  /** Whether anybody asks about it or offers places in it; without, what is not carried may be forgotten. */
  get isOfInterest(): boolean {
    return this.watchers.size > 0 || this.directory.size > 0;
  }

  get isLive(): boolean {
    return this.isLiveHere || this.search.isElsewhere;
  }

  get isLiveHere(): boolean {
    return this.search.hasStreamer || this.#media?.isFlowing === true;
  }

  /** Takes the channel in, unless it comes in. @returns Whether it does, once that is known. */
  takeIn(waiter: Waiter): Promise<boolean> {
    return this.#begin().takeIn(waiter);
  }

  /** The streamer is connected here, and announced a broadcast of this epoch. */
  followStreamer(epoch: number): void {
    this.#begin().followStreamer(epoch);
    this.mediaChanged();
  }

  /** The broadcast comes in here from outside the tree, or begins anew there. */
  broadcast(ingest: ChannelIngest): void {
    this.search.ingest = ingest;
    this.#begin().broadcast();
    this.mediaChanged();
  }

  /** Looks at the channel again: who needs it, and whether it comes in. */
  mediaChanged(): void {
    if (this.#isClosed) return;
    const plan = this.#planFor();
    if (plan === 'stop') return this.#stop();
    if (plan === this.#plan) return;
    // One that is under way goes on: children's news come often, and must not put it off.
    this.#cancelTimer();
    this.#cancelTimer = () => {};
    this.#plan = plan;
    if (plan === 'none') return;
    const { clock, onEnded } = this.#options;
    this.#cancelTimer = clock.setTimer(plan === 'end' ? onEnded : () => this.#stop(), PLAN_MS[plan]);
  }

  /** Ends every link; nothing is told from here on. Idempotent. */
  async close(reason: Farewell): Promise<void> {
    this.#isClosed = true;
    this.#cancelTimer();
    this.watchers.close();
    await this.#media?.close(reason);
  }

  #begin(): RelayChannel {
    const known = this.#media;
    if (known !== null) return known;
    const { makeMedia, search, onChange, onEnded, onOffer } = this.#options;
    const media = makeMedia({ search, onChange, onEnded, onOffer });
    this.#media = media;
    return media;
  }

  #planFor(): Plan | 'stop' {
    const media = this.#media;
    if (media === null) return 'none';
    const { hasStreamer } = this.search;
    const isNeeded = hasStreamer || media.dependents > 0;
    if (media.parent === null) {
      if (hasStreamer || (media.isPulling && !isNeeded)) return 'none';
      return isNeeded ? 'end' : 'stop';
    }
    if (isNeeded) return 'none';
    // A streamer that lost its connection to this relay comes back, but one may also go to another relay for good.
    return media.parent === this.id ? 'give-up-streamer' : 'give-up';
  }

  /** Leaves the tree: nobody needs the channel here. */
  #stop(): void {
    const media = this.#media;
    this.#media = null;
    this.#plan = 'none';
    this.#cancelTimer();
    this.#cancelTimer = () => {};
    if (media === null) return;
    if (media.parent !== null) this.#options.onReleased();
    void media.close('leaving');
    this.#options.onChange();
  }
}
