import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { WindowedMinimum } from '../../src/hub/windowed-minimum.ts';

const WINDOW_MS = 10_000;

test('there is no least value before the first', () => {
  expect(new WindowedMinimum(WINDOW_MS).value).toBeNull();
});

test('the least value counts at once, and zero and less are values', () => {
  const minimum = new WindowedMinimum(WINDOW_MS);
  const seen = [5, 7, 0, 3, -2].map((value, i) => {
    minimum.add(value, i);
    return minimum.value;
  });
  expect(seen).toEqual([5, 5, 0, 0, -2]);
});

test('a value counts for half the window at least, and not longer than the window', () => {
  const gapsMs = 100;
  const sample = fc.record({ value: fc.nat({ max: 1_000 }), gap: fc.integer({ min: 1, max: gapsMs }) });
  fc.assert(
    fc.property(fc.array(sample, { minLength: 200, maxLength: 400 }), (samples) => {
      const minimum = new WindowedMinimum(WINDOW_MS);
      const added: { value: number; at: number }[] = [];
      let now = 0;
      const least = (ms: number): number =>
        Math.min(...added.filter(({ at }) => now - at <= ms).map(({ value }) => value));
      for (const { value, gap } of samples) {
        now += gap;
        added.push({ value, at: now });
        minimum.add(value, now);
        expect(minimum.value).toBeLessThanOrEqual(least(WINDOW_MS / 2));
        // A half may end only when a value comes.
        expect(minimum.value).toBeGreaterThanOrEqual(least(WINDOW_MS + 2 * gapsMs));
      }
    }),
    { numRuns: 20 },
  );
});

test('a value from before a long pause does not count', () => {
  const minimum = new WindowedMinimum(WINDOW_MS);
  minimum.add(1, 0);
  minimum.add(50, 60_000);
  expect(minimum.value).toBe(50);
});
