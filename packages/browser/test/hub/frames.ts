/** Frames as tests make them: one by one, or as an encoder with temporal layers gives them. */

import * as fc from 'fast-check';
import type { EncodedFrame } from '../../src/hub/encoded-frame.ts';
import { CLOCK_RATE_KHZ, type HubFrame, type PlacedFrame } from '../../src/hub/hub-frame.ts';

export type TestFrame = HubFrame<null>;

/** When frame 0 was captured: some moment of 2023. */
export const CAPTURE_START = 1_700_000_000_000;
export const PICTURE_MS = 1000 / 30;
export const SOUND_MS = 20;

/** A picture that needs the one before it, unless told otherwise. */
export function picture(sequence: number, changes: Partial<TestFrame> = {}): TestFrame {
  return {
    kind: 'video',
    layer: 0,
    isKey: false,
    epoch: 1,
    sequence: sequence >>> 0,
    references: 0b1,
    temporalLayer: 0,
    capturedAt: Math.floor(CAPTURE_START + sequence * PICTURE_MS),
    timestamp: (sequence * PICTURE_MS * CLOCK_RATE_KHZ.video) >>> 0,
    bytes: 1_000,
    raw: null,
    ...changes,
  };
}

export function keyPicture(sequence: number, changes: Partial<TestFrame> = {}): TestFrame {
  return picture(sequence, { isKey: true, references: 0, ...changes });
}

export function sound(sequence: number, changes: Partial<TestFrame> = {}): TestFrame {
  return picture(sequence, {
    kind: 'audio',
    references: 0,
    capturedAt: CAPTURE_START + sequence * SOUND_MS,
    timestamp: (sequence * SOUND_MS * CLOCK_RATE_KHZ.audio) >>> 0,
    bytes: 120,
    ...changes,
  });
}

export function placed(frame: TestFrame): PlacedFrame<null> {
  return { frame, timestamp: frame.timestamp };
}

/** What an encoder gives over and over: the layer of each picture, and which ones before it each needs (T1.3). */
export type Pattern = readonly { readonly temporalLayer: number; readonly references: number }[];

export const L1T1: Pattern = [{ temporalLayer: 0, references: 0b1 }];

export const L1T2: Pattern = [
  { temporalLayer: 0, references: 0b10 },
  { temporalLayer: 1, references: 0b1 },
];

/** Each picture needs lower layers alone. */
export const L1T3: Pattern = [
  { temporalLayer: 0, references: 0b1000 },
  { temporalLayer: 2, references: 0b1 },
  { temporalLayer: 1, references: 0b10 },
  { temporalLayer: 2, references: 0b1 },
];

/** The eight pictures of libvpx: every other one of layer 1 needs the one of layer 1 before it, too. */
export const L1T3_LINKED: Pattern = [
  { temporalLayer: 0, references: 0b1000 },
  { temporalLayer: 2, references: 0b1 },
  { temporalLayer: 1, references: 0b10 },
  { temporalLayer: 2, references: 0b101 },
  { temporalLayer: 0, references: 0b1000 },
  { temporalLayer: 2, references: 0b101 },
  { temporalLayer: 1, references: 0b1010 },
  { temporalLayer: 2, references: 0b101 },
];

export const PATTERNS = { L1T1, L1T2, L1T3, L1T3_LINKED };

/** A stream that begins with a key frame, and has another after every `keyEvery` pictures. */
export function pictures(
  pattern: Pattern,
  count: number,
  { first = 0, keyEvery = Infinity }: { first?: number; keyEvery?: number } = {},
): TestFrame[] {
  return Array.from({ length: count }, (_, i) => {
    const sinceKey = i % keyEvery;
    const step = pattern[sinceKey % pattern.length];
    if (sinceKey === 0 || step === undefined) return keyPicture(first + i);
    // Nothing reaches back over the key frame.
    const reach = (1 << Math.min(4, sinceKey)) - 1;
    return picture(first + i, {
      temporalLayer: step.temporalLayer,
      references: step.references & reach,
    });
  });
}

export const patterns: fc.Arbitrary<Pattern> = fc.constantFrom(...Object.values(PATTERNS));

export function sequences(frames: readonly TestFrame[]): number[] {
  return frames.map(({ sequence }) => sequence);
}

/** Frames by their sequences that the frame needs, by PROTOCOL.md T1.3 and without help of the hub. */
export function needs({ isKey, sequence, references }: TestFrame): number[] {
  if (isKey) return [];
  if (references === 0) return [(sequence - 1) >>> 0];
  return [1, 2, 3, 4].filter((back) => references & (1 << (back - 1))).map((back) => (sequence - back) >>> 0);
}

/** The frames that a decoder, given all of these in this order, could not decode. */
export function undecodable(frames: readonly TestFrame[]): number[] {
  let decoded = new Set<number>();
  const failed: number[] = [];
  for (const frame of frames) {
    if (frame.isKey) decoded = new Set();
    if (needs(frame).every((sequence) => decoded.has(sequence))) decoded.add(frame.sequence);
    else failed.push(frame.sequence);
  }
  return failed;
}

export interface EncodedFrameFields {
  readonly data?: Uint8Array;
  readonly timestamp?: number;
  readonly type?: 'key' | 'delta';
  readonly metadata?: RTCEncodedVideoFrameMetadata | RTCEncodedAudioFrameMetadata;
}

/** What a browser's frame looks like to the hub; without a type it is one of sound. */
export function encodedFrame(fields: EncodedFrameFields): EncodedFrame {
  const { data = Uint8Array.of(0x10, 2, 3), timestamp = 0, type, metadata = {} } = fields;
  const frame = { data: data.slice().buffer, timestamp, getMetadata: () => metadata };
  return type === undefined ? frame : { ...frame, type };
}
