import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { appendTrailer, encodeTrailer, splitTrailer, type FrameTrailer } from '../src/frame-trailer.ts';
import { frames, joined, trailers, writtenTrailer } from './trailer-samples.ts';

const unsigned: FrameTrailer = {
  epoch: 1_700_000_000,
  sequence: 42,
  capturedAt: 1_700_000_000_123,
  layer: 1,
  temporalLayer: 2,
  references: 5,
  signature: null,
};
const signed: FrameTrailer = { ...unsigned, signature: Uint8Array.from({ length: 64 }, (_, i) => i * 5) };
const FRAME = Uint8Array.from([0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a]);

/** Where `00 00 01` or `00 00 03` begins, which mean something in H264 (ITU-T H.264, annex B and 7.4.1). */
function reservedPlaces(bytes: Uint8Array): number[] {
  return [...bytes.keys()].filter(
    (i) => bytes[i] === 0 && bytes[i + 1] === 0 && (bytes[i + 2] === 1 || bytes[i + 2] === 3),
  );
}

/** The bytes, taken apart and put together again if there is a trailer. */
function rejoined(bytes: Uint8Array): Uint8Array {
  const split = splitTrailer(bytes);
  return split === null ? bytes : appendTrailer(split.frame, split.trailer);
}

describe('layout', () => {
  test('[T1.1, T2.1] is that of the tables, for any content', () => {
    fc.assert(
      fc.property(frames, trailers, (frame, trailer) => {
        expect(encodeTrailer(trailer)).toEqual(writtenTrailer(trailer));
        expect(appendTrailer(frame, trailer)).toEqual(joined(frame, writtenTrailer(trailer)));
      }),
    );
  });

  test('[T1.1] of one trailer, byte by byte', () => {
    const hex = [...encodeTrailer(unsigned)].map((byte) => byte.toString(16)).join(' ');
    expect(hex).toBe('88 99 aa bf 88 80 80 80 80 8a c0 98 de bf ca e8 bd d9 a0 93 c4 d3');
  });

  test('[T1.1] takes 22 bytes, 95 with a signature', () => {
    expect(encodeTrailer(unsigned)).toHaveLength(19 + 3);
    expect(encodeTrailer(signed)).toHaveLength(92 + 3);
  });

  test('[T1.3] tells the four frames before, each by its bit', () => {
    for (let references = 0; references < 16; references++) {
      const read = splitTrailer(encodeTrailer({ ...unsigned, references }))?.trailer;
      expect(read).toEqual({ ...unsigned, references });
    }
  });

  test('[T1.1] a sequence wraps at 2^32, and a capture time is rounded down', () => {
    const trailer = { ...unsigned, sequence: 2 ** 32 + 5, capturedAt: 1_700_000_000_123.9 };
    expect(splitTrailer(encodeTrailer(trailer))?.trailer).toEqual({ ...unsigned, sequence: 5 });
  });
});

describe('escaping', () => {
  test('[T2.1, T2.2] sets the high bit of every byte', () => {
    fc.assert(
      fc.property(trailers, (trailer) => {
        expect(Math.min(...encodeTrailer(trailer))).toBeGreaterThanOrEqual(0x80);
      }),
    );
  });

  test('[T2.2] adds no start code and no escape, whatever the frame ends in', () => {
    fc.assert(
      fc.property(frames, trailers, (frame, trailer) => {
        expect(reservedPlaces(appendTrailer(frame, trailer))).toEqual(reservedPlaces(frame));
      }),
    );
    for (const ending of [[0], [0, 0], [0, 0, 0], [0, 0, 1], [0, 0, 3]]) {
      const frame = Uint8Array.from([9, ...ending]);
      expect(reservedPlaces(appendTrailer(frame, signed))).toEqual(reservedPlaces(frame));
    }
  });
});

