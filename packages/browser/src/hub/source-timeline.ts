/**
 * One line of RTP timestamps for the frames of several parents. Each parent's timestamps differ from the next one's by
 * a constant, because every page shifts them into its own clock; a decoder, or a child, must not notice which parent a
 * frame came from.
 */

import { ahead, CLOCK_RATE_KHZ, type FrameKind, type HubFrame } from './hub-frame.ts';

/** The shortest Opus frame is 2.5 ms (RFC 6716, section 2.1.4): sound is cut at its multiples. */
const AUDIO_GRID_TICKS = 120;
/** Pages round capture times to milliseconds and slew their clocks; more than this is another clock. */
const TOLERANCE_MS = 20;

export class SourceTimeline {
  readonly #kind: FrameKind;
  /** What to add to the timestamps of each source. */
  readonly #offsets = new Map<number, number>();
  #last: { timestamp: number; capturedAt: number | null } | null = null;

  constructor(kind: FrameKind) {
    this.#kind = kind;
  }

  /** @returns The frame's timestamp on the common line. */
  place(source: number, frame: HubFrame<unknown>): number {
    let offset = this.#offsets.get(source);
    const expected = this.#expected(frame);
    if (offset === undefined || this.#isOff((frame.timestamp + offset) >>> 0, expected)) {
      offset = expected === null ? (offset ?? 0) : ahead(expected, frame.timestamp);
      this.#offsets.set(source, offset);
    }
    const timestamp = (frame.timestamp + offset) >>> 0;
    if (this.#last === null || ahead(timestamp, this.#last.timestamp) > 0) {
      this.#last = { timestamp, capturedAt: frame.capturedAt };
    }
    return timestamp;
  }

  /** Learns where a source's frames belong, also from those that do not pass: they are copies of another parent's. */
  learn(source: number, frame: HubFrame<unknown>): void {
    const expected = this.#offsets.has(source) ? null : this.#expected(frame);
    if (expected !== null) this.#offsets.set(source, ahead(expected, frame.timestamp));
  }

  /** What is added to the timestamps of a source; `null` before it is known. */
  offsetOf(source: number): number | null {
    return this.#offsets.get(source) ?? null;
  }

  forget(source: number): void {
    this.#offsets.delete(source);
  }

  /** Where the frame belongs by its capture time; `null` when that cannot be told. */
  #expected({ capturedAt }: HubFrame<unknown>): number | null {
    if (this.#last === null || this.#last.capturedAt === null || capturedAt === null) return null;
    const ticks = (capturedAt - this.#last.capturedAt) * CLOCK_RATE_KHZ[this.#kind];
    const grid = this.#kind === 'audio' ? AUDIO_GRID_TICKS : 1;
    // Frames of a busy encoder may be given within a millisecond, and are two all the same.
    const least = ticks >= 0 ? 1 : -Infinity;
    return (this.#last.timestamp + Math.max(least, Math.round(ticks / grid)) * grid) >>> 0;
  }

  #isOff(timestamp: number, expected: number | null): boolean {
    if (expected === null) return false;
    return Math.abs(ahead(timestamp, expected)) > TOLERANCE_MS * CLOCK_RATE_KHZ[this.#kind];
  }
}
