import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readH264 } from '../../src/media/h264-payload.ts';
import { readVp8, writeVp8 } from '../../src/media/vp8-descriptor.ts';
import type { Vp8Numbers } from '../../src/media/vp8-descriptor.ts';
import { readNumbers, rtp, vp8 } from './rtp-builder.ts';

function emptyNumbers(): Vp8Numbers {
  return {
    pictureIdMask: 0,
    pictureIdAt: 0,
    pictureId: 0,
    tl0At: 0,
    tl0: 0,
    temporalLayer: 0,
    isLayerSync: true,
  };
}

describe('VP8', () => {
  test('a key frame starts in the first packet of its first partition only', () => {
    const into = emptyNumbers();
    expect(readVp8(rtp({ payload: vp8({ key: true }) }), into)).toBe(true);
    expect(readVp8(rtp({ payload: vp8({ key: true, start: false }) }), into)).toBe(false);
    expect(readVp8(rtp({ payload: vp8({ key: false }) }), into)).toBe(false);
    // Partition 1 starts here, not the frame.
    expect(readVp8(rtp({ payload: Buffer.from([0x11, 0x00]) }), into)).toBe(false);
    // No extension: the payload follows at once.
    expect(readVp8(rtp({ payload: Buffer.from([0x10, 0x00]) }), into)).toBe(true);
    expect(into.pictureIdMask).toBe(0);
  });

  test('picture numbers are read, and written back in the width they have', () => {
    fc.assert(
      fc.property(
        fc.nat(0x7fff),
        fc.nat(255),
        fc.nat(0x7fff),
        fc.nat(255),
        (pictureId, tl0, newId, newTl0) => {
          const packet = rtp({ payload: vp8({ pictureId, tl0 }) });
          const before = Buffer.from(packet);
          const into = emptyNumbers();
          expect(readVp8(packet, into)).toBe(false);
          expect(into).toMatchObject({ pictureId, tl0 });
          writeVp8(packet, into, newId, newTl0);
          expect(readNumbers(packet)).toEqual({ pictureId: newId, tl0: newTl0 });
          expect(packet.subarray(17)).toEqual(before.subarray(17));
        },
      ),
    );
  });

  test('a short PictureID stays short', () => {
    const packet = rtp({ payload: Buffer.from([0x90, 0x80, 0x7f, 0x01, 0x55]) });
    const into = emptyNumbers();
    expect(readVp8(packet, into)).toBe(false);
    expect(into.pictureId).toBe(0x7f);
    writeVp8(packet, into, 0x1234, 0);
    expect([...packet.subarray(12)]).toEqual([0x90, 0x80, 0x34, 0x01, 0x55]);
  });

  test('a descriptor that is cut off is told apart, at every length', () => {
    const whole = rtp({ payload: vp8({ key: true, body: Buffer.alloc(0) }) });
    for (let length = 12; length < whole.length; length += 1) {
      expect(readVp8(whole.subarray(0, length), emptyNumbers())).toBe(null);
    }
    expect(readVp8(whole, emptyNumbers())).toBe(true);
  });

  test('any payload can be read and rewritten without leaving it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (payload) => {
        const packet = rtp({ payload });
        const into = emptyNumbers();
        if (readVp8(packet, into) === null) return;
        const { length } = packet;
        writeVp8(packet, into, 0x7fff, 255);
        expect(packet).toHaveLength(length);
        expect(readVp8(packet, emptyNumbers())).not.toBe(null);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('H264', () => {
  const read = (...payload: number[]): ReturnType<typeof readH264> =>
    readH264(rtp({ payload: Buffer.from(payload) }));

  test.each([
    ['a slice of its own', [0x41, 9], 'other'],
    ['an IDR slice of its own', [0x65, 9], 'idr'],
    ['parameters of their own', [0x67, 9], 'parameters'],
    ['the start of a fragmented IDR slice', [0x7c, 0x85, 9], 'idr'],
    ['a later fragment of an IDR slice', [0x7c, 0x05, 9], 'other'],
    ['an aggregate with parameters behind others', [0x78, 0, 1, 0x06, 0, 2, 0x67, 9], 'parameters'],
    ['an aggregate with an IDR slice', [0x78, 0, 2, 0x68, 9, 0, 1, 0x65], 'idr'],
    ['an aggregate without either', [0x78, 0, 1, 0x06], 'other'],
  ])('%s', (_name, payload, content) => {
    expect(read(...payload)).toBe(content);
  });

  test.each([
    ['nothing', []],
    ['a fragment without its header', [0x7c]],
    ['an aggregate with a length cut off', [0x78, 0]],
    ['an aggregate longer than its packet', [0x78, 0, 9, 0x67]],
    ['an aggregate with an empty unit', [0x78, 0, 0, 0x67]],
  ])('%s is cut off', (_name, payload) => {
    expect(read(...payload)).toBe(null);
  });

  test('any payload is read without throwing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (payload) => {
        const content = readH264(rtp({ payload: Buffer.concat([Buffer.from([0x78]), payload]) }));
        expect([null, 'parameters', 'idr', 'other']).toContain(content);
      }),
      { numRuns: 2000 },
    );
  });
});
