/**
 * The media plane of a relay in several processes: this one takes channels in, workers give them to the children.
 *
 *   parent ──▶ main process ──loopback──▶ worker 1 ──▶ its children
 *                           ──loopback──▶ worker 2 ──▶ its children
 *
 * To everybody outside it is one relay: the workers know nothing of channels, peers and the tree. While no worker is there
 * the main process serves children itself.
 */

import { refusalCounter } from '@casto/host';
import type { ServeOptions } from '../media-links.ts';
import type { ChildLink } from '../media/child-link.ts';
import { MediaLinkError } from '../media/media-link-error.ts';
import { createMediaLinks } from '../media/media-links.ts';
import type { LinkSide, MediaLinksOptions, NodeMediaLinks } from '../media/media-links.ts';
import { addTotals } from '../media/media-traffic.ts';
import type { RelayLog } from '../relay-log.ts';
import type { LinkCounts, MediaTraffic, ProcessMetrics } from '../relay-metrics.ts';
import type { RelayMedia } from '../relay-media.ts';
import type { ClientTransport } from '../whip/client-transport.ts';
import { ChannelFeeds, type ChannelFeed } from './channel-feeds.ts';
import { FEED_HOST } from './feed-host.ts';
import { usageMeter, type UsageMeter } from './process-usage.ts';
import type { RemoteLinks } from './remote-links.ts';
import { workerEntry } from './worker-entry.ts';
import { WorkerKeeper } from './worker-keeper.ts';

/**
 * What bringing a channel into one more worker costs, in children: one process sends a stream more, another receives and
 * decrypts it. A worker that has the channel is chosen unless another one has this many children less.
 */
const FEED_COST = 4;
/** As in one process (media-links.ts); each worker is one. */
const MAX_CONNECTING = 200;

export interface SpreadLinksOptions extends MediaLinksOptions {
  readonly log: RelayLog;
  /** UDP port of each worker, free by now; none: this process does it all. */
  readonly workerPorts: readonly number[];
  /** Reports that a worker may owe, one more each second, before it counts as hung. Default 5. */
  readonly maxMissedReports?: number;
}

/**
 * Starts the workers.
 *
 * @throws {Error} When one of them does not start; none is left then.
 */
export async function createSpreadLinks(options: SpreadLinksOptions): Promise<SpreadLinks> {
  const links = new SpreadLinks(options);
  try {
    await links.start();
    return links;
  } catch (error) {
    await links.close();
    throw error;
  }
}

export class SpreadLinks implements RelayMedia {
  readonly #local: NodeMediaLinks;
  readonly #feedLinks: NodeMediaLinks;
  readonly #feeds = new ChannelFeeds();
  readonly #keepers: readonly WorkerKeeper[];
  readonly #counts = refusalCounter();
  readonly #usage: UsageMeter = usageMeter();
  /** A worker that hangs would not notice that this process is gone. */
  readonly #onExit = (): void => {
    for (const keeper of this.#keepers) keeper.kill();
  };
  #made = 0;
  #isClosed = false;

  constructor(options: SpreadLinksOptions) {
    const { host, announce = [], clock, log, workerPorts, maxMissedReports } = options;
    this.#local = createMediaLinks(options);
    this.#feedLinks = createMediaLinks({ host: FEED_HOST, clock });
    const entry = workerPorts.length === 0 ? null : workerEntry();
    this.#keepers = workerPorts.flatMap((mediaPort, index) => {
      if (entry === null) return [];
      const shared = { entry, clock, log, counts: this.#counts, feedLinks: this.#feedLinks };
      const settings = { host, mediaPort, announce };
      const missed = maxMissedReports === undefined ? {} : { maxMissedReports };
      return new WorkerKeeper({ name: `worker-${index + 1}`, settings, ...shared, ...missed });
    });
  }

  get counts(): Readonly<Record<string, number>> {
    const sum: Record<string, number> = {};
    const parts = [this.#local.counts, this.#counts.counts, ...this.#keepers.map(({ refused }) => refused)];
    for (const [reason, count] of parts.flatMap((part) => Object.entries(part))) {
      sum[reason] = (sum[reason] ?? 0) + count;
    }
    return sum;
  }

  get parents(): LinkCounts {
    return this.#local.parents;
  }

  get children(): LinkCounts {
    let { connecting, connected, made } = this.#local.children;
    for (const { links } of this.#keepers) {
      if (links === null) continue;
      connecting += links.connecting;
      connected += links.size - links.connecting;
    }
    made += this.#made;
    return { connecting, connected, made };
  }

  /** @throws {Error} When a worker does not start. */
  async start(): Promise<void> {
    if (this.#keepers.length > 0) process.on('exit', this.#onExit);
    await Promise.all(this.#keepers.map((keeper) => keeper.start()));
  }

  get publishers(): LinkCounts {
    return this.#local.publishers;
  }

  get players(): LinkCounts {
    return this.#local.players;
  }

  trafficBySide(): Readonly<Record<LinkSide, MediaTraffic>> {
    const sums = this.#local.trafficBySide();
    for (const { traffic } of this.#keepers) addTotals(sums.children, traffic);
    return sums;
  }

  processes(): ProcessMetrics[] {
    const { connecting, connected } = this.#local.children;
    const main = { name: 'main', ...this.#usage.read(), children: connecting + connected, restarts: 0 };
    return [main, ...this.#keepers.map(({ metrics }) => metrics)];
  }

  residentBytes(): number {
    const workers = this.#keepers.map(({ metrics }) => metrics.residentBytes);
    return workers.reduce((sum, bytes) => sum + bytes, process.memoryUsage.rss());
  }

  pull(options: Parameters<NodeMediaLinks['pull']>[0]): ChildLink {
    return this.#local.pull(options);
  }

  serve(options: ServeOptions): ReturnType<RelayMedia['serve']> {
    if (this.#isClosed) throw new MediaLinkError('closed', 'the relay is closing');
    const present = this.#keepers.flatMap(({ links }) => links ?? []);
    if (present.length === 0) return this.#local.serve(options);
    const feed = this.#feeds.of(options.hub, options.streams);
    const chosen = leastLoaded(present, feed);
    if (chosen === null) {
      this.#counts.count('too-many-connecting');
      throw new MediaLinkError(
        'too-many-connecting',
        'no worker takes more links that are not connected yet',
      );
    }
    this.#made++;
    return chosen.serve(feed, options);
  }

  client(options: Parameters<NodeMediaLinks['client']>[0]): ClientTransport {
    return this.#local.client(options);
  }

  /** @returns When all workers have told anew what they carried. For measurements. */
  async reported(): Promise<void> {
    await Promise.all(this.#keepers.map((keeper) => keeper.reported()));
  }

  async close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      this.#local.close();
      this.#usage.close();
    }
    await Promise.all(this.#keepers.map((keeper) => keeper.stop()));
    process.off('exit', this.#onExit);
    this.#feedLinks.close();
  }
}

/** @returns `null` when all have too many links that are only half open. */
function leastLoaded(workers: readonly RemoteLinks[], feed: ChannelFeed): RemoteLinks | null {
  let best: { links: RemoteLinks; cost: number } | null = null;
  for (const links of workers) {
    if (links.connecting >= MAX_CONNECTING) continue;
    const cost = links.size + (links.has(feed) ? 0 : FEED_COST);
    if (best === null || cost < best.cost) best = { links, cost };
  }
  return best?.links ?? null;
}
