import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NO_LIMIT, type FrameWriter } from '../../src/hub/child-stream.ts';
import { Hub } from '../../src/hub/hub.ts';
import type { PlacedFrame } from '../../src/hub/hub-frame.ts';
import {
  CAPTURE_START as START,
  keyPicture,
  L1T1,
  L1T3,
  patterns,
  picture,
  PICTURE_MS,
  pictures,
  sequences,
  sound,
  undecodable,
  type TestFrame,
} from './frames.ts';

const PARENT = 1;
const OTHER_PARENT = 2;
const CHILD = 10;
const OTHER_CHILD = 11;
const VIDEO = { kind: 'video', layer: 0 } as const;
const HALF = { kind: 'video', layer: 1 } as const;
const AUDIO = { kind: 'audio', layer: 0 } as const;

class Writer implements FrameWriter<null> {
  isReady = true;
  readonly placed: PlacedFrame<null>[] = [];

  write(placed: PlacedFrame<null>): void {
    this.placed.push(placed);
  }

  get frames(): TestFrame[] {
    return this.placed.map(({ frame }) => frame);
  }

  get sequences(): number[] {
    return sequences(this.frames);
  }
}

/** A hub, what it shows, and the layers of which it has wanted key frames. */
class Stand {
  readonly wanted: number[] = [];
  readonly shown: PlacedFrame<null>[] = [];
  readonly hub = new Hub<null>({ wantKeyFrame: (layer) => this.wanted.push(layer) });

  constructor() {
    this.hub.onFrame = (placed) => this.shown.push(placed);
  }

  take(
    frames: readonly TestFrame[],
    { source = PARENT, now = START }: { source?: number; now?: number } = {},
  ) {
    for (const frame of frames) this.hub.take(source, frame, now);
  }

  addChild(child: number, key: typeof VIDEO | typeof HALF | typeof AUDIO = VIDEO): Writer {
    const writer = new Writer();
    this.hub.addChild(child, key, writer);
    return writer;
  }

  addActiveChild(child: number, key: typeof VIDEO | typeof HALF | typeof AUDIO = VIDEO): Writer {
    const writer = this.addChild(child, key);
    this.hub.setActive(child, true, START);
    return writer;
  }

  /** The layers that were wanted by one look. */
  tick(now: number): number[] {
    this.hub.tick(now);
    return this.wanted.splice(0);
  }
}

