/**
 * Which of the latest frames of a stream have passed, so that it can be told whether the next one can be decoded.
 * References reach four frames back (PROTOCOL.md, T1.3); a frame that is older than the window has not passed.
 */

import { ahead, referencesOf, type HubFrame } from './hub-frame.ts';

/** Frames that are remembered: bits of an integer. */
const WINDOW = 32;

export class PassedFrames {
  #last: number | null = null;
  /** Bit n: the frame n before the last one has passed. */
  #passed = 0;

  /** The newest frame that has passed, `null` before the first. */
  get last(): number | null {
    return this.#last;
  }

  has(sequence: number): boolean {
    if (this.#last === null) return false;
    const age = ahead(this.#last, sequence);
    return age >= 0 && age < WINDOW && (this.#passed & (1 << age)) !== 0;
  }

  /** Whether everything that the frame needs has passed. */
  isReady(frame: Pick<HubFrame<unknown>, 'isKey' | 'sequence' | 'references'>): boolean {
    return referencesOf(frame).every((sequence) => this.has(sequence));
  }

  add(sequence: number): void {
    const step = this.#last === null ? WINDOW : ahead(sequence, this.#last);
    if (step > 0) {
      this.#passed = step >= WINDOW ? 1 : (this.#passed << step) | 1;
      this.#last = sequence;
    } else if (-step < WINDOW) {
      this.#passed |= 1 << -step;
    }
  }

  reset(): void {
    this.#last = null;
    this.#passed = 0;
  }
}
