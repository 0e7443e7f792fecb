/** How often something may be done: so often a second on average, more of it at once. */
export class Allowance {
  readonly #perSecond: number;
  readonly #burst: number;
  #left: number;
  #filledAt = -Infinity;

  constructor({ perSecond, burst }: { perSecond: number; burst: number }) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#left = burst;
  }

  /** @param now - Milliseconds; a clock that goes back adds nothing. */
  hasAny(now: number): boolean {
    const passedMs = Math.max(0, now - this.#filledAt);
    this.#left = Math.min(this.#burst, this.#left + (passedMs / 1_000) * this.#perSecond);
    this.#filledAt = now;
    return this.#left >= 1;
  }

  /** Uses one, if there is any. @returns Whether there was. */
  take(now: number): boolean {
    if (!this.hasAny(now)) return false;
    this.#left -= 1;
    return true;
  }
}
