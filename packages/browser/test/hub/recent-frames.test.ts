import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RecentFrames } from '../../src/hub/recent-frames.ts';
import {
  keyPicture,
  L1T1,
  L1T2,
  L1T3,
  L1T3_LINKED,
  patterns,
  picture,
  pictures,
  placed,
  sequences,
  undecodable,
  type TestFrame,
} from './frames.ts';

const MOST_FRAMES = 240;
const MOST_BYTES = 8_000_000;

function recentOf(frames: readonly TestFrame[]): RecentFrames<null> {
  const recent = new RecentFrames<null>();
  for (const frame of frames) recent.add(placed(frame));
  return recent;
}

function newcomersFrames(recent: RecentFrames<null>): TestFrame[] {
  return recent.forNewcomer().map(({ frame }) => frame);
}

describe('[M3.2] a newcomer starts from', () => {
  test('nothing before the first key frame', () => {
    expect(newcomersFrames(recentOf([picture(1), picture(2)]))).toEqual([]);
  });

  test('all since the last key frame where each picture needs the one before it', () => {
    const frames = pictures(L1T1, 50, { keyEvery: 30 });
    expect(newcomersFrames(recentOf(frames))).toEqual(frames.slice(30));
  });

  test('the base, and all since its last picture', () => {
    expect(sequences(newcomersFrames(recentOf(pictures(L1T2, 8))))).toEqual([0, 2, 4, 6, 7]);
    expect(sequences(newcomersFrames(recentOf(pictures(L1T3, 8))))).toEqual([0, 4, 5, 6, 7]);
    expect(sequences(newcomersFrames(recentOf(pictures(L1T3, 9))))).toEqual([0, 4, 8]);
  });

  test('frames with the timestamps that the others got', () => {
    const recent = new RecentFrames<null>();
    const shifted = pictures(L1T1, 3).map((frame) => ({ frame, timestamp: frame.timestamp + 777 }));
    for (const each of shifted) recent.add(each);
    expect(recent.forNewcomer()).toEqual(shifted);
  });

  test('frames each of which needs only those before it', () => {
    const length = fc.integer({ min: 1, max: 100 });
    const keyEvery = fc.integer({ min: 5, max: 60 });
    const first = fc.constantFrom(0, 2 ** 32 - 30);
    const simple = fc.constantFrom(L1T1, L1T2, L1T3);
    fc.assert(
      fc.property(simple, length, keyEvery, first, (pattern, length, keyEvery, first) => {
        const frames = newcomersFrames(recentOf(pictures(pattern, length, { first, keyEvery })));
        expect(frames[0]?.isKey).toBe(true);
        expect(undecodable(frames)).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  test('frames each of which needs only those before it, where layer 1 needs itself', () => {
    for (let length = 1; length <= 24; length++) {
      expect(undecodable(newcomersFrames(recentOf(pictures(L1T3_LINKED, length))))).toEqual([]);
    }
  });

  test('frames of which the last is the present picture, in whatever layer', () => {
    const length = fc.integer({ min: 1, max: 100 });
    fc.assert(
      fc.property(patterns, length, (pattern, length) => {
        expect(newcomersFrames(recentOf(pictures(pattern, length))).at(-1)?.sequence).toBe(length - 1);
      }),
      { numRuns: 100 },
    );
  });
});

describe('what is kept', () => {
  test('ends with 240 frames, since without its key frame the rest is of no use', () => {
    const frames = pictures(L1T1, MOST_FRAMES + 20);
    expect(newcomersFrames(recentOf(frames.slice(0, MOST_FRAMES)))).toHaveLength(MOST_FRAMES);
    expect(newcomersFrames(recentOf(frames))).toEqual([]);
  });

  test('ends with 8 megabytes', () => {
    const frames = pictures(L1T1, 9).map((frame) => ({ ...frame, bytes: 1_000_000 }));
    expect(newcomersFrames(recentOf(frames.slice(0, 8)))).toHaveLength(8);
    expect(newcomersFrames(recentOf(frames))).toEqual([]);
    expect(newcomersFrames(recentOf([keyPicture(0, { bytes: MOST_BYTES + 1 }), picture(1)]))).toEqual([]);
  });

  test('begins again with the next key frame', () => {
    const frames = pictures(L1T1, MOST_FRAMES + 60, { keyEvery: MOST_FRAMES + 20 });
    expect(newcomersFrames(recentOf(frames))).toEqual(frames.slice(MOST_FRAMES + 20));
  });

  test('is within both bounds, whatever comes', () => {
    const any = fc.record({ isKey: fc.nat(99).map((n) => n === 0), bytes: fc.nat({ max: 200_000 }) });
    fc.assert(
      fc.property(fc.array(any, { minLength: 200, maxLength: 500 }), (fields) => {
        const recent = new RecentFrames<null>();
        fields.forEach((each, i) => {
          recent.add(placed(picture(i, each)));
          const kept = newcomersFrames(recent);
          expect(kept.length).toBeLessThanOrEqual(MOST_FRAMES);
          expect(kept.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(MOST_BYTES);
          expect(kept.slice(1).some(({ isKey }) => isKey)).toBe(false);
        });
      }),
      { numRuns: 10 },
    );
  });
});
