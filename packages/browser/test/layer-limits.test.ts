import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { layerBps } from '../src/layer-limits.ts';

const LAYERS = [0, 1, 2];
/** Of all three together. */
const ALL_BPS = 3_400_000;

describe('the rate of a quality', () => {
  test('is what looks clean while nothing limits it, and falls with the size of the picture', () => {
    expect(LAYERS.map((layer) => layerBps(layer, 3, null))).toEqual([2_500_000, 700_000, 200_000]);
  });

  test('is no more than that, however much there is', () => {
    expect(LAYERS.map((layer) => layerBps(layer, 3, 100_000_000))).toEqual([2_500_000, 700_000, 200_000]);
  });

  test('is its share of what there is for those that are encoded', () => {
    expect(LAYERS.map((layer) => layerBps(layer, 3, ALL_BPS / 2))).toEqual([1_250_000, 350_000, 100_000]);
    expect(layerBps(0, 1, 1_250_000)).toBe(1_250_000);
    expect(layerBps(0, 2, 1_600_000)).toBe(1_250_000);
  });

  test('is never less than is worth sending', () => {
    expect(LAYERS.map((layer) => layerBps(layer, 3, 0))).toEqual([125_000, 35_000, 10_000]);
  });

  test('makes no more than what there is, of all together, unless that is too little', () => {
    const encoded = fc.integer({ min: 1, max: 3 });
    fc.assert(
      fc.property(encoded, fc.integer({ min: ALL_BPS / 20, max: 10_000_000 }), (encoded, maxBps) => {
        const rates = LAYERS.slice(0, encoded).map((layer) => layerBps(layer, encoded, maxBps));
        expect(rates.reduce((sum, bps) => sum + bps, 0)).toBeLessThanOrEqual(maxBps);
        expect(rates).toEqual([...rates].sort((a, b) => b - a));
        expect(rates.every(Number.isInteger)).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  test('never falls when there is more', () => {
    const bps = fc.nat({ max: 5_000_000 });
    fc.assert(
      fc.property(fc.constantFrom(...LAYERS), bps, bps, (layer, maxBps, more) => {
        expect(layerBps(layer, 3, maxBps + more)).toBeGreaterThanOrEqual(layerBps(layer, 3, maxBps));
      }),
      { numRuns: 100 },
    );
  });
});
