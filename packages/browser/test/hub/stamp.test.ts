import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { splitPadding, splitTrailer } from '@casto/core';
import { CLOCK_RATE_KHZ } from '../../src/hub/hub-frame.ts';
import { Stamper } from '../../src/hub/stamp.ts';
import { CAPTURE_START as START, encodedFrame, L1T3_LINKED, PICTURE_MS, pictures, needs } from './frames.ts';

const VIDEO = { kind: 'video', layer: 1, epoch: 1_700_000_000 } as const;
const AUDIO = { kind: 'audio', layer: 0, epoch: 1_700_000_000 } as const;
const PACKET = Uint8Array.of(0x78, 1, 2, 3);
const PACKET_OF_TWO = Uint8Array.of(0x79, 1, 2, 3);

/** The mask that a frame gets of which an encoder tells this. */
function references(fields: {
  type: 'key' | 'delta';
  metadata?: RTCEncodedVideoFrameMetadata;
}): number | undefined {
  return new Stamper(VIDEO).stamp(encodedFrame(fields), START)?.references;
}

function delta(
  frameId: number,
  ...backs: number[]
): { type: 'delta'; metadata: RTCEncodedVideoFrameMetadata } {
  return { type: 'delta', metadata: { frameId, dependencies: backs.map((back) => frameId - back) } };
}

/** Capture times, less `START`, of pictures that leave the encoder so long after they were captured. */
function captureTimes(stamper: Stamper, delays: readonly number[], first = 0): number[] {
  return delays.map((delayMs, i) => {
    const ms = (first + i) * PICTURE_MS;
    const timestamp = Math.round(ms * CLOCK_RATE_KHZ.video + 2 ** 32 - 300_000) >>> 0;
    const trailer = stamper.stamp(encodedFrame({ type: 'delta', timestamp }), START + ms + delayMs);
    return (trailer?.capturedAt ?? Number.NaN) - START;
  });
}

describe('a stamped frame', () => {
  test('[T1.1] carries its trailer behind a picture', () => {
    const frame = encodedFrame({ type: 'key', data: Uint8Array.of(9, 8, 7) });
    const trailer = new Stamper(VIDEO).stamp(frame, START);
    expect(trailer).toEqual({
      epoch: VIDEO.epoch,
      sequence: 0,
      capturedAt: START,
      layer: 1,
      temporalLayer: 0,
      references: 0,
      signature: null,
    });
    const split = splitTrailer(new Uint8Array(frame.data));
    expect(split).toEqual({ frame: Uint8Array.of(9, 8, 7), trailer });
  });

  test('[T4.1] carries its trailer as padding of sound', () => {
    const frame = encodedFrame({ data: PACKET });
    const trailer = new Stamper(AUDIO).stamp(frame, START);
    expect(trailer).toMatchObject({ references: 0, layer: 0, temporalLayer: 0 });
    expect(splitPadding(new Uint8Array(frame.data))).toEqual({ frame: PACKET, trailer });
  });

  test('[T4.2] stays as it is when it holds several frames of sound, and takes no number', () => {
    const stamper = new Stamper(AUDIO);
    const frame = encodedFrame({ data: PACKET_OF_TWO });
    expect(stamper.stamp(frame, START)).toBeNull();
    expect(new Uint8Array(frame.data)).toEqual(PACKET_OF_TWO);
    expect(stamper.stamp(encodedFrame({ data: PACKET }), START)?.sequence).toBe(0);
  });

  test('has the number after that of the one before it', () => {
    const stamper = new Stamper(VIDEO);
    const numbers = [0, 1, 2].map(() => stamper.stamp(encodedFrame({ type: 'delta' }), START)?.sequence);
    expect(numbers).toEqual([0, 1, 2]);
  });

  test('tells its temporal layer', () => {
    const frame = encodedFrame({ ...delta(7, 1), metadata: { ...delta(7, 1).metadata, temporalIndex: 2 } });
    expect(new Stamper(VIDEO).stamp(frame, START)?.temporalLayer).toBe(2);
  });
});

