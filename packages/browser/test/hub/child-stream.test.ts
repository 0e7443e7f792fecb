import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ChildStream, NO_LIMIT, type ChildLimit, type FrameWriter } from '../../src/hub/child-stream.ts';
import type { PlacedFrame } from '../../src/hub/hub-frame.ts';
import { RecentFrames } from '../../src/hub/recent-frames.ts';
import {
  keyPicture,
  L1T1,
  L1T3,
  L1T3_LINKED,
  patterns,
  picture,
  pictures,
  placed,
  sequences,
  sound,
  undecodable,
  type TestFrame,
} from './frames.ts';

const CLOSED: ChildLimit = { ...NO_LIMIT, isClosed: true };

class Writer implements FrameWriter<null> {
  isReady = true;
  readonly frames: TestFrame[] = [];

  write({ frame }: PlacedFrame<null>): void {
    this.frames.push(frame);
  }

  /** The sequences that were written since this was asked last. */
  news(): number[] {
    return sequences(this.frames.splice(0));
  }
}

/** A child, and what the hub keeps for newcomers. */
class Stand {
  readonly writer = new Writer();
  readonly child = new ChildStream(this.writer);
  readonly recent = new RecentFrames<null>();

  take(frames: readonly TestFrame[], now = 0): boolean[] {
    return frames.map((frame) => {
      if (frame.kind === 'video') this.recent.add(placed(frame));
      return this.child.take(placed(frame), () => this.recent.forNewcomer(), now);
    });
  }

  start(now = 0): void {
    this.child.start(this.recent.forNewcomer(), now);
  }
}

function open(): Stand {
  const stand = new Stand();
  stand.child.begin();
  return stand;
}

