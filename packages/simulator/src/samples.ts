/** What is told of many numbers: how many there were, and the usual points of their distribution. */
export interface Quantiles {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** How many numbers lie in each of the steps of equal width; the last step also holds all beyond it. */
export interface Histogram {
  readonly from: number;
  readonly width: number;
  readonly counts: readonly number[];
}

const FIRST_CAPACITY = 256;

/** Numbers kept one by one, 8 bytes each: what happens some hundred thousand times in a run. */
export class Samples {
  #values = new Float64Array(FIRST_CAPACITY);
  #count = 0;
  #isSorted = true;

  get count(): number {
    return this.#count;
  }

  add(value: number): void {
    if (this.#count === this.#values.length) {
      const values = new Float64Array(this.#count * 2);
      values.set(this.#values);
      this.#values = values;
    }
    this.#values[this.#count] = value;
    this.#count++;
    this.#isSorted = false;
  }

  /** The smallest value that this share of the samples does not exceed; `null` without samples. */
  quantile(share: number): number | null {
    const sorted = this.#sorted();
    return sorted[Math.max(0, Math.ceil(share * this.#count) - 1)] ?? null;
  }

  quantiles(): Quantiles | null {
    const values = this.#sorted();
    const at = (share: number): number => this.quantile(share) ?? 0;
    if (values.length === 0) return null;
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return { count: values.length, mean, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
  }

  /** In so many steps at most, from 0 up to a round number that is not below the 99.5th percentile. */
  histogram(steps: number): Histogram {
    const width = roundUp((this.quantile(0.995) ?? 1) / steps);
    const counts = new Array<number>(steps).fill(0);
    for (const value of this.#sorted()) {
      const step = Math.min(steps - 1, Math.max(0, Math.floor(value / width)));
      counts[step] = (counts[step] ?? 0) + 1;
    }
    const used = counts.findLastIndex((count) => count > 0) + 1;
    return { from: 0, width, counts: counts.slice(0, used) };
  }

  #sorted(): Float64Array {
    const used = this.#values.subarray(0, this.#count);
    if (!this.#isSorted) used.sort();
    this.#isSorted = true;
    return used;
  }
}

/** Counts of whole numbers: for what is looked at a hundred thousand times a second. */
export class Tally {
  readonly #counts: Float64Array;
  #total = 0;
  #sum = 0;
  #max = 0;

  /** What lies beyond `most` counts as `most`, except in the maximum. */
  constructor(most: number) {
    this.#counts = new Float64Array(most + 1);
  }

  get max(): number {
    return this.#max;
  }

  get total(): number {
    return this.#total;
  }

  add(value: number): void {
    const place = Math.min(this.#counts.length - 1, Math.max(0, Math.round(value)));
    this.#counts[place] = (this.#counts[place] ?? 0) + 1;
    this.#total++;
    this.#sum += value;
    if (value > this.#max) this.#max = value;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#total = 0;
    this.#sum = 0;
    this.#max = 0;
  }

  quantile(share: number): number | null {
    if (this.#total === 0) return null;
    const rank = Math.max(1, Math.ceil(share * this.#total));
    let seen = 0;
    const place = this.#counts.findIndex((count) => (seen += count) >= rank);
    return share === 1 ? this.#max : place;
  }

  quantiles(): Quantiles | null {
    const at = (share: number): number => this.quantile(share) ?? 0;
    if (this.#total === 0) return null;
    const mean = this.#sum / this.#total;
    return { count: this.#total, mean, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: this.#max };
  }

  /** In so many steps at most, up to a round number that is not below the 99.5th percentile; at least 1 wide. */
  histogram(steps: number): Histogram {
    const width = Math.max(1, Math.ceil(roundUp(((this.quantile(0.995) ?? 0) + 1) / steps)));
    const counts = new Array<number>(Math.min(steps, Math.floor(this.#max / width) + 1)).fill(0);
    for (const [value, count] of this.#counts.entries()) {
      const step = Math.min(counts.length - 1, Math.floor(value / width));
      counts[step] = (counts[step] ?? 0) + count;
    }
    return { from: 0, width, counts };
  }
}

/** What is smaller is nothing, in every unit that is measured here. */
const LEAST = 1e-9;

/** The next of 1, 2, 2.5, 5 or 10 times a power of ten; 1 for nothing. */
export function roundUp(value: number): number {
  if (!(value >= LEAST)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 2.5, 5].find((each) => each * power >= value * (1 - 1e-9));
  return (step ?? 10) * power;
}
