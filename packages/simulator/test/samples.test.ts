import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { roundUp, Samples, Tally } from '../src/samples.ts';

/** The smallest value that at least this share of them does not exceed. */
function quantileByCounting(values: readonly number[], share: number): number | undefined {
  return values
    .toSorted((a, b) => a - b)
    .find((value) => values.filter((each) => each <= value).length >= share * values.length);
}

const numbers = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 600 });

test('quantiles agree with counting', () => {
  fc.assert(
    fc.property(numbers, fc.constantFrom(0.01, 0.25, 0.5, 0.95, 0.99, 1), (values, share) => {
      const samples = new Samples();
      const tally = new Tally(300);
      for (const value of values) {
        samples.add(value);
        tally.add(value);
      }
      expect(samples.quantile(share)).toBe(quantileByCounting(values, share));
      expect(tally.quantile(share)).toBe(quantileByCounting(values, share));
      expect(samples.quantiles()).toEqual(tally.quantiles());
    }),
  );
});

test('samples may come after quantiles were asked for', () => {
  const samples = new Samples();
  for (const value of [3, 1, 2]) samples.add(value);
  expect(samples.quantile(1)).toBe(3);
  samples.add(0);
  expect(samples.quantile(0)).toBe(0);
  expect(samples.quantiles()).toMatchObject({ count: 4, mean: 1.5, p50: 1, max: 3 });
});

test('of nothing there are none', () => {
  expect(new Samples().quantiles()).toBeNull();
  expect(new Samples().quantile(0.5)).toBeNull();
  expect(new Tally(5).quantiles()).toBeNull();
  expect(new Samples().histogram(10).counts).toEqual([]);
});

test('histograms hold every value, those far out in the last step', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1 }), (values) => {
      const samples = new Samples();
      const tally = new Tally(1_000);
      for (const value of values) {
        samples.add(value);
        tally.add(value);
      }
      for (const { counts, width } of [samples.histogram(20), tally.histogram(20)]) {
        expect(counts.length).toBeLessThanOrEqual(20);
        expect(width).toBeGreaterThan(0);
        expect(counts.reduce((sum, count) => sum + count, 0)).toBe(values.length);
      }
    }),
  );
});

test('steps of a histogram are of a round width', () => {
  const samples = new Samples();
  for (let i = 0; i <= 1_000; i++) samples.add(i);
  expect(samples.histogram(40)).toMatchObject({ from: 0, width: 25 });
  expect([roundUp(0.03), roundUp(7), roundUp(26), roundUp(1_000), roundUp(0)]).toEqual([
    0.05, 10, 50, 1_000, 1,
  ]);
});

test('a tally keeps the true maximum of what it does not tell apart', () => {
  const tally = new Tally(10);
  for (const value of [1, 2, 500]) tally.add(value);
  expect(tally.quantiles()).toMatchObject({ p50: 2, max: 500 });
  tally.clear();
  expect(tally.quantiles()).toBeNull();
});