describe('splitting', () => {
  test('[T3.1] gives the frame and its trailer', () => {
    fc.assert(
      fc.property(frames, trailers, (frame, trailer) => {
        expect(splitTrailer(appendTrailer(frame, trailer))).toEqual({ frame, trailer });
      }),
    );
  });

  test('[T3.1] takes off one trailer at a time', () => {
    const twice = appendTrailer(appendTrailer(FRAME, signed), unsigned);
    const once = splitTrailer(twice);
    expect(once).toEqual({ frame: appendTrailer(FRAME, signed), trailer: unsigned });
    expect(once && splitTrailer(once.frame)).toEqual({ frame: FRAME, trailer: signed });
  });

  test('[T3.1] does not see a trailer in a frame that has none', () => {
    fc.assert(
      fc.property(frames, (frame) => {
        expect(splitTrailer(frame)).toBeNull();
      }),
      { numRuns: 2_000 },
    );
  });

  test('[T3.1] does not see a trailer in one that is cut', () => {
    for (const trailer of [unsigned, signed]) {
      const whole = appendTrailer(FRAME, trailer);
      const alone = encodeTrailer(trailer);
      for (let missing = 1; missing <= alone.length; missing++) {
        expect(splitTrailer(whole.subarray(0, whole.length - missing))).toBeNull();
        expect(splitTrailer(alone.subarray(missing))).toBeNull();
      }
    }
  });

  test.each<[string, (bytes: Uint8Array) => void]>([
    ['another magic', (bytes) => bytes.fill(0xd4, -1)],
    ['a length byte without its high bit', (bytes) => bytes.fill(19, -3, -2)],
    ['another length', (bytes) => bytes.fill(0x80 + 20, -3, -2)],
    ['a length that reaches beyond the frame', (bytes) => bytes.fill(0xff, -3, -2)],
    ['a length that reaches around the frame', (bytes) => bytes.fill(0x80 + 19 + bytes.length, -3, -2)],
    ['a byte without its high bit', (bytes) => bytes.fill(0x12, -10, -9)],
    ['version 2', (bytes) => bytes.fill(0x90, -22, -21)],
    ['version 0', (bytes) => bytes.fill(0x80, -22, -21)],
    ['a flag that is not known', (bytes) => bytes.fill(0x89, -22, -21)],
    ['a signature that is not there', (bytes) => bytes.fill(0xc0, -21, -20)],
    ['filling that is not zero', (bytes) => bytes.set([(bytes.at(-4) ?? 0) | 1], bytes.length - 4)],
  ])('[T3.1] does not see a trailer with %s', (_, damage) => {
    const bytes = appendTrailer(FRAME, unsigned);
    expect(splitTrailer(bytes)).not.toBeNull();
    damage(bytes);
    expect(splitTrailer(bytes)).toBeNull();
  });

  test('[T3.1, T3.2] never fails, and joins again to the same bytes', () => {
    const lookalikes = fc
      .tuple(frames, fc.array(fc.integer({ min: 0x80, max: 0xff }), { maxLength: 100 }), fc.nat({ max: 255 }))
      .map(([frame, escaped, length]) => Uint8Array.from([...frame, ...escaped, length, 0xc4, 0xd3]));
    const damaged = fc
      .tuple(frames, trailers, fc.nat({ max: 94 }), fc.nat({ max: 7 }))
      .map(([frame, trailer, fromEnd, bit]) => {
        const bytes = appendTrailer(frame, trailer);
        const at = Math.max(0, bytes.length - 1 - fromEnd);
        return bytes.map((byte, i) => (i === at ? byte ^ (1 << bit) : byte));
      });
    fc.assert(
      fc.property(fc.oneof(lookalikes, damaged), (bytes) => {
        expect(rejoined(bytes)).toEqual(bytes);
      }),
      { numRuns: 3_000 },
    );
  });

  test('[T3.2] two trailers that differ are different bytes', () => {
    fc.assert(
      fc.property(trailers, trailers, (a, b) => {
        const [first, second] = [encodeTrailer(a), encodeTrailer(b)];
        expect(first.join() === second.join()).toBe(
          JSON.stringify(splitTrailer(first)) === JSON.stringify(splitTrailer(second)),
        );
      }),
    );
  });

  test('[T3.2] gives the frame in place, and a signature of its own', () => {
    const bytes = appendTrailer(FRAME, signed);
    const split = splitTrailer(bytes);
    expect(split?.frame.buffer).toBe(bytes.buffer);
    bytes.fill(0);
    expect(split?.trailer.signature).toEqual(signed.signature);
  });
});

describe('a decoder that knows nothing of trailers', () => {
  /** NAL units of an H264 frame, as a decoder finds them by start codes (ITU-T H.264, annex B). */
  function nalUnits(bytes: Uint8Array): number[][] {
    const codes = [...bytes.keys()].filter((i) => bytes[i] === 0 && bytes[i + 1] === 0 && bytes[i + 2] === 1);
    return codes.map((code, i) => {
      const unit = [...bytes.subarray(code + 3, codes[i + 1])];
      while (unit.at(-1) === 0) unit.pop();
      return unit;
    });
  }

  test('[T5.1] finds the same H264 units, with the trailer behind the last', () => {
    const payload = fc.array(fc.integer({ min: 4, max: 255 }), { minLength: 2, maxLength: 30 });
    fc.assert(
      fc.property(fc.array(payload, { minLength: 1, maxLength: 6 }), trailers, (units, trailer) => {
        const frame = Uint8Array.from(units.flatMap((unit) => [0, 0, 0, 1, ...unit]));
        const found = nalUnits(appendTrailer(frame, trailer));
        expect(found.slice(0, -1)).toEqual(units.slice(0, -1));
        expect(found.at(-1)).toEqual([...(units.at(-1) ?? []), ...encodeTrailer(trailer)]);
      }),
    );
  });
});
