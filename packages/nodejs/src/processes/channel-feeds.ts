/** The channels that workers may be given, and the main process's ends of the links that bring them there. */

import { parseSessionDescription } from '@casto/host';
import type { ChannelStreams } from '../channel-streams.ts';
import type { Hub } from '../media/hub.ts';
import type { NodeMediaLinks } from '../media/media-links.ts';
import type { ParentLink } from '../media/parent-link.ts';
import type { FeedDescription, FromWorker, ToWorker } from './worker-messages.ts';

export interface ChannelFeed extends FeedDescription {
  readonly hub: Hub;
}

/** Names what comes from one hub; another record of the channel may promise other streams. */
export class ChannelFeeds {
  /** By what they consist of. */
  readonly #feeds = new WeakMap<Hub, Map<string, ChannelFeed>>();
  #made = 0;

  of(hub: Hub, streams: ChannelStreams): ChannelFeed {
    const { layers, audio, video } = streams;
    const name = `${video ?? ''} ${audio} ${layers.join(' ')}`;
    const ofHub = this.#feeds.get(hub) ?? new Map<string, ChannelFeed>();
    this.#feeds.set(hub, ofHub);
    const feed = ofHub.get(name) ?? { id: ++this.#made, streams, hub };
    ofHub.set(name, feed);
    return feed;
  }
}

interface Fed {
  readonly feed: ChannelFeed;
  /** Children of the worker that need it. */
  children: number;
  link: ParentLink | null;
}

export interface WorkerFeedsOptions {
  readonly links: Pick<NodeMediaLinks, 'serve'>;
  readonly send: (message: ToWorker) => boolean;
}

/** The feeds of one worker. */
export class WorkerFeeds {
  readonly #options: WorkerFeedsOptions;
  readonly #fed = new Map<number, Fed>();

  constructor(options: WorkerFeedsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#fed.size;
  }

  has({ id }: ChannelFeed): boolean {
    return this.#fed.has(id);
  }

  /** A child needs it. @returns What to call when it has left. */
  hold(feed: ChannelFeed): () => void {
    const fed = this.#fed.get(feed.id) ?? { feed, children: 0, link: null };
    this.#fed.set(feed.id, fed);
    fed.children++;
    return () => {
      if (--fed.children > 0) return;
      this.#fed.delete(feed.id);
      fed.link?.close();
    };
  }

  /** The worker wants the media, or wants them again. */
  async answer({ feed: id, attempt, sdp }: Extract<FromWorker, { type: 'feed-offer' }>): Promise<void> {
    const { links, send } = this.#options;
    const fed = this.#fed.get(id);
    // Its last child has left since it asked.
    if (fed === undefined) return;
    fed.link?.close();
    const { hub, streams } = fed.feed;
    try {
      const link = links.serve({ hub, offer: parseSessionDescription('offer', sdp), layers: streams.layers });
      fed.link = link;
      link.onStateChange = (state) => {
        if (state === 'closed' && fed.link === link) send({ type: 'feed-lost', feed: id, attempt });
      };
      send({ type: 'feed-answer', feed: id, attempt, sdp: await link.answer() });
    } catch {
      send({ type: 'feed-lost', feed: id, attempt });
    }
  }

  /** The worker is gone. */
  close(): void {
    for (const { link } of this.#fed.values()) link?.close();
    this.#fed.clear();
  }
}
