import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  RTP_HEADER_BYTES,
  hasMarker,
  isRtcp,
  payloadTypeOf,
  rewriteRtp,
  sequenceDistance,
  sequenceOf,
  ssrcOf,
  stripRtp,
  timestampDistance,
  timestampOf,
} from '../../src/media/rtp-packet.ts';
import { rtp } from './rtp-builder.ts';

const FAULTS = ['rtp-short', 'rtp-version', 'rtp-header', 'rtp-padding'];

describe('stripRtp', () => {
  test('leaves a plain packet as it is', () => {
    const packet = rtp({ sequence: 7 });
    expect(stripRtp(packet)).toBe(packet);
  });

  test('takes sources, extension and padding away and keeps the rest', () => {
    const packet = rtp({
      sequence: 513,
      timestamp: 4_000_000_000,
      ssrc: 0xdeadbeef,
      marker: true,
      payloadType: 111,
      sources: [1, 2, 3],
      extension: Buffer.alloc(8, 9),
      payload: Buffer.from('payload'),
      padding: 5,
    });
    const stripped = stripRtp(packet);
    if (typeof stripped === 'string') throw new Error(stripped);
    expect(stripped[0]).toBe(0x80);
    expect(stripped.subarray(RTP_HEADER_BYTES).toString()).toBe('payload');
    expect(sequenceOf(stripped)).toBe(513);
    expect(timestampOf(stripped)).toBe(4_000_000_000);
    expect(ssrcOf(stripped)).toBe(0xdeadbeef);
    expect(payloadTypeOf(stripped)).toBe(111);
    expect(hasMarker(stripped)).toBe(true);
  });

  test('keeps a packet that holds padding only, as an empty one', () => {
    const stripped = stripRtp(rtp({ payload: Buffer.alloc(0), padding: 200 }));
    expect(stripped).toHaveLength(RTP_HEADER_BYTES);
  });

  test.each([
    ['rtp-short', Buffer.alloc(11, 0x80)],
    ['rtp-version', rtp().fill(0x40, 0, 1)],
    ['rtp-header', rtp({ sources: [1] }).fill(0x8f, 0, 1)],
    ['rtp-header', rtp({ extension: Buffer.alloc(4) }).fill(0xff, 14, 16)],
    ['rtp-header', rtp({ payload: Buffer.from([1, 2]) }).fill(0x90, 0, 1)],
    ['rtp-padding', rtp({ payload: Buffer.from([1, 2, 0]) }).fill(0xa0, 0, 1)],
    ['rtp-padding', rtp({ payload: Buffer.from([1, 2, 4]) }).fill(0xa0, 0, 1)],
  ])('refuses with %s', (fault, packet) => {
    expect(stripRtp(packet)).toBe(fault);
  });

  test('takes any bytes without throwing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const stripped = stripRtp(Buffer.from(bytes));
        const isWhole =
          typeof stripped !== 'string' &&
          stripped.length >= RTP_HEADER_BYTES &&
          stripped.length <= bytes.length &&
          stripped[0] === 0x80;
        expect(isWhole || (typeof stripped === 'string' && FAULTS.includes(stripped))).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test('gives back any payload behind any header', () => {
    fc.assert(
      fc.property(
        fc.record({
          sequence: fc.nat(0xffff),
          timestamp: fc.nat(0xffffffff),
          sources: fc.array(fc.nat(0xffffffff), { maxLength: 15 }),
          payload: fc.uint8Array({ maxLength: 100 }),
          padding: fc.nat(255),
        }),
        fc.option(fc.nat(20)),
        (fields, words) => {
          const extension = words === null ? {} : { extension: Buffer.alloc(words * 4, 3) };
          const stripped = stripRtp(rtp({ ...fields, ...extension }));
          if (typeof stripped === 'string') throw new Error(stripped);
          expect([...stripped.subarray(RTP_HEADER_BYTES)]).toEqual([...fields.payload]);
          expect(sequenceOf(stripped)).toBe(fields.sequence);
          expect(timestampOf(stripped)).toBe(fields.timestamp);
        },
      ),
    );
  });
});

test('rewriteRtp writes what the readers read', () => {
  fc.assert(
    fc.property(
      fc.nat(127),
      fc.boolean(),
      fc.nat(0xffff),
      fc.nat(0xffffffff),
      fc.nat(0xffffffff),
      (payloadType, marker, sequence, timestamp, ssrc) => {
        const packet = rtp();
        rewriteRtp(packet, { payloadType, ssrc }, marker, sequence, timestamp);
        expect(payloadTypeOf(packet)).toBe(payloadType);
        expect(hasMarker(packet)).toBe(marker);
        expect(sequenceOf(packet)).toBe(sequence);
        expect(timestampOf(packet)).toBe(timestamp);
        expect(ssrcOf(packet)).toBe(ssrc);
      },
    ),
  );
});

test('distances go the short way round', () => {
  expect(sequenceDistance(65_535, 1)).toBe(2);
  expect(sequenceDistance(1, 65_535)).toBe(-2);
  expect(timestampDistance(2 ** 32 - 10, 10)).toBe(20);
  expect(timestampDistance(10, 2 ** 32 - 10)).toBe(-20);
});

test('RTCP is told from RTP by its type', () => {
  expect(isRtcp(rtp({ payloadType: 111, marker: true }))).toBe(false);
  expect(isRtcp(Buffer.from([0x80, 200, 0, 0]))).toBe(true);
  expect(isRtcp(Buffer.alloc(0))).toBe(false);
});
