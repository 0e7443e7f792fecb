/** Those who wait for a channel to come in. */

import type { Clock } from '@casto/host';

/** Longer than a search of the DHT and a handshake. */
const TAKE_IN_MS = 8_000;

export class Arrival {
  readonly #clock: Clock;
  readonly #waiting = new Set<(comesIn: boolean) => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Waits for {@link settle}. @param isThere - Asked when that takes too long. */
  wait(isThere: () => boolean): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (comesIn: boolean): void => {
        cancel();
        this.#waiting.delete(settle);
        resolve(comesIn);
      };
      const cancel = this.#clock.setTimer(() => settle(isThere()), TAKE_IN_MS);
      this.#waiting.add(settle);
    });
  }

  settle(comesIn: boolean): void {
    for (const settle of this.#waiting) settle(comesIn);
  }
}
