/** Trailers and frames as tests draw them, and a writer of trailers that shares nothing with the core's. */

import * as fc from 'fast-check';
import type { FrameTrailer } from '../src/frame-trailer.ts';

export const trailers: fc.Arbitrary<FrameTrailer> = fc.record({
  epoch: fc.nat({ max: 0xffffffff }),
  sequence: fc.nat({ max: 0xffffffff }),
  capturedAt: fc.nat({ max: 2 ** 48 - 1 }),
  layer: fc.nat({ max: 3 }),
  temporalLayer: fc.nat({ max: 3 }),
  references: fc.nat({ max: 15 }),
  signature: fc.option(fc.uint8Array({ minLength: 64, maxLength: 64 })),
});

/** Bytes of which frames and their mishaps are made, start codes and our own magic among them. */
const tellingBytes = fc.constantFrom(0, 0, 0, 1, 3, 0x80, 0x88, 0x93, 0xc4, 0xd3, 0xdc, 0xff);

export const frames: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.array(tellingBytes, { maxLength: 120 }).map((bytes) => Uint8Array.from(bytes)),
);

/** The trailer as the tables of PROTOCOL.md describe it, put together from digits. */
export function writtenTrailer(trailer: FrameTrailer): Uint8Array {
  const bits = [
    digits(1, 4),
    digits(trailer.signature === null ? 0 : 1, 4),
    digits(trailer.epoch, 32),
    digits(trailer.sequence, 32),
    digits(trailer.capturedAt, 48),
    digits(trailer.layer, 2),
    digits(trailer.temporalLayer, 2),
    digits(trailer.references, 4),
    ...[...(trailer.signature ?? [])].map((byte) => digits(byte, 8)),
  ].join('');
  const groups = bits.match(/.{1,7}/g) ?? [];
  const escaped = groups.map((group) => Number.parseInt(`1${group.padEnd(7, '0')}`, 2));
  return Uint8Array.from([...escaped, 128 + escaped.length, 0xc4, 0xd3]);
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function digits(number: number, count: number): string {
  return number.toString(2).padStart(count, '0');
}
