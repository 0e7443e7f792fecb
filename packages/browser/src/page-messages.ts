/** What the page says to everybody on its channel, and what it hears. */

import type { PrivateKey } from '@libp2p/interface';
import type { ChannelId, PeerId } from '@casto/core';
import { ChannelPosts, type HeardPost, type LinkEvent, type PeerLink, type TreeDriver } from '@casto/host';
import { CastoError } from './errors.ts';
import type { PageWorker } from './page-worker.ts';
import type { PageContext } from './role.ts';

export interface PageMessagesOptions {
  readonly context: Pick<PageContext, 'refused' | 'emit' | 'signal'> & {
    readonly worker: Pick<PageWorker, 'clock'>;
  };
  readonly channel: ChannelId;
  readonly self: PeerId;
  readonly privateKey: PrivateKey;
  readonly driver: Pick<TreeDriver, 'links'>;
  /** The parent whose media are played; `null` while there is none. */
  readonly parent: () => PeerLink | null;
}

export class PageMessages {
  readonly #options: PageMessagesOptions;
  readonly #posts: ChannelPosts;

  constructor(options: PageMessagesOptions) {
    const { context, channel, self, driver, parent } = options;
    this.#options = options;
    this.#posts = new ChannelPosts({
      channel,
      self,
      clock: context.worker.clock,
      refused: context.refused,
      links: () => driver.links,
      parent,
      onPost: (post) => this.#tell(post),
    });
  }

  /** Takes every event of every link. */
  take(link: PeerLink, event: LinkEvent): void {
    this.#posts.take(link, event);
  }

  /** @throws {CastoError} `too-large`, `rate-limited` */
  async send(data: string): Promise<void> {
    const outcome = await this.#posts.say(data, this.#options.privateKey);
    if (outcome === 'too-large') {
      throw new CastoError(outcome, 'a message has at most 1000 characters, and 2048 bytes');
    }
    if (outcome === 'rate-limited') throw new CastoError(outcome, 'too many messages in a short time');
  }

  #tell({ id, from, text, sentAt }: HeardPost): void {
    const { context, channel, self } = this.#options;
    const detail = { id, from, fromStreamer: from === channel, data: text, sentAt, own: from === self };
    // A signature may still be under check when the page has left.
    if (!context.signal.aborted) context.emit('message', detail);
  }
}
