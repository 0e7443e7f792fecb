/** All links of one worker as the main process has them. They end with the worker. */

import type { Clock, RefusalCounter } from '@casto/host';
import type { ServeOptions } from '../media-links.ts';
import type { NodeMediaLinks } from '../media/media-links.ts';
import type { ChannelFeed } from './channel-feeds.ts';
import { WorkerFeeds } from './channel-feeds.ts';
import { RemoteParentEnd } from './remote-parent-end.ts';
import type { FromWorker, ToWorker, WorkerReport } from './worker-messages.ts';

export interface RemoteLinksOptions {
  readonly clock: Clock;
  readonly counts: RefusalCounter;
  /** With the worker itself, over loopback. */
  readonly feedLinks: Pick<NodeMediaLinks, 'serve'>;
  readonly send: (message: ToWorker) => boolean;
}

export class RemoteLinks {
  readonly #options: RemoteLinksOptions;
  readonly #ends = new Map<number, RemoteParentEnd>();
  readonly #feeds: WorkerFeeds;
  #made = 0;

  constructor(options: RemoteLinksOptions) {
    this.#options = options;
    this.#feeds = new WorkerFeeds({ links: options.feedLinks, send: options.send });
  }

  get size(): number {
    return this.#ends.size;
  }

  get connecting(): number {
    let connecting = 0;
    for (const { state } of this.#ends.values()) if (state === 'connecting') connecting++;
    return connecting;
  }

  /** Whether the worker has the channel's media, or is getting them. */
  has(feed: ChannelFeed): boolean {
    return this.#feeds.has(feed);
  }

  serve(feed: ChannelFeed, { offer, layers, isActive = true }: ServeOptions): RemoteParentEnd {
    const { clock, counts, send } = this.#options;
    const link = ++this.#made;
    const release = this.#feeds.hold(feed);
    const description = { id: feed.id, streams: feed.streams };
    const end = new RemoteParentEnd({
      settings: { link, feed: description, offer, layers, isActive },
      clock,
      counts,
      send,
      onClosed: () => {
        this.#ends.delete(link);
        release();
      },
    });
    this.#ends.set(link, end);
    return end;
  }

  take(message: FromWorker): void {
    if (message.type === 'feed-offer') void this.#feeds.answer(message);
    else if (message.type === 'report') this.#note(message.report.qualities);
    else if ('link' in message) this.#ends.get(message.link)?.take(message);
  }

  #note(qualities: WorkerReport['qualities']): void {
    for (const [link, quality] of qualities) this.#ends.get(link)?.note(quality);
  }

  /** The worker is gone. */
  lose(): void {
    for (const end of this.#ends.values()) end.lose();
    this.#feeds.close();
  }
}
