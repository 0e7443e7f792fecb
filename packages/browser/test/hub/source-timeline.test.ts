import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ahead, CLOCK_RATE_KHZ, type FrameKind } from '../../src/hub/hub-frame.ts';
import { SourceTimeline } from '../../src/hub/source-timeline.ts';
import { CAPTURE_START, picture, PICTURE_MS, sound, SOUND_MS, type TestFrame } from './frames.ts';

/** Capture times are told in whole milliseconds. */
const ROUNDING_TICKS = CLOCK_RATE_KHZ.video;

/** The frame as a source gives it whose clock is this far ahead. */
function shifted(frame: TestFrame, ticks: number): TestFrame {
  return { ...frame, timestamp: (frame.timestamp + ticks) >>> 0 };
}

/** Where frame `n` belongs, counted from frame 0. */
function due(kind: FrameKind, n: number): number {
  return Math.round(n * (kind === 'audio' ? SOUND_MS : PICTURE_MS) * CLOCK_RATE_KHZ[kind]);
}

describe('frames of one source', () => {
  test('keep their timestamps', () => {
    const line = new SourceTimeline('video');
    for (let n = 0; n < 100; n++) {
      const frame = shifted(picture(n), 2 ** 32 - 90_000);
      expect(line.place(7, frame)).toBe(frame.timestamp);
    }
  });

  test('keep their timestamps when their capture times are not known', () => {
    const line = new SourceTimeline('video');
    for (const timestamp of [5, 3_005, 90_000_005, 6_005]) {
      expect(line.place(1, picture(0, { timestamp, capturedAt: null }))).toBe(timestamp);
    }
  });

  test('keep their distances though the capture times are told less exactly', () => {
    const line = new SourceTimeline('video');
    for (let n = 0; n < 100; n++) {
      const frame = picture(n);
      const capturedAt = (frame.capturedAt ?? 0) + ((n * 7) % 19);
      expect(line.place(1, { ...frame, capturedAt })).toBe(frame.timestamp);
    }
  });

  test('keep rising when an encoder hurries after its start, and the capture times with it', () => {
    const line = new SourceTimeline('video');
    // The first picture took 100 ms to encode; those that waited behind it come out in the same millisecond.
    const placed = [0, 1, 2, 3, 4, 5].map((n) =>
      line.place(1, picture(n, { capturedAt: CAPTURE_START + Math.max(100, Math.floor(n * PICTURE_MS)) })),
    );
    for (let n = 1; n < placed.length; n++) {
      expect(ahead(placed[n] ?? 0, placed[n - 1] ?? 0)).toBeGreaterThan(0);
    }
  });

  test('go on where they belong when their clock jumps', () => {
    const line = new SourceTimeline('video');
    const place = (n: number): number => line.place(1, shifted(picture(n), n < 50 ? 0 : 123_456_789));
    for (let n = 0; n < 50; n++) expect(place(n)).toBe(due('video', n));
    const jumped = place(50);
    expect(Math.abs(jumped - due('video', 50))).toBeLessThanOrEqual(ROUNDING_TICKS);
    // From there the offset is constant again.
    for (let n = 51; n < 100; n++) expect(place(n) - jumped).toBe(due('video', n) - due('video', 50));
  });

  test('go on where they belong after a long silence', () => {
    const line = new SourceTimeline('audio');
    line.place(1, sound(0));
    const anHour = (3_600 * 1_000) / SOUND_MS;
    expect(line.place(1, shifted(sound(anHour), 99_999))).toBe(due('audio', anHour));
  });
});

