/** The one real timer of a state machine, which says by a deadline when it next wants to be woken. */

import type { Clock } from './clock.ts';

/** Timers closer than this are not worth a wake-up of their own. */
const LEAST_WAIT_MS = 1;

export class DeadlineTimer {
  readonly #clock: Clock;
  readonly #onDue: () => void;
  #armedFor: number | null = null;
  #cancelTimer: () => void = () => {};

  constructor(clock: Clock, onDue: () => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** A timer that is armed for an earlier time stays: whoever is woken finds out what is due, and arms it again. */
  arm(deadline: number | null): void {
    if (deadline === null || (this.#armedFor !== null && this.#armedFor <= deadline)) return;
    this.#cancelTimer();
    this.#armedFor = deadline;
    // Timers count whole milliseconds; one that is early finds nothing due.
    const waitMs = Math.max(LEAST_WAIT_MS, Math.ceil(deadline - this.#clock.now()));
    this.#cancelTimer = this.#clock.setTimer(() => {
      this.#armedFor = null;
      this.#onDue();
    }, waitMs);
  }

  /** Idempotent. */
  cancel(): void {
    this.#cancelTimer();
    this.#armedFor = null;
  }
}
