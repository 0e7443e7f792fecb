/**
 * How long a packet lay in the queue between the network thread and this one. The queue is unbounded and carries
 * no times, and under starvation packets waited there for 43 s without a loss, so their age has to be inferred:
 *
 * - Between two ticks of a timer the event loop empties the queue (unless it took as many packets as it may at
 *   once), so no packet is older than the tick before the last. In a healthy loop that settles it.
 * - After a stall, the packets' own timestamps tell the old ones from the fresh ones.
 */

import { timestampDistance } from './rtp-packet.ts';

/** Node.js takes at most 1000 callbacks of one native queue before it looks at other events. */
const MAX_PACKETS_AT_ONCE = 1000;
/** Ticks come every 20 to 50 ms; two that took less than this are no stall. */
const HEALTHY_MS = 150;

export interface QueueAge {
  /** Milliseconds that a packet taken at `now` has waited, at a conservative guess. Call it once per packet. */
  measure(timestamp: number, now: number): number;
  /** To be called by a timer of the same event loop. */
  tick(now: number): void;
}

export function createQueueAge(clockRate: number, now: number): QueueAge {
  return new StreamQueueAge(clockRate, now);
}

class StreamQueueAge implements QueueAge {
  readonly #ticksPerMs: number;
  #packetsSinceTick = 0;
  #tickedAt: number;
  /** The queue is known to have been empty at some time after this. */
  #emptyAfter: number;
  /** A packet that did not wait, as the measure for others. */
  #referenceTimestamp = 0;
  #referenceAt: number | null = null;

  constructor(clockRate: number, now: number) {
    this.#ticksPerMs = clockRate / 1000;
    this.#tickedAt = now;
    this.#emptyAfter = now;
  }

  measure(timestamp: number, now: number): number {
    this.#packetsSinceTick += 1;
    const mostMs = now - this.#emptyAfter;
    if (mostMs < HEALTHY_MS) {
      this.#referenceTimestamp = timestamp;
      this.#referenceAt = now;
      return 0;
    }
    if (this.#referenceAt === null) return 0;
    const elapsedMs = timestampDistance(this.#referenceTimestamp, timestamp) / this.#ticksPerMs;
    const dueAt = this.#referenceAt + elapsedMs;
    return Math.max(0, Math.min(mostMs, now - dueAt));
  }

  tick(now: number): void {
    if (this.#packetsSinceTick < MAX_PACKETS_AT_ONCE) this.#emptyAfter = this.#tickedAt;
    this.#packetsSinceTick = 0;
    this.#tickedAt = now;
  }
}
