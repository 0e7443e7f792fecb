/**
 * What peers say to everybody on the channel, on its way through one peer (PROTOCOL.md, K10). Inputs and time go in,
 * effects come out; the host checks signatures, one after the other, so that posts keep their order.
 *
 *   received ──▶ waiting ──▶ being checked ──genuine──▶ delivered, and passed on over all other links
 *       └───────────┴──────────────┴──▶ dropped
 *
 * What is cheap to find out is found out first. Nothing is remembered of a sender or a post before the signature is
 * known to be good: else a forger could use up what belongs to somebody else.
 */

import {
  ALL_POSTS_BURST,
  ALL_POSTS_PER_SECOND,
  MAX_POST_AGE_MS,
  MAX_POST_AHEAD_MS,
  MAX_REPEATED_POSTS,
  PAGE_POSTS_BURST,
  PAGE_POSTS_PER_SECOND,
  POST_MUTE_MS,
  POST_REPEAT_MS,
  POST_UNIT_BYTES,
  STREAMER_POST_BURST,
  STREAMER_POSTS_PER_SECOND,
} from './config.ts';
import type { Post } from './control-messages.ts';
import { unreachable } from './errors.ts';
import type { Instant } from './link-control.ts';
import type { ChannelId, PeerId } from './peer-id.ts';
import { ownAllowance, PostSenders } from './post-senders.ts';
import { tokenBucket, type TokenBucket } from './token-bucket.ts';

/** Why a post went no further. */
export type PostDrop =
  /** It was said too long ago, or is said to have been in the future. */
  | 'stale'
  | 'early'
  /** The neighbour passed on a forged one before. */
  | 'muted'
  | 'forged'
  /** More than a page, a sender, or all together may say. */
  | 'too-many-of-page'
  | 'too-many-of-sender'
  | 'too-many'
  /** More signatures than this peer gets through. */
  | 'waiting';

export type PostInput =
  | {
      readonly type: 'received';
      readonly post: Post;
      /** The neighbour that passed it on. */
      readonly link: PeerId;
      /** Whether that is a child that is a page. */
      readonly isPageBelow: boolean;
      /** By the streamer's clock as this peer knows it; negative: in the future. */
      readonly ageMs: number;
    }
  /** What came of the last effect `check`. */
  | { readonly type: 'checked'; readonly isGenuine: boolean }
  /** This peer's own, signed, and allowed by {@link PostRouter.admit}. */
  | { readonly type: 'said'; readonly post: Post }
  /** A link came into use: it has opened, or is no standby any more. */
  | { readonly type: 'used'; readonly link: PeerId }
  | { readonly type: 'unlinked'; readonly link: PeerId };

export type PostEffect =
  /** Check the signature, and answer with `checked`. There is one at a time. */
  | { readonly type: 'check'; readonly post: Post }
  | { readonly type: 'deliver'; readonly post: Post }
  /** Send it over all links in use, but for the one to this neighbour. */
  | { readonly type: 'pass-on'; readonly post: Post; readonly except: PeerId | null }
  /** Send it over the link of the input. */
  | { readonly type: 'repeat'; readonly post: Post }
  | { readonly type: 'drop'; readonly reason: PostDrop };

export interface PostRouter {
  /** Applies one input at `now`, in the peer's own clock; returns what the host must do, in order. */
  step(now: Instant, input: PostInput): PostEffect[];
  /** Whether this peer may say something of so many bytes; then it is counted. */
  admit(now: Instant, dataBytes: number): boolean;
  /** What is remembered, for those who look whether it stays bounded. */
  readonly sizes: Readonly<Record<'ids' | 'links' | 'senders' | 'waiting' | 'repeated', number>>;
}

/** More than all buckets together let through in the time that an id is remembered. */
const MAX_IDS = 4_096;
/** A replay is too old by then, whatever its sender claimed (K10.2). */
const ID_MS = MAX_POST_AGE_MS + MAX_POST_AHEAD_MS;
/** Checking takes a millisecond or so; no neighbour is to keep the others waiting. */
const MAX_WAITING = 64;
const MAX_WAITING_OF_LINK = 16;
/** Bytes of the signature that name a post. */
const ID_BYTES = 16;

/**
 * Names a post: nobody else can make one with the same name, and its sender none with another text, without giving the
 * key away.
 */
export function postId({ signature }: Pick<Post, 'signature'>): string {
  let id = '';
  for (const byte of signature.subarray(0, ID_BYTES)) id += byte.toString(16).padStart(2, '0');
  return id;
}

export function createPostRouter(options: { self: PeerId; channel: ChannelId }): PostRouter {
  return new PostMachine(options);
}

type Received = Extract<PostInput, { type: 'received' }>;

interface LinkPosts {
  readonly bucket: TokenBucket;
  mutedUntil: Instant;
  waiting: number;
}

class PostMachine implements PostRouter {
  readonly #channel: ChannelId;
  readonly #own: TokenBucket;
  readonly #senders: PostSenders;
  readonly #links = new Map<PeerId, LinkPosts>();
  /** When each may be forgotten, the first one first. */
  readonly #ids = new Map<string, Instant>();
  readonly #viewers = tokenBucket(ALL_POSTS_PER_SECOND, ALL_POSTS_BURST);
  readonly #streamer = tokenBucket(STREAMER_POSTS_PER_SECOND, 2 * STREAMER_POST_BURST);
  #waiting: Received[] = [];
  #checked: Received | null = null;
  #recent: { readonly at: Instant; readonly post: Post; readonly link: PeerId | null }[] = [];

