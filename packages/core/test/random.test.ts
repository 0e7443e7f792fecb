import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRandom } from '../src/random.ts';

function draw(seed: number, count: number): number[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => random.next());
}

const seeds = fc.nat({ max: Number.MAX_SAFE_INTEGER });

test('the same seed gives the same numbers, in every engine', () => {
  // Pinned: a seed of a failure that was reported must find it again.
  const words = draw(1, 4).map((number) => number * 2 ** 32);
  expect(words).toEqual([2_025_122_423, 3_586_830_011, 2_102_432_242, 2_593_809_062]);
  fc.assert(
    fc.property(seeds, (seed) => {
      expect(draw(seed, 8)).toEqual(draw(seed, 8));
    }),
  );
});

test('another seed gives other numbers, whichever of its 53 bits differs', () => {
  for (let bit = 0; bit < 53; bit++) expect(draw(2 ** bit, 4)).not.toEqual(draw(0, 4));
  const begins = new Set(Array.from({ length: 10_000 }, (_, seed) => draw(seed, 1)[0]));
  // Of 10 000 draws from 2^32 some 0.01 pairs are alike by chance.
  expect(begins.size).toBeGreaterThanOrEqual(9_999);
});

test('generators do not touch each other', () => {
  const [one, other] = [createRandom(5), createRandom(6)];
  const mixed = Array.from({ length: 10 }, () => [one.next(), other.next()]);
  expect(mixed.map(([number]) => number)).toEqual(draw(5, 10));
  expect(mixed.map(([, number]) => number)).toEqual(draw(6, 10));
});

describe.each([0, 1, 0xffffffff, Number.MAX_SAFE_INTEGER])('the numbers of seed %i', (seed) => {
  test('lie in [0, 1), as often in one part as in another', () => {
    const numbers = draw(seed, 100_000);
    expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
    expect(chiSquare(numbers, 100)).toBeLessThan(CHI_SQUARE_99);
  });

  test('do not tell the next one', () => {
    const numbers = draw(seed, 100_000);
    const pairs = numbers.slice(1).map((next, i) => (Math.floor((numbers[i] ?? 0) * 10) + next) / 10);
    expect(chiSquare(pairs, 100)).toBeLessThan(CHI_SQUARE_99);
  });
});

test('whole numbers lie below what was asked for, and all of them come', () => {
  fc.assert(
    fc.property(seeds, fc.integer({ min: 1, max: 40 }), (seed, below) => {
      const random = createRandom(seed);
      const drawn = new Set(Array.from({ length: below * 40 }, () => random.below(below)));
      for (const number of drawn)
        expect(Number.isInteger(number) && number >= 0 && number < below).toBe(true);
      // Each is missing with a chance of e^-40.
      expect(drawn.size).toBe(below);
    }),
  );
});

/** Of 99 degrees of freedom; chance exceeds it once in a million. */
const CHI_SQUARE_99 = 180;

/** How far the counts of `parts` equal parts of [0, 1) are from being alike. */
function chiSquare(numbers: readonly number[], parts: number): number {
  const counts = new Float64Array(parts);
  for (const number of numbers) {
    const part = Math.floor(number * parts);
    counts[part] = (counts[part] ?? 0) + 1;
  }
  const expected = numbers.length / parts;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}
