/** The links of a media worker with its children, as the main process orders them. */

import { controlCodec, KEEP_ALIVE_MS } from '@casto/core';
import type { Clock } from '@casto/host';
import { MediaLinkError } from '../media/media-link-error.ts';
import type { LinkQuality } from '../relay-overview.ts';
import type { NodeMediaLinks } from '../media/media-links.ts';
import type { ParentLink } from '../media/parent-link.ts';
import { WorkerFeed } from './worker-feed.ts';
import type { FeedDescription, FromWorker, LinkSettings, ToWorker } from './worker-messages.ts';

/** How often queues, NACKs, reports and keep-alives are looked after. */
const TICK_MS = 20;
/**
 * A main process that has not been heard for this long counts as gone, and nobody is told that the relay lives: children
 * look for another parent. It sends a beat every 50 ms.
 */
const MAIN_SILENCE_MS = 150;
const KEEP_ALIVE = controlCodec.encode({ type: 'keep-alive' });

export interface WorkerLinksOptions {
  /** With pages and other relays. */
  readonly links: NodeMediaLinks;
  /** With the main process. */
  readonly feedLinks: NodeMediaLinks;
  readonly clock: Clock;
  readonly send: (message: FromWorker) => void;
  /** Whether the main process takes in what is said to it. */
  readonly isHeard: () => boolean;
}

interface Served {
  readonly link: ParentLink;
  readonly feed: number;
  isActive: boolean;
  /** When the child was last told something over the control channel. */
  spokeAt: number;
}

export class WorkerLinks {
  readonly #options: WorkerLinksOptions;
  readonly #served = new Map<number, Served>();
  readonly #feeds = new Map<number, WorkerFeed>();
  #heardMainAt = -Infinity;
  #cancelTick: () => void;
  #isClosed = false;

  constructor(options: WorkerLinksOptions) {
    this.#options = options;
    this.#cancelTick = options.clock.setTimer(() => this.#tick(), TICK_MS);
  }

  take(message: ToWorker): void {
    this.#heardMainAt = this.#options.clock.now();
    switch (message.type) {
      case 'serve':
        return this.#serve(message);
      case 'active':
        return this.#activate(message.link, message.isActive);
      case 'choose-layer':
        return this.#served.get(message.link)?.link.media.chooseLayer(message.layer);
      case 'want-key-frame':
        return this.#served.get(message.link)?.link.media.wantKeyFrame(message.layer);
      case 'candidate':
        return this.#served.get(message.link)?.link.addCandidate(message.candidate);
      case 'control':
        return this.#tell(message.link, message.bytes);
      case 'close':
        return this.#served.get(message.link)?.link.close();
      case 'feed-answer':
        return void this.#feeds.get(message.feed)?.accept(message.attempt, message.sdp);
      case 'feed-lost':
        return this.#feeds.get(message.feed)?.lose(message.attempt);
      default:
      // The rest is for the process.
    }
  }

  /** How each link does, by its id. */
  qualities(): Map<number, LinkQuality> {
    return new Map([...this.#served].map(([id, { link }]) => [id, link.media.quality()]));
  }

  /** Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelTick();
    for (const { link } of this.#served.values()) link.close();
    for (const feed of this.#feeds.values()) feed.close();
  }

  #serve({ link: id, feed: description, offer, layers, isActive }: LinkSettings): void {
    const feed = this.#feed(description);
    feed.children++;
    try {
      const link = this.#options.links.serve({ hub: feed.hub, offer, layers, isActive });
      this.#served.set(id, { link, feed: description.id, isActive, spokeAt: -Infinity });
      this.#listen(id, link);
      void this.#answer(id, link);
    } catch (error) {
      this.#release(description.id);
      this.#fail(id, error);
    }
  }

  async #answer(id: number, link: ParentLink): Promise<void> {
    try {
      this.#options.send({ type: 'answered', link: id, sdp: await link.answer() });
    } catch (error) {
      this.#fail(id, error);
      link.close();
    }
  }

  #fail(id: number, error: unknown): void {
    const reason = error instanceof MediaLinkError ? error.reason : 'native';
    const message = error instanceof Error ? error.message : String(error);
    this.#options.send({ type: 'failed', link: id, reason, message });
  }

  #listen(id: number, link: ParentLink): void {
    const { send, isHeard } = this.#options;
    link.onStateChange = (state) => {
      if (state === 'closed') this.#forget(id);
      send({ type: 'state', link: id, state });
    };
    link.control.onOpen = () => send({ type: 'opened', link: id });
    link.control.onClosed = () => link.close();
    link.control.onMessage = (bytes) => {
      // A message of a link cannot be left out, and cannot be kept for ever.
      if (isHeard()) send({ type: 'control', link: id, bytes });
      else link.close();
    };
  }

  #forget(id: number): void {
    const served = this.#served.get(id);
    if (served === undefined) return;
    this.#served.delete(id);
    this.#release(served.feed);
  }

  #activate(id: number, isActive: boolean): void {
    const served = this.#served.get(id);
    if (served === undefined) return;
    served.isActive = isActive;
    served.link.media.serve(isActive);
  }

  #tell(id: number, bytes: Uint8Array): void {
    const served = this.#served.get(id);
    if (served?.link.control.send(bytes) === true) served.spokeAt = this.#options.clock.now();
  }

  #feed(description: FeedDescription): WorkerFeed {
    const { feedLinks: links, clock, send } = this.#options;
    const known = this.#feeds.get(description.id);
    if (known !== undefined) return known;
    const feed = new WorkerFeed({ feed: description, links, clock, send });
    this.#feeds.set(description.id, feed);
    return feed;
  }

  #release(id: number): void {
    const feed = this.#feeds.get(id);
    if (feed === undefined || --feed.children > 0) return;
    this.#feeds.delete(id);
    feed.close();
    this.#options.send({ type: 'feed-closed', feed: id });
  }

  #tick(): void {
    const { clock } = this.#options;
    this.#cancelTick = clock.setTimer(() => this.#tick(), TICK_MS);
    const now = clock.now();
    for (const { hub } of this.#feeds.values()) hub.tick(now);
    if (now - this.#heardMainAt > MAIN_SILENCE_MS) return;
    for (const served of this.#served.values()) if (served.isActive) keepAlive(served, now);
  }
}

/** PROTOCOL.md, K2.1, in place of the main process, which does not see when media pass. */
function keepAlive(served: Served, now: number): void {
  const { link } = served;
  if (now - Math.max(link.lastSentAt(), served.spokeAt) < KEEP_ALIVE_MS) return;
  if (link.control.send(KEEP_ALIVE)) served.spokeAt = now;
}
