import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  RTCP,
  isFullIntraRequestFor,
  laterReport,
  readMediaSource,
  readNack,
  readReportBlock,
  readSenderReport,
  rtcpBlockLength,
  rtcpCountOf,
  rtcpTypeOf,
} from '../../src/media/rtcp-packet.ts';
import type { ReportBlock } from '../../src/media/rtcp-packet.ts';
import {
  writeFullIntraRequest,
  writeNack,
  writePictureLoss,
  writeReceiverReport,
  writeRemb,
  writeSenderReport,
} from '../../src/media/rtcp-writer.ts';
import { readRemb } from './remb.ts';

const BLOCK: ReportBlock = {
  ssrc: 77,
  fractionLost: 0.25,
  lost: 1234,
  highestSequence: 70_000,
  jitter: 42,
  lastReport: 0x12345678,
  sinceLastReport: 65_536,
};

function blocksOf(packet: Buffer): { type: number; count: number; at: number; length: number }[] {
  const blocks = [];
  for (let at = 0; at < packet.length;) {
    const length = rtcpBlockLength(packet, at);
    if (length === 0) return [];
    blocks.push({ type: rtcpTypeOf(packet, at), count: rtcpCountOf(packet, at), at, length });
    at += length;
  }
  return blocks;
}

test('a sender report travels with the canonical name', () => {
  const info = {
    ntpSeconds: 3_900_000_000,
    ntpFraction: 0x80000000,
    timestamp: 90_000,
    packets: 5,
    octets: 600,
  };
  const packet = writeSenderReport(99, info, 'casto-name');
  const [report, description, ...rest] = blocksOf(packet);
  expect(rest).toEqual([]);
  expect(report).toMatchObject({ type: RTCP.senderReport, length: 28 });
  expect(description).toMatchObject({ type: RTCP.description, count: 1 });
  expect(packet.toString('latin1')).toContain('casto-name');
  expect(readSenderReport(packet, 0, 28, 12)).toEqual({
    ssrc: 99,
    ntpSeconds: 3_900_000_000,
    ntpFraction: 0x80000000,
    ntpMiddle: (((3_900_000_000 & 0xffff) << 16) | 0x8000) >>> 0,
    timestamp: 90_000,
    arrivedAt: 12,
  });
});

test('a description always ends in zero bytes and fills words', () => {
  for (let length = 0; length < 12; length += 1) {
    const [, description] = blocksOf(writeReceiverReport(1, [], 'x'.repeat(length)));
    expect(description?.length).toBe(Math.ceil((10 + length + 1) / 4) * 4);
  }
  expect(blocksOf(writeReceiverReport(1, [], 'x'.repeat(1000)))).toHaveLength(2);
});

test('report blocks are found by their stream', () => {
  const packet = writeReceiverReport(1, [{ ...BLOCK, ssrc: 5 }, BLOCK], 'me');
  const [report] = blocksOf(packet);
  expect(readReportBlock(packet, 0, report?.length ?? 0, 77)).toEqual(BLOCK);
  expect(readReportBlock(packet, 0, report?.length ?? 0, 78)).toBe(null);
  expect(readReportBlock(packet, 0, 40, 77)).toBe(null);
});

test('a later report lies on the same line', () => {
  const info = { ntpSeconds: 100, ntpFraction: 0xf0000000, timestamp: 2 ** 32 - 1, packets: 0, octets: 0 };
  const report = readSenderReport(writeSenderReport(1, info, ''), 0, 28, 1000);
  if (report === null) throw new Error('no report');
  const later = laterReport(report, 1500, 90_000);
  expect(later.ntpSeconds).toBe(102);
  expect(later.ntpFraction / 2 ** 32).toBeCloseTo(0xf0000000 / 2 ** 32 - 0.5, 6);
  expect(later.timestamp).toBe(135_000 - 1);
  expect(later.arrivedAt).toBe(2500);
});

test('NACKs name any sequences, in few bytes', () => {
  fc.assert(
    fc.property(
      fc.nat(0xffff),
      fc.uniqueArray(fc.nat(300), { minLength: 1, maxLength: 60 }),
      (first, offsets) => {
        const sequences = offsets.toSorted((a, b) => a - b).map((offset) => 65_536 + first + offset);
        const packet = writeNack(1, 77, sequences);
        const read: number[] = [];
        readNack(packet, 0, packet.length, read, 1000);
        expect(read).toEqual(sequences.map((sequence) => sequence & 0xffff));
        expect(readMediaSource(packet, 0, packet.length)).toBe(77);
        expect(packet.length).toBeLessThanOrEqual(12 + 4 * sequences.length);
      },
    ),
  );
  const dense = writeNack(
    1,
    77,
    Array.from({ length: 17 }, (_, index) => index),
  );
  expect(dense).toHaveLength(16);
});

test('a NACK that asks for more than the limit is read up to it', () => {
  const packet = writeNack(
    1,
    77,
    Array.from({ length: 200 }, (_, index) => index),
  );
  const read: number[] = [];
  readNack(packet, 0, packet.length, read, 20);
  expect(read).toHaveLength(20);
});

test('requests for key frames name their stream', () => {
  const loss = writePictureLoss(1, 77);
  expect(readMediaSource(loss, 0, loss.length)).toBe(77);
  const request = writeFullIntraRequest(1, 77, 300);
  expect(isFullIntraRequestFor(request, 0, request.length, 77)).toBe(true);
  expect(isFullIntraRequestFor(request, 0, request.length, 78)).toBe(false);
  expect(isFullIntraRequestFor(request, 0, 12, 77)).toBe(false);
});

test('an estimate survives with 18 bits of precision', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 40 }), (bitrate) => {
      const packet = writeRemb(1, bitrate, [7, 8]);
      const read = readRemb(packet) ?? -1;
      expect(read).toBeLessThanOrEqual(bitrate);
      expect(read).toBeGreaterThanOrEqual(bitrate * (1 - 2 ** -16) - 1);
    }),
  );
});

test('any bytes are walked and read within their bounds', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), (raw) => {
      const packet = Buffer.from(raw);
      for (let at = 0, length = 0; at < packet.length; at += length) {
        length = rtcpBlockLength(packet, at);
        if (length === 0) return;
        expect(at + length).toBeLessThanOrEqual(packet.length);
        readSenderReport(packet, at, length, 0);
        readReportBlock(packet, at, length, 1);
        readMediaSource(packet, at, length);
        readNack(packet, at, length, [], 100);
        isFullIntraRequestFor(packet, at, length, 1);
      }
    }),
    { numRuns: 3000 },
  );
});

test('a valid block with a wrong length field is refused', () => {
  const packet = writePictureLoss(1, 2);
  packet.writeUInt16BE(3, 2);
  expect(rtcpBlockLength(packet, 0)).toBe(0);
  expect(rtcpBlockLength(packet, 10)).toBe(0);
});
