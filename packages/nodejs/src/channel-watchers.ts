/** Who wants to be told about one channel, what each was told last, and the search for a channel that is not here. */

import type { ChannelNews, Clock } from '@casto/host';

/** While somebody watches a channel that is not live, it may come up anywhere. */
const SEARCH_MS = 2_000;
/** Viewers come and go in crowds: their number alone is told at most this often. */
const COUNT_MS = 2_000;

export type Watcher = (news: ChannelNews) => void;

export interface ChannelWatchersOptions {
  clock: Clock;
  /** The channel as things stand. */
  news: () => ChannelNews;
  /** Whether it is known here that the channel is live, so that nobody needs to search. */
  isKnownLive: () => boolean;
  /** Asks other relays. Must not reject. */
  search: () => Promise<void>;
}

/** What was told: without the number of viewers, and with it. */
interface Told {
  readonly facts: string;
  readonly all: string;
}

export class ChannelWatchers {
  readonly #options: ChannelWatchersOptions;
  /** `null` while the first answer waits for a search. */
  readonly #watchers = new Map<Watcher, Told | null>();
  #searching: Promise<void> | null = null;
  #cancelSearch: (() => void) | null = null;
  #cancelCount: (() => void) | null = null;
  #closed = false;

  constructor(options: ChannelWatchersOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#watchers.size;
  }

  /** A channel that is not known here may be known elsewhere: the first answer waits for that search. */
  add(watcher: Watcher): void {
    this.#watchers.set(watcher, null);
    if (this.#options.isKnownLive()) this.#tell(watcher);
    else void this.#search().then(() => this.#tellUntold());
    this.#searchLater();
  }

  remove(watcher: Watcher): void {
    this.#watchers.delete(watcher);
    if (this.#watchers.size === 0) this.#cancelTimers();
  }

  /** Takes over the watchers of the channel's former life. */
  adopt(former: ChannelWatchers): void {
    for (const [watcher, told] of former.#watchers) this.#watchers.set(watcher, told);
    former.close();
    if (this.#watchers.size > 0) this.#searchLater();
    this.changed();
  }

  /** The news may have changed: tells those to whom they are news. */
  changed(): void {
    if (this.#watchers.size === 0) return;
    if (this.#options.isKnownLive()) this.#tellUntold();
    const news = this.#options.news();
    const now = summaryOf(news);
    let isOnlyCount = false;
    for (const [watcher, told] of this.#watchers) {
      if (told === null || told.all === now.all) continue;
      if (told.facts === now.facts) isOnlyCount = true;
      else this.#tell(watcher);
    }
    if (isOnlyCount) this.#tellCountLater();
  }

  /** No watcher is told anything from here on. */
  close(): void {
    this.#closed = true;
    this.#watchers.clear();
    this.#cancelTimers();
  }

  #tell(watcher: Watcher): void {
    const news = this.#options.news();
    this.#watchers.set(watcher, summaryOf(news));
    watcher(news);
  }

  #tellUntold(): void {
    for (const [watcher, told] of this.#watchers) if (told === null) this.#tell(watcher);
  }

  #tellCountLater(): void {
    this.#cancelCount ??= this.#options.clock.setTimer(() => {
      this.#cancelCount = null;
      const { all } = summaryOf(this.#options.news());
      for (const [watcher, told] of this.#watchers) {
        if (told !== null && told.all !== all) this.#tell(watcher);
      }
    }, COUNT_MS);
  }

  /** One search at a time, whoever wants it. */
  #search(): Promise<void> {
    this.#searching ??= this.#options.search().finally(() => {
      this.#searching = null;
    });
    return this.#searching;
  }

  #searchLater(): void {
    if (this.#closed) return;
    this.#cancelSearch ??= this.#options.clock.setTimer(() => void this.#searchAgain(), SEARCH_MS);
  }

  async #searchAgain(): Promise<void> {
    if (!this.#options.isKnownLive()) await this.#search();
    this.#cancelSearch = null;
    if (this.#closed || this.#watchers.size === 0) return;
    this.#tellUntold();
    this.changed();
    this.#searchLater();
  }

  #cancelTimers(): void {
    this.#cancelSearch?.();
    this.#cancelSearch = null;
    this.#cancelCount?.();
    this.#cancelCount = null;
  }
}

function summaryOf({ live, record, viewers, parents }: ChannelNews): Told {
  const peers = parents.map(({ peerId, addresses }) => `${peerId} ${addresses.join()}`);
  const facts = [live, record === null ? '' : Buffer.from(record).toString('base64'), ...peers].join('|');
  return { facts, all: `${viewers}|${facts}` };
}