describe('a newcomer', () => {
  test('[M3.2] gets the frames since the last key frame at once', () => {
    const stand = new Stand();
    stand.take(pictures(L1T1, 45, { keyEvery: 30 }));
    stand.child.begin();
    expect(stand.writer.news()).toEqual([]);
    stand.start();
    expect(stand.writer.news()).toEqual(sequences(pictures(L1T1, 15, { first: 30 })));
    expect(stand.child.needsKey).toBe(false);
  });

  test('[M3.2] gets them with the next frame, and that one once', () => {
    const stand = new Stand();
    stand.take(pictures(L1T1, 5));
    stand.child.begin();
    expect(stand.take([picture(5), picture(6)])).toEqual([true, true]);
    expect(stand.writer.news()).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  test('gets them once, however often it is told to start', () => {
    const stand = open();
    stand.take(pictures(L1T1, 3));
    stand.start();
    stand.start();
    stand.child.begin();
    stand.start();
    expect(stand.writer.news()).toEqual([0, 1, 2]);
  });

  test('gets nothing before its writer is ready, and then all since the last key frame', () => {
    const stand = open();
    stand.writer.isReady = false;
    expect(stand.take([...pictures(L1T1, 3), sound(0)])).toEqual([false, false, false, false]);
    stand.start();
    expect(stand.writer.news()).toEqual([]);
    stand.writer.isReady = true;
    stand.start();
    expect(stand.writer.news()).toEqual([0, 1, 2]);
  });

  test('for whom nothing is kept needs a key frame once pictures come, and begins with it', () => {
    const stand = open();
    stand.start();
    expect(stand.child.needsKey).toBe(false);
    expect(stand.take([picture(5), picture(6)])).toEqual([false, false]);
    expect(stand.child.needsKey).toBe(true);
    expect(stand.take([keyPicture(7), picture(8)])).toEqual([true, true]);
    expect(stand.child.needsKey).toBe(false);
    expect(stand.writer.news()).toEqual([7, 8]);
  });

  test('can decode all that it gets, whenever it comes', () => {
    const when = fc.nat({ max: 80 });
    const keyEvery = fc.integer({ min: 5, max: 60 });
    fc.assert(
      fc.property(patterns, when, keyEvery, fc.boolean(), (pattern, when, keyEvery, atOnce) => {
        const frames = pictures(pattern, 120, { keyEvery });
        const stand = new Stand();
        stand.take(frames.slice(0, when));
        stand.child.begin();
        if (atOnce) stand.start();
        stand.take(frames.slice(when));
        expect(undecodable(stand.writer.frames)).toEqual([]);
        const isBase = ({ temporalLayer }: TestFrame): boolean => temporalLayer === 0;
        const base = stand.writer.frames.filter(isBase);
        expect(base).toEqual(frames.slice(frames.indexOf(base[0] ?? keyPicture(0))).filter(isBase));
        expect(stand.child.needsKey).toBe(false);
      }),
      { numRuns: 150 },
    );
  });
});

describe('a paused child', () => {
  test('gets nothing, and needs nothing', () => {
    const stand = open();
    stand.take([keyPicture(0)]);
    stand.child.pause();
    expect(stand.child.isOpen).toBe(false);
    expect(stand.take([picture(1), keyPicture(2), sound(0)])).toEqual([false, false, false]);
    expect(stand.writer.news()).toEqual([0]);
    expect(stand.child.needsKey).toBe(false);
  });

  test('begins anew from what is kept', () => {
    const stand = open();
    stand.take(pictures(L1T1, 3));
    stand.child.pause();
    stand.take([picture(3), picture(4)]);
    stand.writer.news();
    stand.child.begin();
    stand.take([picture(5)]);
    expect(stand.writer.news()).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('has forgotten that it needed a key frame', () => {
    const stand = open();
    stand.take([picture(3)]);
    stand.child.pause();
    stand.child.begin();
    expect(stand.child.needsKey).toBe(false);
  });
});

describe('[M2.1] a limit of temporal layers', () => {
  test('leaves out the higher layers alone', () => {
    const stand = open();
    stand.child.limit = { maxTemporalLayer: 1, isClosed: false };
    stand.take(pictures(L1T3, 9));
    expect(stand.writer.news()).toEqual([0, 2, 4, 6, 8]);
    stand.child.limit = { maxTemporalLayer: 0, isClosed: false };
    stand.take(pictures(L1T3, 17).slice(9));
    expect(stand.writer.news()).toEqual([12, 16]);
    expect(stand.child.needsKey).toBe(false);
  });

  test('leaves out the higher layers of what a newcomer starts from', () => {
    const stand = open();
    stand.writer.isReady = false;
    stand.take(pictures(L1T3, 8));
    stand.writer.isReady = true;
    stand.child.limit = { maxTemporalLayer: 0, isClosed: false };
    stand.start();
    expect(stand.writer.news()).toEqual([0, 4]);
  });

  test('once raised lets a layer in again from where it can be decoded', () => {
    const stand = open();
    stand.child.limit = { maxTemporalLayer: 0, isClosed: false };
    stand.take(pictures(L1T3_LINKED, 6));
    stand.child.limit = NO_LIMIT;
    stand.take(pictures(L1T3_LINKED, 14).slice(6));
    // 6 needs 2, which was left out, and 7 needs 6.
    expect(stand.writer.news()).toEqual([0, 4, 8, 9, 10, 11, 12, 13]);
    expect(stand.child.needsKey).toBe(false);
  });

  test('never leaves out what a frame needs that is written later, nor the base', () => {
    const limits = fc.array(fc.record({ at: fc.nat({ max: 119 }), most: fc.nat({ max: 3 }) }), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(patterns, fc.integer({ min: 10, max: 120 }), limits, (pattern, keyEvery, limits) => {
        const stand = open();
        const frames = pictures(pattern, 120, { keyEvery, first: 2 ** 32 - 60 });
        frames.forEach((frame, i) => {
          const limit = limits.findLast(({ at }) => at === i);
          if (limit) stand.child.limit = { maxTemporalLayer: limit.most, isClosed: false };
          stand.take([frame]);
        });
        const written = new Set(stand.writer.frames);
        expect(undecodable(stand.writer.frames)).toEqual([]);
        expect(frames.filter((frame) => frame.temporalLayer === 0 && !written.has(frame))).toEqual([]);
        expect(stand.child.needsKey).toBe(false);
      }),
      { numRuns: 150 },
    );
  });

  test('does not leave out sound', () => {
    const stand = open();
    stand.child.limit = { maxTemporalLayer: 0, isClosed: true };
    expect(stand.take([sound(0), sound(1)])).toEqual([true, true]);
    expect(stand.writer.news()).toEqual([0, 1]);
  });
});

describe('[M2.1] a closed child', () => {
  test('gets no picture, and after it is opened none until a key frame', () => {
    const stand = open();
    stand.take([keyPicture(0), picture(1)]);
    stand.child.limit = CLOSED;
    expect(stand.take([picture(2), keyPicture(3), picture(4)])).toEqual([false, false, false]);
    stand.child.limit = NO_LIMIT;
    // The regular one will do: it is no wish of this child's.
    expect(stand.child.needsKey).toBe(false);
    expect(stand.take([picture(5), picture(6), keyPicture(7), picture(8)])).toEqual([
      false,
      false,
      true,
      true,
    ]);
    expect(stand.writer.news()).toEqual([0, 1, 7, 8]);
    expect(stand.child.needsKey).toBe(false);
  });

  test('that is new gets nothing of what is kept', () => {
    const stand = open();
    stand.child.limit = CLOSED;
    stand.take(pictures(L1T1, 3));
    stand.child.limit = NO_LIMIT;
    stand.take([picture(3), keyPicture(4)]);
    expect(stand.writer.news()).toEqual([4]);
  });

  test('that is limited otherwise while closed stays closed', () => {
    const stand = open();
    stand.take([keyPicture(0)]);
    stand.child.limit = CLOSED;
    stand.child.limit = { maxTemporalLayer: 0, isClosed: true };
    stand.take([picture(1), keyPicture(2)]);
    expect(stand.writer.news()).toEqual([0]);
  });

  test('that was never closed is not stopped by another limit', () => {
    const stand = open();
    stand.take([keyPicture(0)]);
    stand.child.limit = { maxTemporalLayer: 1, isClosed: false };
    expect(stand.child.needsKey).toBe(false);
    stand.take([picture(1)]);
    expect(stand.writer.news()).toEqual([0, 1]);
  });

  test('wants no key frame, because it would not get it', () => {
    const stand = open();
    stand.take([picture(1)]);
    expect(stand.child.needsKey).toBe(true);
    stand.child.limit = CLOSED;
    expect(stand.child.needsKey).toBe(false);
    stand.child.limit = NO_LIMIT;
    expect(stand.child.needsKey).toBe(true);
  });
});

describe('a missing picture', () => {
  test('of the base makes the child wait for a key frame', () => {
    const stand = open();
    const [key, first, , third, fourth] = pictures(L1T1, 5);
    const came = [key, first, third, fourth].flatMap((frame) => frame ?? []);
    expect(stand.take(came)).toEqual([true, true, false, false]);
    expect(stand.child.needsKey).toBe(true);
    stand.take([keyPicture(5), picture(6)]);
    expect(stand.child.needsKey).toBe(false);
    expect(stand.writer.news()).toEqual([0, 1, 5, 6]);
  });

  test('of a higher layer costs that layer alone', () => {
    const stand = open();
    stand.take(pictures(L1T3, 9).filter(({ sequence }) => sequence !== 2));
    expect(stand.writer.news()).toEqual([0, 1, 4, 5, 6, 7, 8]);
    expect(stand.child.needsKey).toBe(false);
  });

  test('never lets one pass that needs it', () => {
    const lost = fc.uniqueArray(fc.nat({ max: 99 }), { maxLength: 20 });
    fc.assert(
      fc.property(patterns, fc.integer({ min: 10, max: 100 }), lost, (pattern, keyEvery, lost) => {
        const stand = open();
        stand.take(pictures(pattern, 100, { keyEvery }).filter(({ sequence }) => !lost.includes(sequence)));
        expect(undecodable(stand.writer.frames)).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
});

describe('what is counted', () => {
  test('are the bytes that were written, of pictures and sound', () => {
    const stand = open();
    stand.child.limit = { maxTemporalLayer: 0, isClosed: false };
    stand.take([...pictures(L1T3, 5), sound(0, { bytes: 99 })]);
    expect(stand.child.bytes).toBe(2 * 1_000 + 99);
  });

  test('is when the last key frame was written', () => {
    const stand = open();
    expect(stand.child.keyAt).toBe(-Infinity);
    stand.take([keyPicture(0)], 10);
    stand.take([picture(1)], 20);
    expect(stand.child.keyAt).toBe(10);
    stand.child.limit = CLOSED;
    stand.take([keyPicture(2)], 30);
    expect(stand.child.keyAt).toBe(10);
  });
});
