/**
 * The least of the values of the last while. Delays are measured so: the least delayed frame shows the way, the others
 * their own waiting. A minimum over all time would not follow clocks that drift apart.
 */

export class WindowedMinimum {
  readonly #halfMs: number;
  #turnsAt = -Infinity;
  #before: number | null = null;
  #current: number | null = null;

  /** @param windowMs - Values older than this are forgotten, those younger than half of it are not. */
  constructor(windowMs: number) {
    this.#halfMs = windowMs / 2;
  }

  add(value: number, now: number): void {
    if (now >= this.#turnsAt) {
      // What is older than a pause of half the window is too old.
      this.#before = now < this.#turnsAt + this.#halfMs ? this.#current : null;
      this.#current = null;
      this.#turnsAt = now + this.#halfMs;
    }
    if (this.#current === null || value < this.#current) this.#current = value;
  }

  /** `null` before the first value. */
  get value(): number | null {
    if (this.#before === null || this.#current === null) return this.#current ?? this.#before;
    return Math.min(this.#before, this.#current);
  }
}
