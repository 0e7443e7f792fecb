/**
 * Notices a parent or a publisher that goes on sending much more than it may. Asking (REMB) is enough for browsers; a program that
 * does not listen would fill the downlink of the relay, and the uplink once for every viewer.
 */

import type { Clock } from '@casto/host';

/** Encoders overshoot at key frames and when the picture changes: twice the limit is still none of our business. */
const TOLERANCE = 2;
/** Measurements in a row that must be above. */
const STRIKES = 5;

/** How often it is measured. */
const INTERVAL_MS = 1_000;

export interface BitrateWatchOptions {
  readonly maxBps: number;
  readonly clock: Clock;
  /** All that came so far. */
  readonly bytes: () => number;
  /** It has been too much for too long. Called once. */
  readonly onExceeded: () => void;
}

/** @returns Ends the watch. Idempotent. */
export function watchBitrate({ maxBps, clock, bytes, onExceeded }: BitrateWatchOptions): () => void {
  const guard = new BitrateGuard(maxBps, clock.now());
  const measureLater = (): (() => void) =>
    clock.setTimer(() => {
      if (guard.measure(bytes(), clock.now())) onExceeded();
      else cancel = measureLater();
    }, INTERVAL_MS);
  let cancel = measureLater();
  return () => cancel();
}

export class BitrateGuard {
  readonly #maxBps: number;
  #bytes = 0;
  #measuredAt: number;
  #strikes = 0;

  /** @param now - Monotonic milliseconds. */
  constructor(maxBps: number, now: number) {
    this.#maxBps = maxBps;
    this.#measuredAt = now;
  }

  /**
   * @param bytes - All that came so far.
   * @returns Whether it has been too much for too long.
   */
  measure(bytes: number, now: number): boolean {
    const seconds = (now - this.#measuredAt) / 1_000;
    if (seconds <= 0) return false;
    const bps = (8 * (bytes - this.#bytes)) / seconds;
    this.#bytes = bytes;
    this.#measuredAt = now;
    this.#strikes = bps > TOLERANCE * this.#maxBps ? this.#strikes + 1 : 0;
    return this.#strikes >= STRIKES;
  }
}
