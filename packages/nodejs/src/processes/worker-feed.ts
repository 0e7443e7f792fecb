/**
 * The media of one channel inside a worker: taken from the main process over a link of their own, and given to the
 * worker's children by a hub. It is the link that two relays have, so losses, key frames and reports go as between them.
 *
 *   asking ──feed-answer──▶ connected ──lost──▶ waiting ──delay──▶ asking
 */

import type { Clock } from '@casto/host';
import { createHub, type Hub } from '../media/hub.ts';
import type { ChildLink } from '../media/child-link.ts';
import type { NodeMediaLinks } from '../media/media-links.ts';
import type { FeedDescription, FromWorker } from './worker-messages.ts';

/** A link over loopback fails when a process stands still for long: it should not ask too often then. */
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;

export interface WorkerFeedOptions {
  readonly feed: FeedDescription;
  readonly links: Pick<NodeMediaLinks, 'pull'>;
  readonly clock: Clock;
  readonly send: (message: FromWorker) => void;
}

export class WorkerFeed {
  readonly hub: Hub;
  /** Links that it is given to. */
  children = 0;
  readonly #options: WorkerFeedOptions;
  #link: ChildLink | null = null;
  #attempt = 0;
  #retryMs = FIRST_RETRY_MS;
  #cancelRetry: () => void = () => {};
  #isClosed = false;

  constructor(options: WorkerFeedOptions) {
    this.#options = options;
    this.hub = createHub({ now: () => options.clock.now() });
    void this.#ask();
  }

  async accept(attempt: number, sdp: string): Promise<void> {
    const link = this.#link;
    if (attempt !== this.#attempt || link === null) return;
    try {
      await link.accept(sdp);
    } catch {
      link.close();
    }
  }

  /** The main process has closed its end. */
  lose(attempt: number): void {
    if (attempt === this.#attempt) this.#link?.close();
  }

  /** Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelRetry();
    this.#link?.close();
    this.hub.close();
  }

  async #ask(): Promise<void> {
    const { feed, links, send } = this.#options;
    this.#attempt = nextAttempt++;
    const attempt = this.#attempt;
    // One shared port cannot reach another twice, and there is a link for each channel.
    const link = links.pull({ hub: this.hub, ...feed.streams, fromRelay: true });
    this.#link = link;
    link.media.play(true);
    link.onStateChange = (state) => {
      if (state === 'connected') this.#retryMs = FIRST_RETRY_MS;
      else this.#askLater();
    };
    try {
      send({ type: 'feed-offer', feed: feed.id, attempt, sdp: await link.offer() });
    } catch {
      link.close();
    }
  }

  #askLater(): void {
    this.#link = null;
    if (this.#isClosed) return;
    this.#cancelRetry = this.#options.clock.setTimer(() => void this.#ask(), this.#retryMs);
    this.#retryMs = Math.min(2 * this.#retryMs, LAST_RETRY_MS);
  }
}

/** Counted over all feeds: an answer that comes late must not reach the next feed of the same channel. */
let nextAttempt = 1;