  constructor({ self, channel }: { self: PeerId; channel: ChannelId }) {
    this.#channel = channel;
    this.#own = ownAllowance(self === channel);
    this.#senders = new PostSenders(channel);
  }

  get sizes(): PostRouter['sizes'] {
    return {
      ids: this.#ids.size,
      links: this.#links.size,
      senders: this.#senders.size,
      waiting: this.#waiting.length,
      repeated: this.#recent.length,
    };
  }

  admit(now: Instant, dataBytes: number): boolean {
    return this.#own.take(now, unitsOf(dataBytes));
  }

  step(now: Instant, input: PostInput): PostEffect[] {
    this.#forgetIds(now);
    switch (input.type) {
      case 'received':
        return this.#receive(now, input);
      case 'checked':
        return this.#takeVerdict(now, input.isGenuine);
      case 'said':
        return this.#hasRoom ? this.#accept(now, input.post, null) : [drop('too-many')];
      case 'used':
        return this.#repeat(now, input.link);
      case 'unlinked':
        this.#links.delete(input.link);
        return [];
      default:
        return unreachable(input);
    }
  }

  #receive(now: Instant, received: Received): PostEffect[] {
    const { post, ageMs } = received;
    if (this.#ids.has(postId(post))) return [];
    if (ageMs > MAX_POST_AGE_MS) return [drop('stale')];
    if (ageMs < -MAX_POST_AHEAD_MS) return [drop('early')];
    const link = this.#link(received.link);
    if (now < link.mutedUntil) return [drop('muted')];
    if (received.isPageBelow && !link.bucket.take(now, costOf(post))) return [drop('too-many-of-page')];
    if (link.waiting >= MAX_WAITING_OF_LINK || this.#waiting.length >= MAX_WAITING) return [drop('waiting')];
    link.waiting++;
    this.#waiting.push(received);
    return this.#checked === null ? this.#checkNext(now) : [];
  }

  /** Drops what has become pointless while it waited. */
  #checkNext(now: Instant): PostEffect[] {
    const effects: PostEffect[] = [];
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const link = this.#links.get(next.link);
      if (link !== undefined) link.waiting--;
      if (this.#ids.has(postId(next.post))) continue;
      const reason = this.#refuse(now, next, link);
      if (reason === null) {
        this.#checked = next;
        return [...effects, { type: 'check', post: next.post }];
      }
      effects.push(drop(reason));
    }
    return effects;
  }

  #refuse(now: Instant, { post }: Received, link: LinkPosts | undefined): PostDrop | null {
    const cost = costOf(post);
    if (link !== undefined && now < link.mutedUntil) return 'muted';
    if (!this.#senders.allows(now, post.from, cost)) return 'too-many-of-sender';
    if (!this.#hasRoom) return 'too-many';
    const bucket = post.from === this.#channel ? this.#streamer : this.#viewers;
    return bucket.take(now, cost) ? null : 'too-many';
  }

  #takeVerdict(now: Instant, isGenuine: boolean): PostEffect[] {
    const checked = this.#checked;
    if (checked === null) return [];
    this.#checked = null;
    return [...this.#judge(now, checked, isGenuine), ...this.#checkNext(now)];
  }

  #judge(now: Instant, { post, link }: Received, isGenuine: boolean): PostEffect[] {
    if (!isGenuine) {
      // Whoever follows the protocol passes on nothing that was not checked.
      const forger = this.#links.get(link);
      if (forger !== undefined) forger.mutedUntil = now + POST_MUTE_MS;
      return [drop('forged')];
    }
    this.#senders.take(now, post.from, costOf(post));
    return this.#accept(now, post, link);
  }

  #accept(now: Instant, post: Post, link: PeerId | null): PostEffect[] {
    this.#ids.set(postId(post), now + ID_MS);
    this.#recent = [...this.#recent, { at: now, post, link }].slice(-MAX_REPEATED_POSTS);
    return [
      { type: 'deliver', post },
      { type: 'pass-on', post, except: link },
    ];
  }

  /** K10.7: what was said while the peer at the other end may have had no parent. */
  #repeat(now: Instant, to: PeerId): PostEffect[] {
    this.#recent = this.#recent.filter(({ at }) => now - at <= POST_REPEAT_MS);
    return this.#recent
      .filter(({ link }) => link !== to)
      .map(({ post }): PostEffect => ({ type: 'repeat', post }));
  }

  #link(id: PeerId): LinkPosts {
    const known = this.#links.get(id);
    if (known !== undefined) return known;
    const bucket = tokenBucket(PAGE_POSTS_PER_SECOND, PAGE_POSTS_BURST);
    const link = { bucket, mutedUntil: -Infinity, waiting: 0 };
    this.#links.set(id, link);
    return link;
  }

  /** Whether one more id can be remembered. */
  get #hasRoom(): boolean {
    return this.#ids.size < MAX_IDS;
  }

  #forgetIds(now: Instant): void {
    for (const [id, until] of this.#ids) {
      if (until >= now) return;
      this.#ids.delete(id);
    }
  }
}

function costOf({ data }: Post): number {
  return unitsOf(data.length);
}

/** K10.4: at least one. */
function unitsOf(dataBytes: number): number {
  return Math.max(1, Math.ceil(dataBytes / POST_UNIT_BYTES));
}

function drop(reason: PostDrop): PostEffect {
  return { type: 'drop', reason };
}
