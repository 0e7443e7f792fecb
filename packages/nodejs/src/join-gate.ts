/**
 * What every join passes, over libp2p or over neighbours: counted by how it ends, and refused while too many come at
 * once. Each one costs signatures and a connection, and what the media library has to tell waits in one queue, so a
 * crowd that is let in at once makes the pictures of all others late. Players of WHEP cost the same and share the limit;
 * how they end is counted with their sessions.
 */

import type { Refusal } from '@casto/core';
import { tokenBucket, type Clock, type JoinDecision, type JoinRequest, type TokenBucket } from '@casto/host';
import { refuse } from './introductions.ts';
import type { JoinCounts } from './relay-metrics.ts';

/** Those that are refused come again; not all of them at the same time. */
const LEAST_RETRY_MS = 1_000;
const RETRY_SPREAD_MS = 3_000;
/** A crowd comes in waves: this much of a second's worth may come at once. */
const BURST_SECONDS = 2;

export interface JoinGateOptions {
  readonly clock: Clock;
  /** Joins judged per second, on average. */
  readonly joinsPerSecond: number;
}

export class JoinGate {
  readonly #clock: Clock;
  readonly #bucket: TokenBucket;
  readonly #refused: Partial<Record<Refusal | 'failed', number>> = {};
  #accepted = 0;
  #redirected = 0;
  #tooMany = 0;

  constructor({ clock, joinsPerSecond }: JoinGateOptions) {
    this.#clock = clock;
    this.#bucket = tokenBucket(joinsPerSecond, BURST_SECONDS * joinsPerSecond);
  }

  get counts(): JoinCounts {
    return {
      accepted: this.#accepted,
      redirected: this.#redirected,
      refused: { ...this.#refused },
      tooMany: this.#tooMany,
    };
  }

  /** Somebody comes. @returns `null` where there is room, else after how many milliseconds to come again. */
  enter(): number | null {
    if (this.#bucket.take(this.#clock.now())) return null;
    return Math.round(LEAST_RETRY_MS + Math.random() * RETRY_SPREAD_MS);
  }

  /** @throws What `judge` throws. */
  async pass(join: JoinRequest, judge: (join: JoinRequest) => Promise<JoinDecision>): Promise<JoinDecision> {
    const retryAfterMs = this.enter();
    if (retryAfterMs !== null) {
      this.#tooMany += 1;
      this.#countRefusal('busy');
      return refuse('busy', retryAfterMs);
    }
    try {
      const decision = await judge(join);
      this.#count(decision);
      return decision;
    } catch (error) {
      this.#countRefusal('failed');
      throw error;
    }
  }

  #count(decision: JoinDecision): void {
    if (decision.type === 'accept') this.#accepted += 1;
    else if (decision.type === 'redirect') this.#redirected += 1;
    else this.#countRefusal(decision.reason);
  }

  #countRefusal(reason: Refusal | 'failed'): void {
    this.#refused[reason] = (this.#refused[reason] ?? 0) + 1;
  }
}