describe('two parents', () => {
  test('give one stream, of which each frame passes once', () => {
    const stand = new Stand();
    const writer = stand.addActiveChild(CHILD);
    for (const frame of pictures(L1T1, 10)) {
      stand.take([frame]);
      stand.take([{ ...frame, timestamp: (frame.timestamp + 5_000_000) >>> 0 }], { source: OTHER_PARENT });
    }
    expect(writer.frames).toEqual(pictures(L1T1, 10));
    expect(stand.shown).toEqual(writer.placed);
  });

  test('make up for what one of them loses, on one line of timestamps', () => {
    const lost = fc.array(fc.constantFrom<'first' | 'second' | 'none'>('first', 'second', 'none'), {
      minLength: 60,
      maxLength: 60,
    });
    fc.assert(
      fc.property(patterns, lost, fc.nat({ max: 2 ** 32 - 1 }), (pattern, lost, offset) => {
        const stand = new Stand();
        const writer = stand.addActiveChild(CHILD);
        const frames = pictures(pattern, 60);
        for (const [i, frame] of frames.entries()) {
          const other = { ...frame, timestamp: (frame.timestamp + offset) >>> 0 };
          const now = START + i * PICTURE_MS;
          // The first of all comes from the first parent, and gives the line its start.
          if (i === 0 || lost[i] !== 'first') stand.take([frame], { now });
          if (lost[i] !== 'second') stand.take([other], { source: OTHER_PARENT, now });
        }
        expect(writer.sequences).toEqual(sequences(frames));
        for (const [i, { timestamp }] of writer.placed.entries()) {
          expect(Math.abs(timestamp - i * 3_000)).toBeLessThanOrEqual(2 * 90);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('keep each their place on the line, though a frame of one lets pass what waited of the other', () => {
    const stand = new Stand();
    const behind = (frame: TestFrame): TestFrame => ({ ...frame, timestamp: frame.timestamp + 900 });
    stand.take([keyPicture(3)]);
    stand.take([behind(picture(4))], { source: OTHER_PARENT });
    // Its place is that of the other parent, by which it came.
    stand.take([behind(picture(6))], { source: OTHER_PARENT });
    stand.take([picture(5)]);
    const timestamps = stand.shown.map(({ timestamp }) => timestamp);
    expect(sequences(stand.shown.map(({ frame }) => frame))).toEqual([3, 4, 5, 6]);
    for (const [i, timestamp] of timestamps.entries()) {
      expect(Math.abs(timestamp - (3 + i) * 3_000)).toBeLessThanOrEqual(90);
    }
  });

  test('of which one is forgotten and comes again leave no gap', () => {
    const stand = new Stand();
    stand.take([sound(0), sound(1)]);
    stand.hub.forget(PARENT);
    stand.take([{ ...sound(2), timestamp: 77 }]);
    expect(stand.shown.map(({ timestamp }) => timestamp)).toEqual([0, 960, 1_920]);
  });
});

describe('children', () => {
  test('of different layers get their own, and sound apart', () => {
    const stand = new Stand();
    const full = stand.addActiveChild(CHILD);
    const half = stand.addActiveChild(OTHER_CHILD, HALF);
    const heard = stand.addChild(OTHER_CHILD, AUDIO);
    stand.hub.setActive(OTHER_CHILD, true, START);
    stand.take([keyPicture(0), keyPicture(7, { layer: 1 }), picture(1), picture(8, { layer: 1 }), sound(3)]);
    expect(full.sequences).toEqual([0, 1]);
    expect(half.sequences).toEqual([7, 8]);
    expect(heard.sequences).toEqual([3]);
    expect(stand.shown).toHaveLength(5);
  });

  test('[M2.3] of a parent that sends another layer than it was asked for get that one, and key frames are asked of it', () => {
    const stand = new Stand();
    const child = stand.addActiveChild(CHILD);
    const takeAs = (frame: TestFrame, layer: number): void => stand.hub.take(PARENT, frame, START, layer);
    takeAs(keyPicture(0), 0);
    takeAs(keyPicture(7_000, { layer: 1, capturedAt: picture(1).capturedAt }), 0);
    takeAs(picture(7_001, { layer: 1 }), 0);
    expect(child.sequences).toEqual([0, 7_000, 7_001]);
    expect(stand.hub.recentPictures().map(({ frame }) => frame.sequence)).toEqual([7_000, 7_001]);
    takeAs(picture(7_003, { layer: 1 }), 0);
    expect(stand.tick(START + 100)).toEqual([]);
    expect(stand.tick(START + 1_000)).toEqual([0]);
  });

  test('get nothing before they are active', () => {
    const stand = new Stand();
    const writer = stand.addChild(CHILD);
    stand.take(pictures(L1T1, 3));
    expect(writer.frames).toEqual([]);
  });

  test('[M3.2] that are ready when they become active start at once from what is kept', () => {
    const stand = new Stand();
    const writer = stand.addChild(CHILD);
    stand.take(pictures(L1T1, 3));
    stand.hub.setActive(CHILD, true, START);
    expect(writer.sequences).toEqual([0, 1, 2]);
    stand.take([picture(3)]);
    expect(writer.sequences).toEqual([0, 1, 2, 3]);
  });

  test('[M3.2] that become active before they are ready start at once when they are', () => {
    const stand = new Stand();
    const writer = stand.addChild(CHILD);
    writer.isReady = false;
    stand.hub.setActive(CHILD, true, START);
    stand.take(pictures(L1T1, 3));
    stand.hub.childReady(CHILD, START);
    expect(writer.frames).toEqual([]);
    writer.isReady = true;
    stand.hub.childReady(CHILD, START);
    expect(writer.sequences).toEqual([0, 1, 2]);
    stand.take([picture(3)]);
    expect(writer.sequences).toEqual([0, 1, 2, 3]);
  });

  test('that are ready before they become active do not start', () => {
    const stand = new Stand();
    const writer = stand.addChild(CHILD);
    stand.take(pictures(L1T1, 3));
    stand.hub.childReady(CHILD, START);
    expect(writer.frames).toEqual([]);
  });

  test('that are told twice that they are active get nothing twice', () => {
    const stand = new Stand();
    const writer = stand.addActiveChild(CHILD);
    stand.take([keyPicture(0)]);
    stand.hub.setActive(CHILD, true, START);
    stand.hub.childReady(CHILD, START);
    expect(writer.sequences).toEqual([0]);
  });

  test('that paused begin anew from what is kept', () => {
    const stand = new Stand();
    const writer = stand.addActiveChild(CHILD);
    stand.take([keyPicture(0), picture(1)]);
    stand.hub.setActive(CHILD, false, START);
    stand.take([picture(2), keyPicture(3), picture(4)]);
    stand.hub.setActive(CHILD, true, START);
    stand.take([picture(5)]);
    expect(writer.sequences).toEqual([0, 1, 3, 4, 5]);
  });

  test('[M2.1] are limited each for themselves', () => {
    const stand = new Stand();
    const limited = stand.addActiveChild(CHILD);
    const heard = stand.addActiveChild(CHILD, AUDIO);
    const other = stand.addActiveChild(OTHER_CHILD);
    stand.hub.limit(CHILD, { maxTemporalLayer: 0, isClosed: false });
    stand.take([...pictures(L1T3, 9), sound(0)]);
    expect(limited.sequences).toEqual([0, 4, 8]);
    expect(heard.sequences).toEqual([0]);
    expect(other.sequences).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test('that are removed get nothing more, in no stream, and are not counted', () => {
    const stand = new Stand();
    const writer = stand.addActiveChild(CHILD);
    const heard = stand.addActiveChild(CHILD, AUDIO);
    const other = stand.addActiveChild(OTHER_CHILD);
    stand.take([keyPicture(0), sound(0)]);
    stand.hub.removeChild(CHILD);
    stand.take([picture(1), sound(1)]);
    expect([writer.sequences, heard.sequences, other.sequences]).toEqual([[0], [0], [0, 1]]);
    expect(stand.hub.written()).toEqual(new Map([[OTHER_CHILD, 2_000]]));
    stand.hub.removeChild(CHILD);
  });

  test('are told by the bytes of all their streams', () => {
    const stand = new Stand();
    stand.addActiveChild(CHILD);
    stand.addActiveChild(CHILD, AUDIO);
    stand.take([keyPicture(0, { bytes: 500 }), sound(0, { bytes: 20 }), sound(1, { bytes: 3 })]);
    expect(stand.hub.written()).toEqual(new Map([[CHILD, 523]]));
  });

  test('can decode all that they get, though they come and go, and their links are slow', () => {
    const change = fc.record({
      at: fc.nat({ max: 99 }),
      what: fc.constantFrom('active', 'pause', 'close', 'base', 'all', 'ready', 'unready'),
    });
    const changes = fc.array(change, { maxLength: 15 });
    fc.assert(
      fc.property(patterns, fc.integer({ min: 5, max: 50 }), changes, (pattern, keyEvery, changes) => {
        const stand = new Stand();
        const writer = stand.addActiveChild(CHILD);
        const act = {
          active: () => stand.hub.setActive(CHILD, true, START),
          pause: () => stand.hub.setActive(CHILD, false, START),
          close: () => stand.hub.limit(CHILD, { ...NO_LIMIT, isClosed: true }),
          base: () => stand.hub.limit(CHILD, { maxTemporalLayer: 0, isClosed: false }),
          all: () => stand.hub.limit(CHILD, NO_LIMIT),
          ready: () => {
            writer.isReady = true;
            stand.hub.childReady(CHILD, START);
          },
          unready: () => {
            writer.isReady = false;
          },
        };
        for (const [i, frame] of pictures(pattern, 100, { keyEvery }).entries()) {
          for (const { at, what } of changes) if (at === i) act[what]();
          stand.take([frame]);
        }
        expect(undecodable(writer.frames)).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
});

describe('a key frame', () => {
  test('is wanted by nobody while all is well', () => {
    const stand = new Stand();
    stand.addActiveChild(CHILD);
    stand.addActiveChild(CHILD, AUDIO);
    expect(stand.tick(START)).toEqual([]);
    stand.take([...pictures(L1T3, 9), sound(0), sound(100)]);
    expect(stand.tick(START + 100)).toEqual([]);
  });

  test('is wanted once per look, however many need it', () => {
    const stand = new Stand();
    stand.take([picture(5), picture(6)]);
    stand.addActiveChild(CHILD);
    stand.addActiveChild(OTHER_CHILD);
    stand.take([keyPicture(7)]);
    for (const child of [CHILD, OTHER_CHILD]) stand.hub.limit(child, { ...NO_LIMIT, isClosed: true });
    for (const child of [CHILD, OTHER_CHILD]) stand.hub.limit(child, NO_LIMIT);
    // The order waits for a picture, too.
    stand.take([picture(9)]);
    expect(stand.tick(START + 400)).toEqual([0]);
    expect(stand.tick(START + 430)).toEqual([0]);
    stand.take([keyPicture(10)], { now: START + 440 });
    expect(stand.tick(START + 460)).toEqual([]);
  });

  test('is wanted of each layer that lacks it', () => {
    const stand = new Stand();
    stand.take([picture(5), picture(6, { layer: 1 }), keyPicture(7, { layer: 2 })]);
    expect(stand.tick(START + 399)).toEqual([]);
    expect(stand.tick(START + 400)).toEqual([0, 1]);
  });

  test('[M3.3] is wanted at once when a child asks, unless it got one in the last 500 ms', () => {
    const stand = new Stand();
    stand.addActiveChild(CHILD);
    stand.take([keyPicture(0)], { now: START });
    stand.hub.childWantsKey(CHILD, 0, START + 500);
    expect(stand.wanted).toEqual([]);
    stand.hub.childWantsKey(CHILD, 0, START + 501);
    expect(stand.wanted).toEqual([0]);
  });

  test('is not wanted for a child that is paused, or is none, or has not that layer', () => {
    const stand = new Stand();
    stand.addChild(CHILD);
    stand.take([keyPicture(0)]);
    stand.hub.childWantsKey(CHILD, 0, START + 900);
    stand.hub.childWantsKey(OTHER_CHILD, 0, START + 900);
    stand.hub.childWantsKey(CHILD, 1, START + 900);
    expect(stand.wanted).toEqual([]);
  });

  test('is not wanted for a child that takes no pictures at present', () => {
    const stand = new Stand();
    stand.addActiveChild(CHILD);
    stand.take([keyPicture(0)]);
    stand.hub.limit(CHILD, { ...NO_LIMIT, isClosed: true });
    stand.hub.childWantsKey(CHILD, 0, START + 3_000);
    expect(stand.wanted).toEqual([]);
  });

  test('is not wanted any more for a child that is removed', () => {
    const stand = new Stand();
    // Too large to be kept, so that a newcomer has nothing to start from.
    stand.take([{ ...keyPicture(0), bytes: 9_000_000 }]);
    stand.addActiveChild(CHILD);
    stand.take([picture(1)]);
    expect(stand.tick(START)).toEqual([0]);
    stand.hub.removeChild(CHILD);
    expect(stand.tick(START)).toEqual([]);
  });
});

describe('the delay from capture', () => {
  test('is the least of the sound that came, whatever passes of it', () => {
    const stand = new Stand();
    stand.take([sound(0)], { now: START + 90 });
    stand.take([sound(1)], { now: START + 100 });
    stand.take([sound(1)], { now: START + 150, source: OTHER_PARENT });
    expect(stand.hub.captureDelay.ms).toBe(80);
  });
});
