import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeTrailer, type FrameTrailer } from '../src/frame-trailer.ts';
import { padWithTrailer, splitPadding } from '../src/opus-padding.ts';
import { parseOpusPacket } from './opus-packet.ts';
import { joined, trailers } from './trailer-samples.ts';

const UNSIGNED: FrameTrailer = {
  epoch: 1,
  sequence: 2,
  capturedAt: 3,
  layer: 0,
  temporalLayer: 0,
  references: 0,
  signature: null,
};

/** Configuration and channels: the upper six bits of the first byte. */
const modes = fc.nat({ max: 63 });
const contents = fc.oneof(
  fc.uint8Array({ maxLength: 400 }),
  fc.uint8Array({ minLength: 1_200, maxLength: 1_275, size: 'max' }),
);

/** Packets of one frame, as encoders of live sound make them; an empty frame is one left out by DTX. */
const singles = fc.tuple(modes, contents).map(([mode, frame]) => Uint8Array.from([mode << 2, ...frame]));

describe('a packet of one frame', () => {
  test('[T4.1] becomes one of code 3 with the trailer as its padding', () => {
    fc.assert(
      fc.property(singles, trailers, (packet, trailer) => {
        const plain = parseOpusPacket(packet);
        const padded = padWithTrailer(packet, trailer);
        if (padded === null) throw new Error('not padded');
        expect(parseOpusPacket(padded)).toEqual({
          mode: plain.mode,
          code: 3,
          frames: plain.frames,
          padding: encodeTrailer(trailer),
        });
      }),
    );
  });

  test('[T4.1] byte by byte', () => {
    fc.assert(
      fc.property(modes, contents, trailers, (mode, frame, trailer) => {
        const padding = encodeTrailer(trailer);
        const head = Uint8Array.from([(mode << 2) | 3, 0x41, padding.length]);
        const packet = Uint8Array.from([mode << 2, ...frame]);
        expect(padWithTrailer(packet, trailer)).toEqual(joined(head, frame, padding));
      }),
    );
  });

  test('[T4.3] comes back as it was', () => {
    fc.assert(
      fc.property(singles, trailers, (packet, trailer) => {
        const before = Uint8Array.from(packet);
        const padded = padWithTrailer(packet, trailer);
        expect(padded && splitPadding(padded)).toEqual({ frame: before, trailer });
        expect(packet).toEqual(before);
      }),
    );
  });

  test('[T5.1] keeps its sound for a decoder that skips padding', () => {
    fc.assert(
      fc.property(singles, trailers, (packet, trailer) => {
        const padded = padWithTrailer(packet, trailer);
        const { mode, frames } = parseOpusPacket(padded ?? new Uint8Array(0));
        expect({ mode, frames }).toEqual({
          mode: parseOpusPacket(packet).mode,
          frames: [packet.subarray(1)],
        });
      }),
    );
  });
});

describe('every other packet', () => {
  test('[T4.2] of several frames, or empty, stays as it is', () => {
    const several = fc
      .tuple(modes, fc.integer({ min: 1, max: 3 }), fc.uint8Array({ maxLength: 200 }))
      .map(([mode, code, body]) => Uint8Array.from([(mode << 2) | code, ...body]));
    fc.assert(
      fc.property(several, trailers, (packet, trailer) => {
        const before = Uint8Array.from(packet);
        expect(padWithTrailer(packet, trailer)).toBeNull();
        expect(packet).toEqual(before);
      }),
    );
    fc.assert(
      fc.property(trailers, (trailer) => {
        expect(padWithTrailer(new Uint8Array(0), trailer)).toBeNull();
      }),
    );
  });

  test('[T4.2] that carries a trailer gets no second one', () => {
    fc.assert(
      fc.property(singles, trailers, trailers, (packet, first, second) => {
        const padded = padWithTrailer(packet, first);
        expect(padded && padWithTrailer(padded, second)).toBeNull();
      }),
    );
  });

  test('[T4.3] without a trailer is not taken apart', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (packet) => {
        expect(splitPadding(packet)).toBeNull();
      }),
      { numRuns: 1_000 },
    );
  });

  test('[T4.3] with padding of another origin is not taken apart', () => {
    const paddings = fc.oneof(
      fc.uint8Array({ maxLength: 254 }),
      fc.nat({ max: 254 }).map((length) => new Uint8Array(length)),
    );
    fc.assert(
      fc.property(modes, contents, paddings, (mode, frame, padding) => {
        const head = Uint8Array.from([(mode << 2) | 3, 0x41, padding.length]);
        const packet = joined(head, frame, padding);
        expect(parseOpusPacket(packet).padding).toEqual(padding);
        expect(splitPadding(packet)).toBeNull();
      }),
    );
  });

  test('[T4.3] with more padding than a trailer is not taken apart', () => {
    fc.assert(
      fc.property(
        modes,
        contents,
        fc.uint8Array({ minLength: 1, maxLength: 20 }),
        trailers,
        (mode, frame, more, trailer) => {
          const padding = joined(more, encodeTrailer(trailer));
          const head = Uint8Array.from([(mode << 2) | 3, 0x41, padding.length]);
          expect(splitPadding(joined(head, frame, padding))).toBeNull();
        },
      ),
    );
  });

  test('[T4.3] that claims more padding than it has is not taken apart', () => {
    fc.assert(
      fc.property(singles, trailers, fc.nat({ max: 255 }), (packet, trailer, claimed) => {
        const padded = padWithTrailer(packet, trailer);
        if (padded === null) throw new Error('not padded');
        const [toc = 0, count = 0, length, ...rest] = padded;
        const split = splitPadding(Uint8Array.from([toc, count, claimed, ...rest]));
        expect(split === null).toBe(claimed !== length);
      }),
      { numRuns: 500 },
    );
    const around = joined(Uint8Array.from([3, 0x41, 200]), new Uint8Array(153), encodeTrailer(UNSIGNED));
    expect(around).toHaveLength(200 - encodeTrailer(UNSIGNED).length);
    expect(splitPadding(around)).toBeNull();
  });

  test('[T4.3] that is cut, or counts its frames otherwise, is not taken apart', () => {
    fc.assert(
      fc.property(singles, trailers, fc.nat({ max: 255 }), (packet, trailer, count) => {
        const padded = padWithTrailer(packet, trailer);
        if (padded === null) throw new Error('not padded');
        for (let length = 0; length < Math.min(padded.length, 40); length++) {
          expect(splitPadding(padded.subarray(0, length))).toBeNull();
        }
        const [toc = 0, , ...rest] = padded;
        const recounted = splitPadding(Uint8Array.from([toc, count, ...rest]));
        expect(recounted === null).toBe(count !== 0x41);
        expect(splitPadding(Uint8Array.from([toc & 0xfc, 0x41, ...rest]))).toBeNull();
      }),
    );
  });
});
