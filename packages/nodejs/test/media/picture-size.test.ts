/** The size of the picture that a key frame tells. */

import { expect, test } from 'vitest';
import { pixelsOf } from '../../src/media/picture-size.ts';
import { rtp, vp8 } from './rtp-builder.ts';

function packetOf(payload: Uint8Array): { bytes: Buffer } {
  return { bytes: rtp({ payload }) };
}

function vp8KeyFrame(width: number, height: number): Buffer {
  const body = Buffer.from([0, 0, 0x9d, 0x01, 0x2a, 0, 0, 0, 0, 1, 2, 3]);
  // The upper two bits tell how to scale, which is none of a size.
  body.writeUInt16LE(width | 0x4000, 5);
  body.writeUInt16LE(height | 0x8000, 7);
  return vp8({ key: true, start: true, body });
}

test('VP8 tells width and height', () => {
  expect(pixelsOf('vp8', packetOf(vp8KeyFrame(640, 360)))).toBe(640 * 360);
  expect(pixelsOf('vp8', packetOf(vp8KeyFrame(0, 0)))).toBeNull();
  expect(pixelsOf('vp8', packetOf(vp8({ key: true })))).toBeNull();
  expect(pixelsOf('vp8', packetOf(Buffer.from([0x10])))).toBeNull();
});

/** Sequence parameters of constrained baseline: 1280 x 720, and less. */
const LARGE = Buffer.from('6742c01fda014016e840000003004000000c03c60ca8', 'hex');
const SMALL = Buffer.from('6742c00dda0507e84000000300400000', 'hex');

test('H264 tells macroblocks, alone and in an aggregate', () => {
  const unit = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from([0, bytes.length]), bytes]);
  const aggregate = (sps: Buffer): Buffer =>
    Buffer.concat([
      Buffer.from([0x78]),
      unit(Buffer.from([9, 0x10])),
      unit(sps),
      unit(Buffer.from([0x68, 1])),
    ]);
  expect(pixelsOf('h264', packetOf(LARGE))).toBe(1280 * 720);
  expect(pixelsOf('h264', packetOf(aggregate(LARGE)))).toBe(1280 * 720);
  expect(pixelsOf('h264', packetOf(SMALL))).toBeLessThan(1280 * 720);
});

test('where nothing tells, nothing is told', () => {
  expect(pixelsOf('h264', packetOf(Buffer.from([0x65, 1, 2])))).toBeNull();
  expect(pixelsOf('h264', packetOf(LARGE.subarray(0, 5)))).toBeNull();
  // The high profile has more fields before its size.
  expect(pixelsOf('h264', packetOf(Buffer.concat([Buffer.from([0x67, 100]), LARGE.subarray(2)])))).toBeNull();
  expect(pixelsOf('opus', packetOf(LARGE))).toBeNull();
});
