/** Those who wait for a channel to come in. */

import type { Clock } from '@casto/host';

/** Longer than a search of the DHT and a handshake. */
const TAKE_IN_MS = 8_000;

export interface Waiter {
  /** It has no media, and not only another parent in mind. */
  readonly isOutcast: boolean;
}

export class Arrival {
  readonly #clock: Clock;
  readonly #waiting = new Map<(comesIn: boolean) => void, Waiter>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether somebody who waits sees nothing. */
  get hasOutcasts(): boolean {
    for (const { isOutcast } of this.#waiting.values()) if (isOutcast) return true;
    return false;
  }

  /** Waits for {@link settle}. @param isThere - Asked when that takes too long. */
  wait(waiter: Waiter, isThere: () => boolean): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (comesIn: boolean): void => {
        cancel();
        this.#waiting.delete(settle);
        resolve(comesIn);
      };
      const cancel = this.#clock.setTimer(() => settle(isThere()), TAKE_IN_MS);
      this.#waiting.set(settle, waiter);
    });
  }

  settle(comesIn: boolean): void {
    for (const settle of this.#waiting.keys()) settle(comesIn);
  }
}