describe('frames of another source', () => {
  test('of pictures go on where those of the first were, to a millisecond, with a constant offset', () => {
    const line = new SourceTimeline('video');
    for (let n = 0; n < 10; n++) line.place(1, picture(n));
    const offsets = Array.from({ length: 50 }, (_, i) => {
      const n = 10 + i;
      return line.place(2, shifted(picture(n), 3_000_000_000)) - due('video', n);
    });
    expect(new Set(offsets).size).toBe(1);
    expect(Math.abs(offsets[0] ?? Infinity)).toBeLessThanOrEqual(ROUNDING_TICKS);
  });

  test('of sound go on exactly where those of the first were, on the grid of 2.5 ms', () => {
    const line = new SourceTimeline('audio');
    const captured = (n: number): Partial<TestFrame> => ({
      // Whole milliseconds, from a clock that begins somewhere between two of them.
      capturedAt: Math.floor(CAPTURE_START + 0.7 + n * 2.5),
      timestamp: n * 120,
    });
    for (let n = 0; n < 9; n++) line.place(1, sound(n, captured(n)));
    for (let n = 9; n < 100; n++) {
      expect(line.place(2, shifted(sound(n, captured(n)), 77_777))).toBe(n * 120);
    }
  });

  test('keep theirs when the sources take turns', () => {
    const line = new SourceTimeline('audio');
    for (let n = 0; n < 100; n++) {
      const source = n % 3;
      expect(line.place(source, shifted(sound(n), source * 1_000_001))).toBe(due('audio', n));
    }
  });

  test('that come later than newer ones of the first stand before them', () => {
    const line = new SourceTimeline('audio');
    line.place(1, sound(10));
    expect(line.place(2, shifted(sound(7), 5_000_000))).toBe(due('audio', 7));
    expect(line.place(1, sound(11))).toBe(due('audio', 11));
  });

  test('begin anew when the source is forgotten', () => {
    const line = new SourceTimeline('audio');
    line.place(1, sound(0));
    line.place(2, shifted(sound(1), 480));
    line.forget(2);
    expect(line.place(2, shifted(sound(2), 960))).toBe(due('audio', 2));
  });

  test('keep their timestamps when nothing tells where they belong', () => {
    const line = new SourceTimeline('video');
    line.place(1, picture(0));
    expect(line.place(2, picture(1, { timestamp: 42, capturedAt: null }))).toBe(42);
  });

  test('tell where they belong although they are copies that do not pass', () => {
    const line = new SourceTimeline('video');
    for (let n = 0; n < 10; n++) line.place(1, picture(n));
    expect(line.offsetOf(2)).toBeNull();
    // The copy of one that has passed long ago, and of one that is on its way.
    for (const n of [3, 10]) line.learn(2, shifted(picture(n), 3_000_000_000));
    const offset = line.offsetOf(2) ?? 0;
    const placed = (picture(20).timestamp + 3_000_000_000 + offset) >>> 0;
    expect(Math.abs(ahead(placed, due('video', 20)))).toBeLessThanOrEqual(ROUNDING_TICKS);
    expect(line.place(2, shifted(picture(20), 3_000_000_000))).toBe(placed);
  });
});

describe('the line', () => {
  const kinds = fc.constantFrom<FrameKind>('audio', 'video');
  const offset = fc.nat({ max: 2 ** 32 - 1 });
  /** Which source each frame comes from, how many are lost before it, and whether its source begins anew. */
  const step = fc.record({
    source: fc.nat({ max: 3 }),
    lost: fc.nat({ max: 3 }),
    jump: fc.option(fc.integer({ min: 90_000, max: 2 ** 31 }), { freq: 20 }),
  });

  test('rises, and stays true to the capture times, whichever source each frame comes from', () => {
    const offsetsOfSources = fc.tuple(offset, offset, offset, offset);
    fc.assert(
      fc.property(
        kinds,
        offsetsOfSources,
        fc.array(step, { minLength: 1, maxLength: 150 }),
        (kind, offsets, steps) => {
          const line = new SourceTimeline(kind);
          const jumps = [...offsets];
          let n = 0;
          let last: number | null = null;
          let start: number | null = null;
          let anchors = 0;
          for (const { source, lost, jump } of steps) {
            n += lost + 1;
            jumps[source] = (jumps[source] ?? 0) + (jump ?? 0);
            const frame = kind === 'audio' ? sound(n) : picture(n);
            const placed = line.place(source, shifted(frame, jumps[source]));
            start ??= (placed - due(kind, n)) >>> 0;
            anchors += jump === null ? 0 : 1;
            if (last !== null) expect(ahead(placed, last)).toBeGreaterThan(0);
            // Each anchor rounds to a millisecond: those of the four sources, and one for each jump.
            const most = kind === 'audio' ? 0 : (4 + anchors) * ROUNDING_TICKS;
            expect(Math.abs(ahead(placed, (start + due(kind, n)) >>> 0))).toBeLessThanOrEqual(most);
            last = placed;
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});
