import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { appendTrailer, padWithTrailer, type FrameTrailer } from '@casto/core';
import { bareData, FrameReader, isKeyFrame, timestampOf } from '../../src/hub/encoded-frame.ts';
import type { FrameKind } from '../../src/hub/hub-frame.ts';
import { encodedFrame, picture, type EncodedFrameFields } from './frames.ts';

const TRAILER: FrameTrailer = {
  epoch: 1_700_000_000,
  sequence: 42,
  capturedAt: 1_700_000_000_123,
  layer: 1,
  temporalLayer: 2,
  references: 0b101,
  signature: null,
};
const PICTURE = Uint8Array.of(0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a);
/** One frame of 20 ms (RFC 6716, section 3.1). */
const PACKET = Uint8Array.of(0x78, 1, 2, 3);

/** The frame's bytes with a trailer, as the kind carries it. */
function withTrailer(kind: FrameKind, changes: Partial<FrameTrailer> = {}): Uint8Array {
  const trailer = { ...TRAILER, ...changes };
  const data = kind === 'video' ? appendTrailer(PICTURE, trailer) : padWithTrailer(PACKET, trailer);
  return data ?? new Uint8Array();
}

function reader(kind: FrameKind, canWriteElsewhere = true): FrameReader {
  return new FrameReader(kind, { canWriteElsewhere });
}

/** How far the reader says that it has come with frames of these numbers. */
function advances(numbers: readonly Partial<FrameTrailer>[]): number[] {
  const stream = reader('video');
  return numbers.map((changes) =>
    stream.advance(stream.read(encodedFrame({ type: 'delta', data: withTrailer('video', changes) }))),
  );
}

describe('a frame with a trailer', () => {
  test('[T1.1, T3.1] of a picture is read as its trailer and its metadata tell', () => {
    const data = withTrailer('video');
    const metadata = { rtpTimestamp: 90_000 };
    const frame = encodedFrame({ data, type: 'delta', timestamp: 1, metadata });
    expect(reader('video').read(frame)).toEqual({
      kind: 'video',
      layer: 1,
      isKey: false,
      epoch: TRAILER.epoch,
      sequence: 42,
      references: 0b101,
      temporalLayer: 2,
      capturedAt: TRAILER.capturedAt,
      timestamp: 90_000,
      bytes: data.length,
      raw: { data: frame.data, frame },
    });
  });

  test('[T4.1] of sound is read from the padding', () => {
    const data = withTrailer('audio', { layer: 0, temporalLayer: 0, references: 0 });
    const read = reader('audio').read(encodedFrame({ data, timestamp: 960 }));
    const { epoch, sequence, capturedAt } = TRAILER;
    expect(read).toMatchObject({ kind: 'audio', isKey: false, epoch, sequence, capturedAt, timestamp: 960 });
    expect(read.bytes).toBe(data.length);
  });

  test('[T5.2] keeps its trailer where it is passed on, and loses it for a decoder', () => {
    for (const kind of ['video', 'audio'] as const) {
      const frame = encodedFrame({ data: withTrailer(kind), type: 'delta' });
      const { raw } = reader(kind).read(frame);
      expect(new Uint8Array(raw.data)).toEqual(withTrailer(kind));
      const bare = bareData(raw.data, kind);
      expect(bare && new Uint8Array(bare)).toEqual(kind === 'video' ? PICTURE : PACKET);
    }
  });

  test('is kept as the bytes alone where it can go nowhere else', () => {
    const frame = encodedFrame({ data: withTrailer('video'), type: 'key' });
    expect(reader('video', false).read(frame).raw).toEqual({ data: frame.data, frame: null });
  });

  test('[T3.1] of the other kind has none', () => {
    expect(bareData(withTrailer('video').slice().buffer, 'audio')).toBeNull();
  });
});

describe('frames without trailers', () => {
  test('are numbered as they come, and each needs the one before it', () => {
    const stream = reader('video');
    const read = [0, 1, 2].map((n) => stream.read(encodedFrame({ type: n === 0 ? 'key' : 'delta' })));
    expect(read.map(({ sequence }) => sequence)).toEqual([0, 1, 2]);
    expect(read[1]).toMatchObject({
      epoch: 0,
      layer: 0,
      temporalLayer: 0,
      references: 0b1,
      capturedAt: null,
      isKey: false,
    });
    expect(read[0]?.isKey).toBe(true);
  });

  test('are read whatever their bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.constantFrom('audio', 'video'), (data, kind) => {
        const read = reader(kind).read(encodedFrame({ data }));
        expect(read).toMatchObject({ sequence: 0, capturedAt: null, bytes: data.length });
        expect(bareData(data.slice().buffer, kind)).toBeNull();
      }),
      { numRuns: 100 },
    );
  });
});

describe('the browsers differ', () => {
  test('in where they tell the RTP timestamp', () => {
    expect(timestampOf(encodedFrame({ timestamp: 7 }))).toBe(7);
    expect(timestampOf(encodedFrame({ timestamp: 7, metadata: { rtpTimestamp: 9 } }))).toBe(9);
    expect(timestampOf(encodedFrame({ timestamp: 7, metadata: { rtpTimestamp: 0 } }))).toBe(0);
    expect(timestampOf(encodedFrame({ timestamp: 2 ** 32 + 5 }))).toBe(5);
  });

  test('and not in how they tell a key frame', () => {
    const types: EncodedFrameFields[] = [{ type: 'key' }, { type: 'delta' }, {}];
    expect(types.map((fields) => isKeyFrame(encodedFrame(fields)))).toEqual([true, false, false]);
  });
});

describe('how many frames the streamer has sent', () => {
  test('is told by the numbers, each once', () => {
    const numbers = [100, 101, 104, 102, 103, 105, 105];
    expect(advances(numbers.map((sequence) => ({ sequence })))).toEqual([1, 1, 3, 0, 0, 1, 0]);
  });

  test('is told over the end of the numbers', () => {
    const numbers = [2 ** 32 - 2, 2 ** 32 - 1, 1];
    expect(advances(numbers.map((sequence) => ({ sequence })))).toEqual([1, 1, 2]);
  });

  test('is not told by a jump of more than a minute, which is another count', () => {
    expect(advances([{ sequence: 5 }, { sequence: 5 + 3_601 }, { sequence: 5 + 3_602 }])).toEqual([1, 1, 1]);
    expect(advances([{ sequence: 5 }, { sequence: 5 + 3_600 }])).toEqual([1, 3_600]);
  });

  test('counts the frames of each layer by themselves', () => {
    const layers = [{ sequence: 50 }, { sequence: 7, layer: 2 }, { sequence: 9, layer: 2 }, { sequence: 60 }];
    expect(advances(layers)).toEqual([1, 1, 2, 1]);
  });

  test('is told by the numbers of a new broadcast, which begin again', () => {
    const epoch = TRAILER.epoch + 60;
    const anew = [0, 1, 2, 4].map((sequence) => ({ sequence, epoch }));
    expect(advances([{ sequence: 1_000 }, { sequence: 1_001 }, ...anew])).toEqual([1, 1, 1, 1, 1, 2]);
  });

  test('is one for each frame that has no number', () => {
    const stream = reader('video');
    const frames = [0, 1, 2].map(() => stream.read(encodedFrame({ type: 'delta' })));
    expect(frames.map((frame) => stream.advance(frame))).toEqual([1, 1, 1]);
    expect(picture(0).sequence).toBe(0);
  });
});
