import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { LayerOrder } from '../../src/whip/layer-order.ts';

function orderOf(order: LayerOrder, encodings: number): number[] {
  return Array.from({ length: encodings }, (_, encoding) => order.layerOf(encoding));
}

test('encodings are listed from the smallest up until their pictures say otherwise', () => {
  const order = new LayerOrder(3);
  expect(orderOf(order, 3)).toEqual([2, 1, 0]);
  expect(order.learn(0, 1000)).toBe(false);
  expect(order.learn(1, 400)).toBe(true);
  expect(orderOf(order, 3)).toEqual([0, 1, 2]);
  expect(order.learn(2, 100)).toBe(false);
});

test('pictures of one size stay as they are listed', () => {
  const order = new LayerOrder(2);
  expect([order.learn(0, 500), order.learn(1, 500)]).toEqual([false, false]);
  expect(orderOf(order, 2)).toEqual([1, 0]);
});

test('whatever the sizes are, larger pictures come to be higher layers, and each encoding has a layer of its own', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 2, maxLength: 3 });
  fc.assert(
    fc.property(sizes, fc.infiniteStream(fc.nat()), (pixels, draws) => {
      const order = new LayerOrder(pixels.length);
      const left = pixels.map((_, encoding) => encoding);
      while (left.length > 0) {
        const [encoding = 0] = left.splice((draws.next().value ?? 0) % left.length, 1);
        const before = orderOf(order, pixels.length);
        const hasChanged = order.learn(encoding, pixels[encoding] ?? 0);
        const after = orderOf(order, pixels.length);
        expect(hasChanged).toBe(before.join() !== after.join());
        expect(after.toSorted((a, b) => a - b)).toEqual(pixels.map((_, index) => index));
      }
      const sorted = pixels.toSorted((a, b) => b - a);
      pixels.forEach((size, encoding) => expect(sorted[order.layerOf(encoding)]).toBe(size));
      // From here on nothing changes.
      expect(order.learn(0, 1e9)).toBe(false);
    }),
  );
});
