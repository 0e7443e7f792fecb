/**
 * Shifts the timestamps of forwarded pictures into the clock of the sender that carries them, so that lips stay in
 * sync at any depth.
 *
 * A browser writes the sender reports of the sound from the frames that pass, but those of the pictures from the dummy
 * track that the sender carries. So a picture captured at `c` must get the timestamp that the dummy's clock has when
 * sound captured at `c` is sent: `(c + G - L) x 90`, where G is the least time from capture to sending of the sound, and
 * L what to subtract from the wall clock to get the dummy's.
 */

import { ahead, CLOCK_RATE_KHZ, type HubFrame } from './hub-frame.ts';
import { WindowedMinimum } from './windowed-minimum.ts';

const WINDOW_MS = 10_000;
/** Clocks drift apart by up to 0.1 ms a second; the shift follows a little faster, and nobody sees it. */
const SLEW_MS_PER_S = 1;
/** Smaller differences are noise of the measurement. */
const SLEW_FROM_MS = 8;

/** Least time from capture to this peer of each kind of frame, in the clocks of both. */
export class CaptureDelay {
  readonly #delays = { audio: new WindowedMinimum(WINDOW_MS), video: new WindowedMinimum(WINDOW_MS) };

  add({ kind, capturedAt }: Pick<HubFrame<unknown>, 'kind' | 'capturedAt'>, now: number): void {
    if (capturedAt !== null) this.#delays[kind].add(now - capturedAt, now);
  }

  /** Of the sound, or without sound of the pictures; `null` before the first frame. */
  get ms(): number | null {
    return this.#delays.audio.value ?? this.#delays.video.value;
  }
}

export class SyncShift {
  readonly #clock = new WindowedMinimum(WINDOW_MS);
  readonly #ticksPerMs = CLOCK_RATE_KHZ.video;
  #unwrapped: { timestamp: number; ticks: number } | null = null;
  /** In ticks, and parts of one. */
  #shift: number | null = null;
  #slewedAt = 0;

  /** Whether the sender's clock is known. */
  get isReady(): boolean {
    return this.#clock.value !== null;
  }

  /** A frame of the dummy track left the encoder. */
  dummy(timestamp: number, now: number): void {
    const before = this.#unwrapped;
    const ticks = before === null ? timestamp : before.ticks + ahead(timestamp, before.timestamp);
    this.#unwrapped = { timestamp, ticks };
    this.#clock.add(now - ticks / this.#ticksPerMs, now);
  }

  /** @returns The timestamp with which the picture is sent. */
  apply(timestamp: number, capturedAt: number | null, delayMs: number | null, now: number): number {
    const target = this.#target(timestamp, capturedAt, delayMs);
    if (target !== null) this.#follow(target, now);
    return (timestamp + Math.round(this.#shift ?? 0)) >>> 0;
  }

  #target(timestamp: number, capturedAt: number | null, delayMs: number | null): number | null {
    const clock = this.#clock.value;
    if (clock === null || capturedAt === null || delayMs === null) return null;
    const wanted = Math.round((capturedAt + delayMs - clock) * this.#ticksPerMs);
    return ahead(wanted, timestamp);
  }

  #follow(target: number, now: number): void {
    if (this.#shift === null) {
      this.#shift = target;
      this.#slewedAt = now;
      return;
    }
    const off = ahead(target, this.#shift);
    const most = ((now - this.#slewedAt) / 1000) * SLEW_MS_PER_S * this.#ticksPerMs;
    if (most < 1) return;
    this.#slewedAt = now;
    if (Math.abs(off) < SLEW_FROM_MS * this.#ticksPerMs) return;
    this.#shift += Math.sign(off) * Math.min(Math.abs(off), most);
  }
}
