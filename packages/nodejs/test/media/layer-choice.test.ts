import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chooseLayer, LayerActivity } from '../../src/media/layer-choice.ts';

describe('a viewer', () => {
  const layers = fc.uniqueArray(fc.integer({ min: 0, max: 2 }), { maxLength: 3 });
  const live = layers.chain((all) =>
    fc
      .array(fc.boolean(), { minLength: all.length, maxLength: all.length })
      .map((steady) =>
        all.toSorted((a, b) => a - b).map((layer, index) => ({ layer, isSteady: steady[index] === true })),
      ),
  );
  const layer = fc.integer({ min: 0, max: 2 });

  test('is sent a layer that is alive, at or below what was asked and what the link carries, if there is one', () => {
    fc.assert(
      fc.property(live, layer, layer, layer, (alive, asked, best, current) => {
        const chosen = chooseLayer(alive, { asked, best }, current);
        const allowed = alive.filter((each) => each.layer >= Math.max(asked, best));
        if (alive.length === 0) expect(chosen).toBe(current);
        else if (allowed.length === 0) expect(chosen).toBe(alive.at(-1)?.layer);
        else expect(allowed.map((each) => each.layer)).toContain(chosen);
      }),
    );
  });

  test('goes up to steady layers alone, and to the best of them', () => {
    fc.assert(
      fc.property(live, layer, layer, (alive, asked, current) => {
        const chosen = chooseLayer(alive, { asked, best: 0 }, current);
        const isWell = current >= asked && alive.some((each) => each.layer === current);
        if (!isWell) return;
        expect(chosen).toBeLessThanOrEqual(current);
        const better = alive.filter((each) => each.layer >= asked && each.layer < chosen);
        for (const { isSteady } of better) expect(isSteady).toBe(false);
      }),
    );
  });

  test('stays where it is sent once the layers stay as they are', () => {
    fc.assert(
      fc.property(live, layer, layer, layer, (alive, asked, best, current) => {
        const wish = { asked, best };
        const chosen = chooseLayer(alive, wish, current);
        expect(chooseLayer(alive, wish, chosen)).toBe(chosen);
      }),
    );
  });
});

describe('a layer', () => {
  test('is silent only when another one delivers meanwhile', () => {
    const activity = new LayerActivity();
    const at = (first: number | null, second: number | null, now: number): number[] =>
      activity
        .observe(
          [
            { layer: 0, lastUnitAt: first },
            { layer: 1, lastUnitAt: second },
          ],
          now,
        )
        .map(({ layer }) => layer);
    expect(at(null, null, 0)).toEqual([]);
    expect(at(null, 100, 100)).toEqual([1]);
    expect(at(500, 400, 500)).toEqual([0, 1]);
    expect(at(500, 490, 60_000)).toEqual([0, 1]);
    expect(at(500, 1_300, 1_300)).toEqual([1]);
  });

  test('is steady a second after it came, and begins anew when it was gone', () => {
    const activity = new LayerActivity();
    const steady = (top: number, low: number, now: number): boolean | undefined =>
      activity
        .observe(
          [
            { layer: 1, lastUnitAt: low },
            { layer: 0, lastUnitAt: top },
          ],
          now,
        )
        .find(({ layer }) => layer === 0)?.isSteady;
    expect(steady(0, 0, 0)).toBe(false);
    expect(steady(1_000, 1_000, 1_000)).toBe(true);
    expect(steady(1_000, 2_000, 2_000)).toBeUndefined();
    expect(steady(2_100, 2_100, 2_100)).toBe(false);
    expect(steady(3_100, 3_100, 3_100)).toBe(true);
  });
});