describe('[T1.3] the references', () => {
  test('of a key frame are none', () => {
    expect(references({ type: 'key', metadata: { frameId: 9, dependencies: [] } })).toBe(0);
  });

  test('are those that the encoder tells', () => {
    const backs = fc.uniqueArray(fc.integer({ min: 1, max: 4 }), { minLength: 1 });
    fc.assert(
      fc.property(fc.integer({ min: 4, max: 100_000 }), backs, (frameId, backs) => {
        const mask = backs.reduce((sum, back) => sum | (1 << (back - 1)), 0);
        expect(references(delta(frameId, ...backs))).toBe(mask);
      }),
      { numRuns: 100 },
    );
  });

  test('of an encoder that does not tell them are the frame before', () => {
    expect(references({ type: 'delta' })).toBe(0b1);
    expect(references({ type: 'delta', metadata: { frameId: 9 } })).toBe(0b1);
    expect(references({ type: 'delta', metadata: { dependencies: [8] } })).toBe(0b1);
    expect(references(delta(9))).toBe(0b1);
  });

  test('that reach further back than the mask, or make no sense, are the frame before', () => {
    expect(references(delta(9, 5))).toBe(0b1);
    expect(references(delta(9, 1, 7))).toBe(0b1);
    expect(references(delta(9, 0))).toBe(0b1);
    expect(references(delta(9, -1))).toBe(0b1);
  });

  test('of libvpx and three temporal layers name the frames by their numbers', () => {
    const stamper = new Stamper(VIDEO);
    for (const frame of pictures(L1T3_LINKED, 17)) {
      const { sequence, isKey, temporalLayer } = frame;
      const metadata = {
        frameId: 500 + sequence,
        dependencies: needs(frame).map((needed) => 500 + needed),
        temporalIndex: temporalLayer,
      };
      const trailer = stamper.stamp(encodedFrame({ type: isKey ? 'key' : 'delta', metadata }), START);
      expect(trailer).toMatchObject({ sequence, temporalLayer, references: frame.references });
    }
  });

  test('that are not known leave the picture in the base, because others may need it', () => {
    const frame = encodedFrame({ type: 'delta', metadata: { temporalIndex: 2 } });
    expect(new Stamper(VIDEO).stamp(frame, START)).toMatchObject({ references: 0b1, temporalLayer: 0 });
  });
});

describe('the capture time', () => {
  test('does not depend on how long a busy encoder took', () => {
    const delays = fc.array(fc.nat({ max: 500 }), { minLength: 1, maxLength: 120 });
    fc.assert(
      fc.property(delays, (delays) => {
        const times = captureTimes(new Stamper(VIDEO), [20, ...delays.map((delayMs) => 20 + delayMs)]);
        for (const [n, ms] of times.entries()) expect(Math.abs(ms - (20 + n * PICTURE_MS))).toBeLessThan(0.1);
      }),
      { numRuns: 50 },
    );
  });

  test('never is later than the frame left the encoder', () => {
    const delays = fc.array(fc.nat({ max: 500 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(delays, (delays) => {
        const times = captureTimes(new Stamper(VIDEO), delays);
        for (const [n, ms] of times.entries()) {
          expect(ms).toBeLessThanOrEqual(n * PICTURE_MS + (delays[n] ?? 0) + 0.1);
        }
      }),
      { numRuns: 50 },
    );
  });

  test('of sound goes by its own clock', () => {
    const stamper = new Stamper(AUDIO);
    const times = [0, 5, 0, 9].map((delayMs, n) => {
      const frame = encodedFrame({ data: PACKET, timestamp: n * 960 });
      return stamper.stamp(frame, START + n * 20 + delayMs)?.capturedAt;
    });
    expect(times).toEqual([START, START + 20, START + 40, START + 60]);
  });

  test('follows a media clock that drifts from the wall clock', () => {
    const stamper = new Stamper(VIDEO);
    let late = 0;
    for (let n = 0; n < 30 * 120; n++) {
      const ms = n * PICTURE_MS;
      const timestamp = Math.round(ms * CLOCK_RATE_KHZ.video * (1 - 1e-4)) >>> 0;
      const trailer = stamper.stamp(encodedFrame({ type: 'delta', timestamp }), START + ms);
      late = Math.abs((trailer?.capturedAt ?? 0) - START - ms);
    }
    // What drifts in the window in which the clock is measured.
    expect(late).toBeLessThan(1.5);
  });
});

describe('another encoder', () => {
  test('goes on with the numbers, and has a clock of its own', () => {
    const stamper = new Stamper(VIDEO);
    captureTimes(stamper, [0, 0, 0]);
    stamper.changeEncoder();
    const frame = encodedFrame({ type: 'key', timestamp: 12_345 });
    expect(stamper.stamp(frame, START + 150)).toMatchObject({ sequence: 3, capturedAt: START + 150 });
    const next = encodedFrame({ type: 'delta', timestamp: 12_345 + 3_000 });
    const after = stamper.stamp(next, START + 250);
    expect(after?.sequence).toBe(4);
    expect(after?.capturedAt).toBeCloseTo(START + 150 + PICTURE_MS, 1);
  });
});
