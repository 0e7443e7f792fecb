import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrameOrder } from '../../src/hub/frame-order.ts';
import {
  keyPicture,
  L1T1,
  L1T3,
  L1T3_LINKED,
  patterns,
  picture,
  pictures,
  PICTURE_MS,
  sequences,
  sound,
  undecodable,
  type TestFrame,
} from './frames.ts';

/** One who looks for a missing frame only after it has been waited for. */
const HOLD_MS = 400;
const STALL_MS = 1_000;
const MOST_HELD = 64;

function takeAll(order: FrameOrder<null>, frames: readonly TestFrame[], now = 0): number[] {
  return frames.flatMap((frame) => sequences(order.take(frame, now)));
}

interface Arrival {
  readonly frame: TestFrame;
  readonly at: number;
}

/** Lets frames arrive at their times, with a look at what has waited too long every 30 ms. */
function run(order: FrameOrder<null>, arrivals: readonly Arrival[]): { passed: TestFrame[]; most: number } {
  const passed: TestFrame[] = [];
  let most = 0;
  let ticked = 0;
  for (const { frame, at } of [...arrivals].sort((a, b) => a.at - b.at)) {
    for (; ticked < at; ticked += 30) order.expire(ticked);
    const passing = order.take(frame, at);
    most = Math.max(most, passing.length);
    passed.push(...passing);
  }
  return { passed, most };
}

