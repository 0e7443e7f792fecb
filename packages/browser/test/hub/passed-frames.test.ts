import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PassedFrames } from '../../src/hub/passed-frames.ts';
import { keyPicture, L1T3_LINKED, PATTERNS, picture, pictures, sequences, type TestFrame } from './frames.ts';

const WINDOW = 32;

function passed(...sequences: number[]): PassedFrames {
  const frames = new PassedFrames();
  for (const sequence of sequences) frames.add(sequence >>> 0);
  return frames;
}

/** What remains of a stream when those of some layers are left out, and those that cannot do without them. */
function thinned(frames: readonly TestFrame[], leftOut: (frame: TestFrame) => boolean): TestFrame[] {
  const known = new PassedFrames();
  return frames.filter((frame) => {
    if (leftOut(frame) || !known.isReady(frame)) return false;
    if (frame.isKey) known.reset();
    known.add(frame.sequence);
    return true;
  });
}

describe('the frames that have passed', () => {
  test('are none at first', () => {
    const frames = new PassedFrames();
    expect(frames.last).toBeNull();
    expect(frames.has(0)).toBe(false);
  });

  test('are none again after a reset', () => {
    const frames = passed(1, 2, 3);
    frames.reset();
    expect(frames.last).toBeNull();
    expect(frames.has(3)).toBe(false);
  });

  test('are the newest 32 of those that were added, in whatever order', () => {
    const start = fc.constantFrom(0, 1_000, 2 ** 31 - 5, 2 ** 32 - 5);
    fc.assert(
      fc.property(start, fc.array(fc.integer({ min: -40, max: 40 })), (first, steps) => {
        const frames = new PassedFrames();
        const added = new Set<number>();
        let newest = -Infinity;
        let at = 0;
        for (const step of steps) {
          at += step;
          frames.add((first + at) >>> 0);
          if (at > newest) newest = at;
          if (newest - at < WINDOW) added.add(at);
          for (let n = newest - WINDOW - 2; n < newest + 3; n++) {
            expect(frames.has((first + n) >>> 0)).toBe(added.has(n) && newest - n < WINDOW);
          }
          expect(frames.last).toBe((first + newest) >>> 0);
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe('a frame can be decoded', () => {
  test('[T1.3] when it is a key frame, whatever has passed', () => {
    expect(new PassedFrames().isReady(keyPicture(9))).toBe(true);
  });

  test('[T1.3] when the frame before it has passed, if it tells no references', () => {
    expect(passed(8).isReady(picture(9, { references: 0 }))).toBe(true);
    expect(passed(7).isReady(picture(9, { references: 0 }))).toBe(false);
  });

  test('[T1.3] when all that its mask names have passed, and no others', () => {
    const mask = fc.integer({ min: 1, max: 15 });
    const first = fc.constantFrom(10, 2 ** 32 - 2, 2 ** 32 + 1);
    fc.assert(
      fc.property(first, mask, mask, (sequence, references, backs) => {
        const frames = passed(sequence - 5);
        for (let bit = 3; bit >= 0; bit--) if (backs & (1 << bit)) frames.add((sequence - bit - 1) >>> 0);
        expect(frames.isReady(picture(sequence, { references }))).toBe((references & backs) === references);
      }),
      { numRuns: 200 },
    );
  });

  test.each(Object.entries(PATTERNS))('in every picture of an unbroken %s stream', (_name, pattern) => {
    const frames = pictures(pattern, 100, { first: 2 ** 32 - 50, keyEvery: 37 });
    expect(thinned(frames, () => false)).toEqual(frames);
  });

  test.each(Object.entries(PATTERNS))('in the lower layers of a thinned %s stream', (_name, pattern) => {
    const frames = pictures(pattern, 100);
    for (const most of [0, 1, 2]) {
      const lower = frames.filter(({ temporalLayer }) => temporalLayer <= most);
      expect(thinned(frames, ({ temporalLayer }) => temporalLayer > most)).toEqual(lower);
    }
  });

  test('not without a lost picture of its own layer, but again from the next that needs the base alone', () => {
    const frames = pictures(L1T3_LINKED, 13);
    const rest = thinned(frames, ({ sequence }) => sequence === 2);
    expect(sequences(rest)).toEqual([0, 1, 4, 8, 9, 10, 11, 12]);
  });
});
