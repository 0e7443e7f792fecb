import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_SNAPSHOT_BYTES, MAX_SNAPSHOT_SIDE } from '../src/config.ts';
import { MalformedError } from '../src/errors.ts';
import { isPeerId } from '../src/peer-id.ts';
import { readImageShape } from '../src/snapshot-image.ts';
import {
  decodeSignedSnapshot,
  encodeSignedSnapshot,
  encodeSnapshot,
  isNewerSnapshot,
  MAX_SIGNED_SNAPSHOT_BYTES,
  type Snapshot,
} from '../src/snapshot.ts';
import { peerIdOfKey } from './base58.ts';
import { cbor } from './codecs.ts';

const SIGNATURE = new Uint8Array(64).fill(9);
const text = (word: string): number[] => Array.from(word, (letter) => letter.charCodeAt(0));
const u16 = (value: number): number[] => [value >> 8, value & 255];
const u16le = (value: number): number[] => [value & 255, value >> 8];

/** A JPEG up to its frame header: APP0, a quantisation table, and a frame of the given kind. */
function jpeg(width: number, height: number, { frame = 0xc0, length = 0 } = {}): Uint8Array {
  const start = [0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xdb, 0, 3, 0xff];
  const header = [...start, 0xff, frame, 0, 17, 8, ...u16(height), ...u16(width), 3];
  return Uint8Array.from([...header, ...new Array<number>(Math.max(0, length - header.length)).fill(0)]);
}

function webp(kind: 'VP8 ' | 'VP8L' | 'VP8X', size: readonly number[], at: number): Uint8Array {
  const bytes = new Uint8Array(40);
  bytes.set([...text('RIFF'), 0, 0, 0, 0, ...text('WEBP'), ...text(kind)]);
  bytes.set(size, at);
  return bytes;
}

function snapshot(changes: Partial<Snapshot> = {}): Snapshot {
  const channel = peerIdOfKey(new Uint8Array(32).fill(4));
  if (!isPeerId(channel)) throw new Error('not an id');
  return { channel, epoch: 7, takenAt: 1_700_000_000_000, image: jpeg(320, 180), ...changes };
}

function sign(changes: Partial<Snapshot> = {}): Uint8Array {
  return encodeSignedSnapshot(encodeSnapshot(snapshot(changes)), SIGNATURE);
}

describe('a snapshot', () => {
  test('[V3.1] travels as a list in a signed list', () => {
    const content = cbor([...Object.values(snapshot()), 'a field of a later version']);
    const signed = decodeSignedSnapshot(cbor([content, SIGNATURE, 'and one of the container']));
    expect(signed).toEqual({ snapshot: snapshot(), type: 'image/jpeg', content, signature: SIGNATURE });
  });

  test('[V3.1] may be as large as its limits say', () => {
    const largest = {
      epoch: 0xffffffff,
      takenAt: 2 ** 53 - 1,
      image: jpeg(320, 320, { length: MAX_SNAPSHOT_BYTES }),
    };
    const signed = sign(largest);
    expect(signed.length).toBeLessThan(MAX_SIGNED_SNAPSHOT_BYTES);
    expect(decodeSignedSnapshot(signed).snapshot.image).toHaveLength(MAX_SNAPSHOT_BYTES);
    expect(() =>
      decodeSignedSnapshot(sign({ image: jpeg(1, 1, { length: MAX_SNAPSHOT_BYTES + 1 }) })),
    ).toThrow('(too-large)');
  });

  test('[V3.1] is refused when it is cut', () => {
    const whole = sign();
    for (let end = 0; end < whole.length; end++) {
      expect(() => decodeSignedSnapshot(whole.subarray(0, end))).toThrow(MalformedError);
    }
  });

  test('[V3.3] is a picture of at most 320 pixels on either side', () => {
    for (const [width, height] of [
      [MAX_SNAPSHOT_SIDE + 1, 1],
      [1, MAX_SNAPSHOT_SIDE + 1],
      [0, 1],
      [65_535, 65_535],
    ] as const) {
      expect(() => decodeSignedSnapshot(sign({ image: jpeg(width, height) }))).toThrow('(out-of-range)');
    }
    expect(decodeSignedSnapshot(sign({ image: jpeg(1, MAX_SNAPSHOT_SIDE) })).type).toBe('image/jpeg');
  });

  test.each([
    ['nothing', new Uint8Array()],
    ['SVG', Uint8Array.from(text('<svg xmlns="http://www.w3.org/2000/svg"/>'))],
    ['GIF', Uint8Array.from([...text('GIF89a'), ...new Array<number>(40).fill(1)])],
    [
      'a JPEG without a frame',
      Uint8Array.from([0xff, 0xd8, 0xff, 0xda, 0, 12, ...new Array<number>(20).fill(0)]),
    ],
    [
      'a JPEG with a segment of no length',
      Uint8Array.from([0xff, 0xd8, 0xff, 0xe0, ...new Array<number>(20).fill(0)]),
    ],
    ['what only goes on like a JPEG', jpeg(1, 1).with(1, 0xd9)],
    ['a RIFF of another kind', webp('VP8 ', [...u16le(1), ...u16le(1)], 26).with(11, 0x51)],
    ['a WebP in no RIFF', webp('VP8 ', [...u16le(1), ...u16le(1)], 26).with(0, 0x51)],
  ])('[V3.3] is not %s', (_, image) => {
    expect(() => decodeSignedSnapshot(sign({ image }))).toThrow('(wrong-shape)');
  });
});