describe('[M1.4] pictures in order', () => {
  test('pass at once', () => {
    const order = new FrameOrder<null>();
    const frames = pictures(L1T3, 50);
    for (const frame of frames) expect(order.take(frame, frame.sequence)).toEqual([frame]);
  });

  test('pass over the end of the numbers', () => {
    const order = new FrameOrder<null>();
    const frames = pictures(L1T3, 100, { first: 2 ** 32 - 50 });
    expect(takeAll(order, frames)).toEqual(sequences(frames));
    expect(takeAll(order, frames)).toEqual([]);
  });

  test('of two parents pass once, those of the one who is sooner', () => {
    const order = new FrameOrder<null>();
    const ofOne = pictures(L1T1, 10).map((frame) => ({ ...frame, timestamp: 1 }));
    const ofOther = pictures(L1T1, 10).map((frame) => ({ ...frame, timestamp: 2 }));
    const passed = ofOne.flatMap((frame, i) => {
      const other = ofOther[i] ?? frame;
      const both = i % 2 === 0 ? [frame, other] : [other, frame];
      return both.flatMap((copy) => order.take(copy, i));
    });
    expect(sequences(passed)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(passed.map(({ timestamp }) => timestamp)).toEqual([1, 2, 1, 2, 1, 2, 1, 2, 1, 2]);
  });
});

describe('[M1.4] a picture whose references have not passed', () => {
  test('waits for them, and passes in order behind them', () => {
    const order = new FrameOrder<null>();
    expect(takeAll(order, [keyPicture(0), picture(3), picture(2), picture(4)])).toEqual([0]);
    expect(takeAll(order, [picture(1)])).toEqual([1, 2, 3, 4]);
  });

  test('waits over the end of the numbers', () => {
    const order = new FrameOrder<null>();
    const last = 2 ** 32 - 1;
    expect(takeAll(order, [keyPicture(last - 1), picture(last + 3), picture(last + 1)])).toEqual([last - 1]);
    expect(takeAll(order, [picture(last)])).toEqual([last, 0]);
    expect(takeAll(order, [picture(last + 2)])).toEqual([1, 2]);
  });

  test('waits for a missing key frame, too', () => {
    const order = new FrameOrder<null>();
    expect(takeAll(order, [keyPicture(0), picture(2), picture(3)])).toEqual([0]);
    expect(takeAll(order, [keyPicture(1)])).toEqual([1, 2, 3]);
  });

  test('[T1.3] does not hold up another that can do without what is missing', () => {
    const order = new FrameOrder<null>();
    const [key, , middle, after, base] = pictures(L1T3, 5);
    expect(
      takeAll(
        order,
        [key, middle, after, base].flatMap((frame) => frame ?? []),
      ),
    ).toEqual([0, 2, 3, 4]);
  });

  test('is dropped when the base has gone on, and costs no key frame', () => {
    const order = new FrameOrder<null>();
    const frames = pictures(L1T3, 9).filter(({ sequence }) => sequence !== 2);
    expect(takeAll(order, frames)).toEqual([0, 1, 4, 5, 6, 7, 8]);
    expect(order.expire(HOLD_MS * 3)).toBe(false);
    expect(takeAll(order, [picture(2, { references: 0b10 })])).toEqual([]);
  });

  test('is kept once, however many parents send it', () => {
    const order = new FrameOrder<null>();
    expect(takeAll(order, [keyPicture(0), picture(2), picture(2), picture(3), picture(2)])).toEqual([0]);
    expect(takeAll(order, [picture(1)])).toEqual([1, 2, 3]);
  });

  test('is dropped when as many wait as two seconds hold', () => {
    const order = new FrameOrder<null>();
    const later = Array.from({ length: 500 }, (_, i) => picture(i + 2));
    expect(takeAll(order, [keyPicture(0), ...later])).toEqual([0]);
    expect(takeAll(order, [picture(1)])).toHaveLength(1 + MOST_HELD);
  });

  test('is of no use any more when a later key frame comes', () => {
    const order = new FrameOrder<null>();
    expect(takeAll(order, [keyPicture(0), picture(2), picture(3), keyPicture(9)])).toEqual([0, 9]);
    expect(takeAll(order, [picture(1), picture(4), picture(10)])).toEqual([10]);
    expect(order.expire(10 * HOLD_MS)).toBe(false);
  });

  test('of the base, to which the missing one never comes, makes a key frame wanted after 400 ms', () => {
    const order = new FrameOrder<null>();
    order.take(keyPicture(0), 0);
    order.take(picture(2), 100);
    order.take(picture(3), 133);
    expect(order.expire(100 + HOLD_MS - 1)).toBe(false);
    expect(order.expire(100 + HOLD_MS)).toBe(true);
    // What came too late, and all that follow, wait for nothing.
    expect(takeAll(order, [picture(1), picture(4), picture(5)], 600)).toEqual([]);
    expect(order.expire(601)).toBe(true);
    expect(takeAll(order, [keyPicture(6), picture(7)], 700)).toEqual([6, 7]);
    expect(order.expire(10_000)).toBe(false);
  });

  test('is given up 400 ms after it came, though one before it came later and waits, too', () => {
    const order = new FrameOrder<null>();
    order.take(keyPicture(0), 0);
    order.take(picture(3), 100);
    order.take(picture(2), 450);
    expect(order.expire(100 + HOLD_MS)).toBe(true);
  });

  test('of a higher layer costs no key frame, however slowly pictures come', () => {
    const order = new FrameOrder<null>();
    // Five pictures a second, of which the third is lost.
    const frames = pictures(L1T3_LINKED, 13).filter(({ sequence }) => sequence !== 2);
    const passed: number[] = [];
    for (const frame of frames) {
      const at = frame.sequence * 200;
      passed.push(...takeAll(order, [frame], at));
      expect(order.expire(at + 100)).toBe(false);
    }
    expect(passed).toEqual([0, 1, 4, 8, 9, 10, 11, 12]);
  });
});

describe('before the first key frame', () => {
  test('nothing is wanted while no frame comes', () => {
    expect(new FrameOrder<null>().expire(1_000_000)).toBe(false);
  });

  test('no picture passes, and a key frame is wanted 400 ms after the first of them', () => {
    const order = new FrameOrder<null>();
    expect(takeAll(order, [picture(5), picture(6)], 1_000)).toEqual([]);
    expect(takeAll(order, [picture(7)], 1_300)).toEqual([]);
    expect(order.expire(1_000 + HOLD_MS - 1)).toBe(false);
    expect(order.expire(1_000 + HOLD_MS)).toBe(true);
    expect(takeAll(order, [keyPicture(8), picture(9)], 1_500)).toEqual([8, 9]);
    expect(order.expire(9_000)).toBe(false);
  });

  test('pictures that overtake it wait for it, as they do for any other', () => {
    const order = new FrameOrder<null>();
    expect(takeAll(order, [picture(1), picture(2)])).toEqual([]);
    expect(takeAll(order, [keyPicture(0)], 50)).toEqual([0, 1, 2]);
  });

  test('pictures that overtake the one that was wanted wait for it', () => {
    const order = new FrameOrder<null>();
    order.take(keyPicture(0), 0);
    order.take(picture(2), 100);
    expect(order.expire(500)).toBe(true);
    // A key frame is large: one of its packets is lost and sent again, and small pictures are sooner.
    expect(takeAll(order, [picture(21), picture(22)], 600)).toEqual([]);
    expect(takeAll(order, [keyPicture(20)], 650)).toEqual([20, 21, 22]);
  });
});

describe('another count', () => {
  test('of a newer broadcast begins anew with its key frame', () => {
    const order = new FrameOrder<null>();
    takeAll(order, pictures(L1T1, 50));
    expect(takeAll(order, [picture(0, { epoch: 2 })])).toEqual([]);
    expect(order.expire(HOLD_MS)).toBe(true);
    expect(takeAll(order, [keyPicture(1, { epoch: 2 }), picture(2, { epoch: 2 })])).toEqual([1, 2]);
    expect(takeAll(order, [picture(50), keyPicture(51)])).toEqual([]);
  });

  test('of an older broadcast is left alone, unless nothing has passed for a second', () => {
    const order = new FrameOrder<null>();
    takeAll(order, [keyPicture(0, { epoch: 2 })], 0);
    expect(takeAll(order, [keyPicture(7)], STALL_MS)).toEqual([]);
    expect(takeAll(order, [keyPicture(7), picture(8)], STALL_MS + 1)).toEqual([7, 8]);
  });

  test('of the same broadcast begins anew with a key frame after a second without pictures', () => {
    const order = new FrameOrder<null>();
    takeAll(order, [keyPicture(1_000), picture(1_001)], 0);
    expect(takeAll(order, [keyPicture(3)], STALL_MS)).toEqual([]);
    const later = { capturedAt: null };
    expect(takeAll(order, [keyPicture(3, later), picture(4, later)], STALL_MS + 1)).toEqual([3, 4]);
  });

  test('of which only deltas come makes a key frame wanted', () => {
    const order = new FrameOrder<null>();
    const unnumbered = { epoch: 0, capturedAt: null };
    takeAll(order, [keyPicture(1_000, unnumbered), picture(1_001, unnumbered)], 0);
    for (let i = 3; i < 33; i++) order.take(picture(i, unnumbered), STALL_MS + i * PICTURE_MS);
    expect(order.expire(STALL_MS * 2)).toBe(true);
  });

  test('is not taken for one because a copy comes after a second without pictures', () => {
    const order = new FrameOrder<null>();
    expect(takeAll(order, [keyPicture(5)], 0)).toEqual([5]);
    expect(takeAll(order, [keyPicture(5)], STALL_MS + 1)).toEqual([]);
  });
});

describe('sound', () => {
  test('passes at once and as it comes, each frame once', () => {
    const order = new FrameOrder<null>();
    expect(takeAll(order, [sound(3), sound(5), sound(3), sound(4), sound(5), sound(6)])).toEqual([
      3, 5, 4, 6,
    ]);
  });

  test('that comes late passes within eight frames', () => {
    const order = new FrameOrder<null>();
    expect(takeAll(order, [sound(100), sound(92), sound(91), sound(92)])).toEqual([100, 92]);
  });

  test('passes over the end of the numbers', () => {
    const order = new FrameOrder<null>();
    const frames = Array.from({ length: 20 }, (_, i) => sound(2 ** 32 - 10 + i));
    expect(takeAll(order, [...frames, ...frames])).toEqual(sequences(frames));
  });

  test('never makes a key frame wanted', () => {
    const order = new FrameOrder<null>();
    takeAll(order, [sound(1), sound(100)]);
    expect(order.expire(100_000)).toBe(false);
  });

  test('of another count passes after a second of silence', () => {
    const order = new FrameOrder<null>();
    takeAll(order, [sound(1_000)], 0);
    expect(takeAll(order, [sound(1)], STALL_MS)).toEqual([]);
    expect(takeAll(order, [sound(1), sound(2)], STALL_MS + 1)).toEqual([1, 2]);
  });

  test('of an older broadcast is left alone, unless nothing has passed for a second', () => {
    const order = new FrameOrder<null>();
    takeAll(order, [sound(0, { epoch: 2 })], 0);
    expect(takeAll(order, [sound(7)], STALL_MS)).toEqual([]);
    expect(takeAll(order, [sound(7)], STALL_MS + 1)).toEqual([7]);
  });
});

describe('whatever comes', () => {
  const starts = fc.constantFrom(0, 2 ** 31 - 20, 2 ** 32 - 20);

  test('passes once, in order, and only what can be decoded, when two parents lose and delay frames', () => {
    const parent = fc.array(fc.option(fc.nat({ max: 380 }), { freq: 6 }), { minLength: 80, maxLength: 80 });
    const keyEvery = fc.integer({ min: 5, max: 60 });
    fc.assert(
      fc.property(starts, patterns, keyEvery, parent, parent, (first, pattern, keyEvery, ...delays) => {
        const frames = pictures(pattern, 80, { first, keyEvery });
        const arrivals = delays.flatMap((ofParent) =>
          frames.flatMap((frame, i) => {
            const delay = ofParent[i];
            return typeof delay === 'number' ? [{ frame, at: i * PICTURE_MS + delay }] : [];
          }),
        );
        const { passed, most } = run(new FrameOrder(), arrivals);
        const steps = passed.map(({ sequence }) => (sequence - first) >>> 0);
        expect(steps).toEqual([...new Set(steps)].sort((a, b) => a - b));
        expect(undecodable(passed)).toEqual([]);
        expect(most).toBeLessThanOrEqual(MOST_HELD + 1);
      }),
      { numRuns: 150 },
    );
  });

  test('passes once per broadcast, and only what can be decoded, though the frames are no stream at all', () => {
    const anything = fc.record({
      sequence: fc.nat({ max: 40 }),
      isKey: fc.boolean(),
      references: fc.nat({ max: 15 }),
      temporalLayer: fc.nat({ max: 3 }),
      epoch: fc.nat({ max: 2 }),
    });
    fc.assert(
      fc.property(fc.array(anything, { maxLength: 150 }), starts, (frames, first) => {
        const arrivals = frames.map((fields, i) => ({
          frame: picture(0, { ...fields, sequence: (first + fields.sequence) >>> 0 }),
          at: i * 5,
        }));
        const { passed } = run(new FrameOrder(), arrivals);
        const names = passed.map(({ epoch, sequence }) => `${epoch} ${sequence}`);
        expect(new Set(names).size).toBe(names.length);
        expect(undecodable(passed)).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  test('passes completely when nothing is lost and nothing comes later than 400 ms', () => {
    const delays = fc.array(fc.nat({ max: 360 }), { minLength: 60, maxLength: 60 });
    fc.assert(
      fc.property(starts, delays, (first, delays) => {
        const frames = pictures(L1T1, 60, { first });
        const arrivals = frames.map((frame, i) => ({
          frame,
          at: i === 0 ? 0 : i * PICTURE_MS + (delays[i] ?? 0),
        }));
        expect(run(new FrameOrder(), arrivals).passed).toEqual(frames);
      }),
      { numRuns: 150 },
    );
  });
});

describe('[M2.3] pictures of another layer', () => {
  /** What a relay sends that goes from one layer to the other and back: each has its own count, from a key frame on. */
  const low = pictures(L1T1, 4, { first: 7_000 }).map((frame, i) => ({
    ...frame,
    layer: 1,
    capturedAt: (picture(4 + i).capturedAt ?? 0) + 1,
  }));
  const before = pictures(L1T1, 4);
  const after = [keyPicture(90, { capturedAt: picture(8).capturedAt }), picture(91), picture(92)];

  test('go on with their own count from a key frame on, and back again', () => {
    const order = new FrameOrder<null>();
    expect(takeAll(order, [...before, ...low, ...after])).toEqual(sequences([...before, ...low, ...after]));
    expect(takeAll(order, [...low.slice(1), ...before])).toEqual([]);
    expect(order.expire(HOLD_MS - 1)).toBe(false);
  });

  test('that overtake their key frame wait for it', () => {
    const order = new FrameOrder<null>();
    const [key, ...rest] = low;
    if (key === undefined) throw new Error('no key frame');
    takeAll(order, before);
    expect(takeAll(order, rest, 10)).toEqual([]);
    expect(takeAll(order, [key], 100)).toEqual(sequences(low));
  });

  test('break nothing while the present layer goes on, whatever becomes of their key frame', () => {
    const order = new FrameOrder<null>();
    const frames = pictures(L1T1, 60);
    const passed: number[] = [];
    frames.forEach((frame, i) => {
      const now = i * PICTURE_MS;
      passed.push(...takeAll(order, [frame, picture(7_001 + i, { layer: 1 })], now));
      expect(order.expire(now)).toBe(false);
    });
    expect(passed).toEqual(sequences(frames));
  });

  test('whose key frame never came make one wanted when nothing else comes', () => {
    const order = new FrameOrder<null>();
    takeAll(order, before);
    let isWanted = false;
    for (let i = 1; i < 40; i++) {
      takeAll(order, [picture(7_000 + i, { layer: 1 })], i * PICTURE_MS);
      isWanted ||= order.expire(i * PICTURE_MS);
    }
    expect(isWanted).toBe(true);
  });

  test('that are older than what has passed do not come back', () => {
    const order = new FrameOrder<null>();
    takeAll(order, low);
    expect(takeAll(order, [keyPicture(0)])).toEqual([]);
  });

  test('come in any order of layers and never break a decoder', () => {
    const switches = fc.array(fc.record({ layer: fc.nat(2), count: fc.integer({ min: 1, max: 6 }) }), {
      minLength: 1,
      maxLength: 12,
    });
    fc.assert(
      fc.property(switches, fc.infiniteStream(fc.nat(3)), (runs, delays) => {
        const counts = [100, 40, 9_000];
        let captured = 0;
        const arrivals = runs.flatMap(({ layer, count }) =>
          Array.from({ length: count }, (_, i) => {
            const sequence = (counts[layer] = (counts[layer] ?? 0) + 1);
            const capturedAt = picture(captured).capturedAt;
            const at = captured++ * PICTURE_MS + (delays.next().value ?? 0) * 40;
            const frame = picture(sequence, {
              layer,
              capturedAt,
              isKey: i === 0,
              references: i === 0 ? 0 : 1,
            });
            return { frame, at };
          }),
        );
        const { passed } = run(new FrameOrder<null>(), arrivals);
        expect(undecodable(passed)).toEqual([]);
      }),
    );
  });
});
