/** Makes rates of counters: of those that were there the last time as well, and did not fall back since. */
export class ByteRates {
  #before = new Map<string, number>();
  #at = 0;

  /**
   * @param at - Milliseconds.
   * @param counters - Bytes so far, by name. Names that are missing are forgotten.
   * @returns Bits per second since the last time.
   */
  take(at: number, counters: ReadonlyMap<string, number>): Map<string, number> {
    const rates = new Map<string, number>();
    const passedMs = at - this.#at;
    for (const [name, value] of counters) {
      const before = this.#before.get(name);
      if (before === undefined || value < before || passedMs <= 0) continue;
      rates.set(name, ((value - before) * 8 * 1_000) / passedMs);
    }
    this.#before = new Map(counters);
    this.#at = at;
    return rates;
  }
}
