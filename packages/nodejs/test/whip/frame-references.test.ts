import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrameReferences, type SentFrame } from '../../src/whip/frame-references.ts';

/** What libvpx makes of three layers: the first frame of each higher one needs the base alone. */
const PATTERN = [
  { temporalLayer: 0, isLayerSync: true },
  { temporalLayer: 2, isLayerSync: true },
  { temporalLayer: 1, isLayerSync: true },
  { temporalLayer: 2, isLayerSync: false },
  { temporalLayer: 0, isLayerSync: true },
  { temporalLayer: 2, isLayerSync: false },
  { temporalLayer: 1, isLayerSync: false },
  { temporalLayer: 2, isLayerSync: false },
] as const;

function frames(count: number, first = 0): SentFrame[] {
  return Array.from({ length: count }, (_, i) => ({
    ...(PATTERN[i % PATTERN.length] ?? PATTERN[0]),
    number: (first + i) >>> 0,
    isKey: i === 0,
  }));
}

test('a frame without temporal layers needs the one before it, and a key frame none', () => {
  const references = new FrameReferences();
  const of = (number: number, isKey = false): number =>
    references.of({ number, isKey, temporalLayer: 0, isLayerSync: true });
  expect([of(0, true), of(1), of(2), of(3, true), of(4)]).toEqual([0, 1, 1, 0, 1]);
});

test('a frame needs the last of each temporal layer up to its own, or the base alone', () => {
  const references = new FrameReferences();
  const masks = frames(9, 2 ** 32 - 3).map((frame) => references.of(frame));
  expect(masks).toEqual([0, 0b1, 0b10, 0b111, 0b1000, 0b111, 0b1010, 0b111, 0b1000]);
});

test('after a loss each frame needs the one before it until a key frame comes', () => {
  const references = new FrameReferences();
  for (const frame of frames(4)) references.of(frame);
  references.lose();
  const masks = frames(8, 5).map((frame) => references.of({ ...frame, isKey: false }));
  expect(masks).toEqual(Array.from({ length: 8 }, () => 1));
  expect(frames(3, 20).map((frame) => references.of(frame))).toEqual([0, 0b1, 0b10]);
});

test('the base that lies further back than can be told is as good as the frame before', () => {
  const references = new FrameReferences();
  references.of({ number: 0, isKey: true, temporalLayer: 0, isLayerSync: true });
  for (const number of [1, 2, 3, 4]) {
    references.of({ number, isKey: false, temporalLayer: 2, isLayerSync: true });
  }
  expect(references.of({ number: 5, isKey: false, temporalLayer: 0, isLayerSync: true })).toBe(1);
});

test('[M2.1] without higher temporal layers every frame that is left has what it needs', () => {
  fc.assert(
    fc.property(fc.nat(60), fc.nat(2), fc.nat(2 ** 32 - 1), (count, highest, first) => {
      const references = new FrameReferences();
      const passed = new Set<number>();
      for (const frame of frames(count + 1, first)) {
        const mask = references.of(frame);
        if (frame.temporalLayer > highest) continue;
        for (const back of [1, 2, 3, 4]) {
          const isNeeded = (mask & (1 << (back - 1))) !== 0;
          if (isNeeded) expect(passed).toContain((frame.number - back) >>> 0);
        }
        passed.add(frame.number);
      }
    }),
  );
});