describe('the size of a picture', () => {
  test.each([0xc0, 0xc1, 0xc2, 0xcf])('stands in the JPEG frame %i', (frame) => {
    expect(readImageShape(jpeg(300, 200, { frame }))).toEqual({
      type: 'image/jpeg',
      width: 300,
      height: 200,
    });
  });

  test('does not stand in tables whose markers lie between those of frames', () => {
    for (const frame of [0xc4, 0xc8, 0xcc]) expect(readImageShape(jpeg(300, 200, { frame }))).toBeNull();
  });

  test('stands in the first chunk of a WebP', () => {
    const shape = { type: 'image/webp', width: 300, height: 200 };
    expect(readImageShape(webp('VP8 ', [...u16le(300), ...u16le(200)], 26))).toEqual(shape);
    const packed = 299 | (199 << 14);
    const lossless = [packed & 255, (packed >> 8) & 255, (packed >> 16) & 255, packed >> 24];
    expect(readImageShape(webp('VP8L', lossless, 21))).toEqual(shape);
    expect(readImageShape(webp('VP8X', [...u16le(299), 0, ...u16le(199), 0], 24))).toEqual(shape);
    expect(readImageShape(webp('VP8X', [...u16le(299), 0], 24).subarray(0, 29))).toBeNull();
  });

  test('is read, or not, from any bytes behind any beginning', () => {
    const beginnings = fc.constantFrom([], [0xff, 0xd8], text('RIFF0000WEBPVP8 '), text('RIFF0000WEBPVP8X'));
    fc.assert(
      fc.property(beginnings, fc.uint8Array({ maxLength: 64 }), (beginning, rest) => {
        const shape = readImageShape(Uint8Array.from([...beginning, ...rest]));
        if (shape === null) return;
        expect(shape.width).toBeGreaterThanOrEqual(0);
        expect(shape.width).toBeLessThanOrEqual(2 ** 24);
      }),
    );
  });
});

test('[V4.1] the latest of the latest epoch counts, whatever the order of arrival', () => {
  const times = fc.record({ epoch: fc.nat({ max: 3 }), takenAt: fc.nat({ max: 5 }) });
  fc.assert(
    fc.property(fc.array(times, { minLength: 1 }), (arrived) => {
      let known: (typeof arrived)[number] | null = null;
      for (const one of arrived) if (isNewerSnapshot(one, known)) known = one;
      const [latest] = arrived.toSorted((a, b) => b.epoch - a.epoch || b.takenAt - a.takenAt);
      expect(known).toEqual(latest);
      expect(isNewerSnapshot(latest ?? { epoch: 0, takenAt: 0 }, known)).toBe(false);
    }),
  );
});
