import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { fittedSize } from '../src/snapshot-picture.ts';

test('a snapshot keeps the shape of the picture, within its limit', () => {
  expect(fittedSize(1280, 720, 320)).toEqual({ width: 320, height: 180 });
  expect(fittedSize(720, 1280, 320)).toEqual({ width: 180, height: 320 });
  expect(fittedSize(160, 90, 320)).toEqual({ width: 160, height: 90 });
});

test('a snapshot has at least one pixel and at most as many as its limit, whatever the picture', () => {
  fc.assert(
    fc.property(
      fc.nat({ max: 20_000 }),
      fc.nat({ max: 20_000 }),
      fc.constantFrom(80, 160, 320),
      (w, h, side) => {
        const { width, height } = fittedSize(w, h, side);
        for (const length of [width, height]) {
          expect(length).toBeGreaterThanOrEqual(1);
          expect(length).toBeLessThanOrEqual(side);
        }
      },
    ),
  );
});
