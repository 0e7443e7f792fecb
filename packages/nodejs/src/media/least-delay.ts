/**
 * What a delay is above the least one of the last looks. The least is what the way takes without a queue: clocks drift
 * apart, and routes change, so that one of long ago tells nothing any more.
 */

export class LeastDelay {
  readonly #looks: number;
  readonly #delaysMs: number[] = [];

  /** @param looks - How many of the last measures the least is taken of. */
  constructor(looks: number) {
    this.#looks = looks;
  }

  /** Takes a measure. @returns Milliseconds above the least one, itself among them. */
  above(delayMs: number): number {
    this.#delaysMs.push(delayMs);
    if (this.#delaysMs.length > this.#looks) this.#delaysMs.shift();
    return delayMs - Math.min(...this.#delaysMs);
  }

  /** The next measure is the least one. */
  forget(): void {
    this.#delaysMs.length = 0;
  }
}
