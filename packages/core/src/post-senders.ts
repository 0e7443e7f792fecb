/** How often each peer may speak to everybody on the channel (PROTOCOL.md, K10.4). */

import { POST_BURST, POSTS_PER_SECOND, STREAMER_POST_BURST, STREAMER_POSTS_PER_SECOND } from './config.ts';
import type { Instant } from './link-control.ts';
import type { ChannelId, PeerId } from './peer-id.ts';
import { tokenBucket, type TokenBucket } from './token-bucket.ts';

/**
 * Posts come in heaps where links were slow or under repair: whoever passes them on allows twice the burst of whoever
 * writes them.
 */
const PASSING_BURSTS = 2;
/** More than can have used up anything at a time, because all together are limited as well. */
const MAX_SENDERS = 256;

/** What a peer allows itself. */
export function ownAllowance(isStreamer: boolean): TokenBucket {
  return allowance(isStreamer, 1);
}

/** What a peer allows others. */
export class PostSenders {
  readonly #channel: ChannelId;
  /** Whoever spoke last comes last. */
  readonly #buckets = new Map<PeerId, TokenBucket>();

  constructor(channel: ChannelId) {
    this.#channel = channel;
  }

  /** Senders that are remembered; bounded. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Remembers nothing: names can be forged. */
  allows(now: Instant, from: PeerId, cost: number): boolean {
    return this.#buckets.get(from)?.allows(now, cost) ?? true;
  }

  /** Of a sender that is proved. */
  take(now: Instant, from: PeerId, cost: number): boolean {
    const bucket = this.#buckets.get(from) ?? allowance(from === this.#channel, PASSING_BURSTS);
    this.#buckets.delete(from);
    this.#buckets.set(from, bucket);
    if (this.#buckets.size > MAX_SENDERS) this.#forgetOldest();
    return bucket.take(now, cost);
  }

  #forgetOldest(): void {
    for (const oldest of this.#buckets.keys()) {
      this.#buckets.delete(oldest);
      return;
    }
  }
}

function allowance(isStreamer: boolean, bursts: number): TokenBucket {
  return isStreamer
    ? tokenBucket(STREAMER_POSTS_PER_SECOND, bursts * STREAMER_POST_BURST)
    : tokenBucket(POSTS_PER_SECOND, bursts * POST_BURST);
}
