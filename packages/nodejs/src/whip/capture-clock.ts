/**
 * When the frames of a publisher were captured, in the relay's clock, as their trailers tell it.
 *
 * Sender reports put all streams of a publisher on its own clock (RFC 3550, section 6.4.1), so that picture and sound
 * that belong together get the same time. What lies between that clock and the relay's is taken from the packet that
 * came fastest: what others took longer is waiting, not capture.
 */

import { timestampDistance } from '../media/rtp-packet.ts';
import type { SenderReport } from '../media/rtcp-packet.ts';

/** Clocks drift apart by some 20 ppm: 0.4 ms in two windows. */
const WINDOW_MS = 10_000;
/** No report makes a frame older than this: a publisher whose clock jumps must not confuse its viewers. */
const MAX_AGE_MS = 5_000;
const NTP_FRACTIONS_PER_MS = 2 ** 32 / 1000;

/** What the streams of one publisher share: how far its clock is from the relay's. */
export class PublisherClock {
  /** The least of each of the last two windows. */
  #before = Infinity;
  #current = Infinity;
  #windowSince = -Infinity;

  /** @returns The least distance of late. */
  measure(distanceMs: number, now: number): number {
    if (now - this.#windowSince >= WINDOW_MS) {
      this.#before = now - this.#windowSince < 2 * WINDOW_MS ? this.#current : Infinity;
      this.#current = Infinity;
      this.#windowSince = now;
    }
    this.#current = Math.min(this.#current, distanceMs);
    return Math.min(this.#before, this.#current);
  }
}

export class CaptureClock {
  readonly #ticksPerMs: number;
  readonly #publisher: PublisherClock;
  /** Until the first report this stream stands alone. */
  #own = new PublisherClock();
  #report: { readonly ntpMs: number; readonly timestamp: number } | null = null;
  /** The latest timestamp, unwrapped. */
  #latest: { readonly timestamp: number; readonly ticks: number } | null = null;

  /** @param clockRate - Of the stream's timestamps, in Hz. */
  constructor(clockRate: number, publisher: PublisherClock) {
    this.#ticksPerMs = clockRate / 1000;
    this.#publisher = publisher;
  }

  takeReport({ ntpSeconds, ntpFraction, timestamp }: SenderReport): void {
    this.#report = { ntpMs: ntpSeconds * 1000 + ntpFraction / NTP_FRACTIONS_PER_MS, timestamp };
  }

  /**
   * @param timestamp - Of a frame.
   * @param arrivedAt - Of its first packet, in the relay's clock.
   * @returns Milliseconds in the relay's clock, at most {@link MAX_AGE_MS} before the arrival and never after it.
   */
  capturedAt(timestamp: number, arrivedAt: number): number {
    const captured = this.#estimate(timestamp, arrivedAt);
    return Math.min(arrivedAt, Math.max(arrivedAt - MAX_AGE_MS, captured));
  }

  #estimate(timestamp: number, arrivedAt: number): number {
    const mediaMs = this.#mediaMs(timestamp);
    const report = this.#report;
    if (report === null) return mediaMs + this.#own.measure(arrivedAt - mediaMs, arrivedAt);
    const senderMs = report.ntpMs + timestampDistance(report.timestamp, timestamp) / this.#ticksPerMs;
    return senderMs + this.#publisher.measure(arrivedAt - senderMs, arrivedAt);
  }

  #mediaMs(timestamp: number): number {
    const latest = this.#latest ?? { timestamp, ticks: timestamp };
    const ticks = latest.ticks + timestampDistance(latest.timestamp, timestamp);
    this.#latest = { timestamp, ticks };
    return ticks / this.#ticksPerMs;
  }
}
