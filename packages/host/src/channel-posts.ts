/**
 * What is said to everybody on a channel, through one peer: the core's rules (PROTOCOL.md, K10) with the links, the
 * clock and the keys that they need.
 */

import type { PrivateKey } from '@libp2p/interface';
import {
  controlCodec,
  createPostRouter,
  MAX_POST_BYTES,
  MAX_POST_LENGTH,
  postId,
  unreachable,
  type ChannelId,
  type PeerId,
  type Post,
  type PostEffect,
  type PostInput,
  type PostRouter,
} from '@casto/core';
import type { Clock } from './clock.ts';
import type { LinkEvent, PeerLink } from './peer-link.ts';
import type { RefusalCounter } from './refusal-counter.ts';
import { isGenuinePost, signPost } from './signed-posts.ts';

/** Something that was said. */
export interface HeardPost {
  /** 32 hexadecimal digits. */
  readonly id: string;
  readonly from: PeerId;
  readonly text: string;
  /** Milliseconds since 1970 in this peer's own clock. */
  readonly sentAt: number;
}

export interface ChannelPostsOptions {
  readonly channel: ChannelId;
  readonly self: PeerId;
  readonly clock: Clock;
  readonly refused: RefusalCounter;
  /** All links of the channel. */
  readonly links: () => Iterable<PeerLink>;
  /** The parent whose media are played: the way to the streamer's clock. `null` at the root, and while there is none. */
  readonly parent: () => PeerLink | null;
  /** Hears each post once, the own ones too. Must not throw. */
  readonly onPost?: (post: HeardPost) => void;
}

export type SayOutcome = 'said' | 'too-large' | 'rate-limited';

export class ChannelPosts {
  readonly #options: ChannelPostsOptions;
  readonly #router: PostRouter;
  /** Own posts leave in the order in which they were said, however long each takes to sign. */
  #saying: Promise<void> = Promise.resolve();
  #lastSentAt = 0;
  /** What to add to the own clock to get the streamer's, as it was last known. */
  #offsetMs = 0;

  constructor(options: ChannelPostsOptions) {
    this.#options = options;
    this.#router = createPostRouter(options);
  }

  /** What is remembered, for those who look whether it stays bounded. */
  get sizes(): PostRouter['sizes'] {
    return this.#router.sizes;
  }

  /** Takes every event of every link of the channel, and acts on those that it is about. */
  take(link: PeerLink, event: LinkEvent): void {
    const { peerId } = link;
    switch (event.type) {
      case 'post':
        return this.#receive(link, event.post);
      case 'opened':
      case 'activated':
        return link.isStandby ? undefined : this.#step({ type: 'used', link: peerId }, link);
      case 'closed':
        return this.#step({ type: 'unlinked', link: peerId });
      default:
      // The rest is not about posts.
    }
  }

  /**
   * Says something to everybody, as often as PROTOCOL.md K10.4 allows.
   *
   * @param privateKey - This peer's own.
   * @returns What came of it, after {@link ChannelPostsOptions.onPost} has heard it. Nobody confirms that it arrives.
   */
  async say(text: string, privateKey: PrivateKey): Promise<SayOutcome> {
    if (text.length > MAX_POST_LENGTH) return 'too-large';
    const data = new TextEncoder().encode(text);
    if (data.length > MAX_POST_BYTES) return 'too-large';
    if (!this.#router.admit(this.#options.clock.now(), data.length)) return 'rate-limited';
    const said = this.#saying.then(() => this.#sign(data, privateKey));
    this.#saying = said.catch(() => {});
    await said;
    return 'said';
  }

  async #sign(data: Uint8Array, privateKey: PrivateKey): Promise<void> {
    const { self, channel } = this.#options;
    // No two of a peer have one time, or equal ones would be the same post.
    const sentAt = Math.max(Math.round(this.#streamersNow()), this.#lastSentAt + 1);
    this.#lastSentAt = sentAt;
    const post = await signPost(privateKey, channel, { from: self, sentAt, data });
    this.#step({ type: 'said', post });
  }

  #receive(link: PeerLink, post: Post): void {
    // Before it is passed on: nobody is to be sent what is no text.
    if (readText(post.data) === null) return this.#options.refused.count('post:no-text');
    const isPageBelow = link.role === 'parent' && link.kind === 'browser';
    const ageMs = this.#streamersNow() - post.sentAt;
    this.#step({ type: 'received', post, link: link.peerId, isPageBelow, ageMs });
  }

  /** @param link - That the input is about, where effects may be for it alone. */
  #step(input: PostInput, link: PeerLink | null = null): void {
    for (const effect of this.#router.step(this.#options.clock.now(), input)) this.#apply(effect, link);
  }

  #apply(effect: PostEffect, link: PeerLink | null): void {
    switch (effect.type) {
      case 'check':
        return void this.#check(effect.post);
      case 'deliver':
        return this.#deliver(effect.post);
      case 'pass-on':
        return this.#passOn(effect.post, effect.except);
      case 'repeat':
        return void link?.sendEncoded(encode(effect.post));
      case 'drop':
        return this.#options.refused.count(`post:${effect.reason}`);
      default:
        return unreachable(effect);
    }
  }

  async #check(post: Post): Promise<void> {
    const isGenuine = await isGenuinePost(this.#options.channel, post);
    this.#step({ type: 'checked', isGenuine });
  }

  #deliver(post: Post): void {
    const text = readText(post.data);
    if (text === null) return;
    const sentAt = post.sentAt - this.#readOffset();
    this.#options.onPost?.({ id: postId(post), from: post.from, text, sentAt });
  }

  #passOn(post: Post, except: PeerId | null): void {
    // Once for all links: a relay may have hundreds.
    const bytes = encode(post);
    for (const link of this.#options.links()) {
      if (!link.isStandby && link.peerId !== except) link.sendEncoded(bytes);
    }
  }

  #streamersNow(): number {
    return this.#options.clock.now() + this.#readOffset();
  }

  /** K4.5: over the parent's own offset. What was known stays while there is no parent. */
  #readOffset(): number {
    const parent = this.#options.parent();
    const aboveMs = parent?.remoteState?.clockOffsetMs ?? null;
    const linkMs = parent?.clockOffsetMs ?? null;
    if (aboveMs !== null && linkMs !== null) this.#offsetMs = linkMs + aboveMs;
    return this.#offsetMs;
  }
}

function encode(post: Post): Uint8Array {
  return controlCodec.encode({ type: 'post', ...post });
}

/** @returns `null` for what is no text, or one that is too long (PROTOCOL.md, K10.6). */
function readText(data: Uint8Array): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data);
    return text.length > MAX_POST_LENGTH ? null : text;
  } catch {
    return null;
  }
}
