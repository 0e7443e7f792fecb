/** Trailers put behind frames, and taken away again, packet by packet. */

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeTrailer, splitTrailer, type FrameTrailer } from '@casto/core';
import { createPacketRing } from '../../src/media/packet-ring.ts';
import { hasMarker, RTP_HEADER_BYTES, rewriteRtp } from '../../src/media/rtp-packet.ts';
import { appendToPacket, MAX_PACKET_BYTES } from '../../src/whip/trailer-packets.ts';
import { stripTrailer, withoutTrailer } from '../../src/whip/trailer-stripper.ts';
import { rtp, vp8 } from '../media/rtp-builder.ts';

const TRAILER: FrameTrailer = {
  epoch: 1_700_000_000,
  sequence: 7,
  capturedAt: 1_700_000_000_123,
  layer: 0,
  temporalLayer: 0,
  references: 1,
  signature: null,
};
const TRAILER_BYTES = encodeTrailer(TRAILER).length;

const last = (payload: Uint8Array): Buffer => rtp({ payload, marker: true, sequence: 9 });
/** Without the end of a trailer, so that there is nothing else to take away. */
const body = (min: number, max: number) =>
  fc
    .uint8Array({ minLength: min, maxLength: max })
    .map((bytes) => Buffer.from(bytes.map((byte) => byte & 0x7f)));

const unit = (type: number) =>
  body(1, 600).map((bytes) => Buffer.concat([Buffer.from([0x60 | type]), bytes]));
const aggregate = fc.array(unit(1), { minLength: 1, maxLength: 4 }).map((units) => {
  const parts = units.flatMap((bytes) => {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(bytes.length);
    return [length, bytes];
  });
  return Buffer.concat([Buffer.from([0x78]), ...parts]);
});
const fragment = body(1, 1100).map((bytes) => Buffer.concat([Buffer.from([0x7c, 0x41]), bytes]));
const h264 = fc.oneof(unit(1), unit(5), fragment, aggregate).filter(({ length }) => length <= 1180);
const vp8Payload = fc
  .record({ key: fc.boolean(), start: fc.boolean(), pictureId: fc.nat(0x7fff), body: body(1, 1170) })
  .map((fields) => vp8(fields));

describe.each([
  ['vp8', vp8Payload],
  ['h264', h264],
] as const)('%s', (codec, payloads) => {
  test('a frame ends in its trailer, within the size of a packet, and the marker ends the frame', () => {
    fc.assert(
      fc.property(payloads, (payload) => {
        const packets = appendToPacket(codec, last(payload), TRAILER);
        expect(packets.map(hasMarker)).toEqual(packets.length === 1 ? [true] : [false, true]);
        for (const { length } of packets)
          expect(length).toBeLessThanOrEqual(Math.max(MAX_PACKET_BYTES, payload.length + 12));
        const end = packets.at(-1)?.subarray(RTP_HEADER_BYTES) ?? Buffer.alloc(0);
        expect(splitTrailer(end)?.trailer).toEqual(TRAILER);
      }),
    );
  });

  test('a player gets the packet as it was, and others their memory unchanged', () => {
    fc.assert(
      fc.property(payloads, (payload) => {
        const [first, second] = appendToPacket(codec, last(payload), TRAILER);
        if (first === undefined) throw new Error('no packet');
        const before = Buffer.from(first);
        const stripped = stripTrailer(codec, first);
        expect(stripped.subarray(RTP_HEADER_BYTES).equals(payload)).toBe(true);
        expect(first.equals(before)).toBe(true);
        if (second !== undefined) expect(stripTrailer(codec, second)).toBe(second);
      }),
    );
  });

  test('any bytes are looked at without failing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.boolean(), (payload, hasTrailer) => {
        const bytes = hasTrailer ? Buffer.concat([payload, encodeTrailer(TRAILER)]) : payload;
        expect(stripTrailer(codec, last(bytes)).length).toBeLessThanOrEqual(bytes.length + RTP_HEADER_BYTES);
        expect(appendToPacket(codec, last(payload), TRAILER).length).toBeGreaterThan(0);
      }),
    );
  });
});

test('a full packet of VP8 is followed by one of the same picture that starts nothing', () => {
  const full = last(vp8({ key: true, start: true, pictureId: 300, tl0: 4, body: Buffer.alloc(1175, 1) }));
  const [, extra] = appendToPacket('vp8', full, TRAILER);
  expect(extra?.length).toBe(RTP_HEADER_BYTES + 6 + TRAILER_BYTES);
  expect(extra?.subarray(RTP_HEADER_BYTES, RTP_HEADER_BYTES + 6)).toEqual(
    vp8({ start: false, pictureId: 300, tl0: 4 }).subarray(0, 6),
  );
});

test('a full packet of H264 is followed by filler data', () => {
  const full = last(Buffer.concat([Buffer.from([0x7c, 0x41]), Buffer.alloc(1180, 1)]));
  const [, extra] = appendToPacket('h264', full, TRAILER);
  expect(extra?.[RTP_HEADER_BYTES]).toBe(12);
});

test('sound is padded and comes back as it was; packets of several frames stay as they are', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (payload) => {
      const packet = last(payload);
      const [padded = packet] = appendToPacket('opus', packet, TRAILER);
      expect(padded === packet).toBe(((payload[0] ?? 0) & 0b11) !== 0);
      expect(stripTrailer('opus', padded).subarray(RTP_HEADER_BYTES).equals(Buffer.from(payload))).toBe(true);
    }),
  );
});

describe.each([
  ['vp8', vp8Payload],
  ['h264', h264],
  ['opus', body(1, 300).map((bytes) => Buffer.concat([Buffer.from([0xf8]), bytes]))],
] as const)('a packet of %s for many players', (codec, payloads) => {
  test('is stripped once, and sent to each with its own header', () => {
    fc.assert(
      fc.property(payloads, (payload) => {
        const [bytes = last(payload)] = appendToPacket(codec, last(payload), TRAILER);
        const ring = createPacketRing(4);
        const packet = ring.claim(9);
        if (packet === null) throw new Error('no packet');
        ring.keep(packet, bytes);
        const sent = [21, 22, 23].map((ssrc) => {
          rewriteRtp(packet.bytes, { payloadType: 100, ssrc }, hasMarker(bytes), ssrc + 1, ssrc + 2);
          const stripped = withoutTrailer(codec, packet);
          const marker = hasMarker(bytes);
          const header = { payloadType: 100, ssrc, marker, sequence: ssrc + 1, timestamp: ssrc + 2 };
          expect(stripped.equals(rtp({ ...header, payload }))).toBe(true);
          return stripped;
        });
        expect(new Set(sent).size).toBe(1);
      }),
    );
  });
});

test('a packet that takes the place of another in the memory is stripped anew', () => {
  const ring = createPacketRing(4);
  const payloads = [1, 2].map((fill) => Buffer.concat([Buffer.from([0xf8]), Buffer.alloc(20 * fill, fill)]));
  payloads.forEach((payload, index) => {
    const packet = ring.claim(4 * index);
    if (packet === null) throw new Error('no packet');
    const [bytes = last(payload)] = appendToPacket('opus', last(payload), TRAILER);
    ring.keep(packet, bytes);
    expect(withoutTrailer('opus', packet).subarray(RTP_HEADER_BYTES)).toEqual(payload);
  });
});
