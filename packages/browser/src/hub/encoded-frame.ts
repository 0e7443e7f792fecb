/** The browser's encoded frames, as the hub reads and writes them. */

import { splitPadding, splitTrailer } from '@casto/core';
import { ahead, type FrameKind, type HubFrame } from './hub-frame.ts';

export type EncodedFrame = RTCEncodedVideoFrame | RTCEncodedAudioFrame;

/** What the hub keeps of a frame: the browser's own one where it can be written elsewhere, else its bytes alone. */
export interface RawFrame {
  /** With the trailer. */
  readonly data: ArrayBuffer;
  /** `null` where a frame can only go back to where it came from. */
  readonly frame: EncodedFrame | null;
}

/** WebRTC encoded transform, section 5.1: a frame with other metadata than the one it is made from. */
type FrameConstructor = new (frame: EncodedFrame, options?: { metadata: object }) => EncodedFrame;

/** A frame of its own with the same bytes. */
export function cloneFrame(frame: EncodedFrame, changes: object): EncodedFrame {
  // TypeScript's library knows the frames, and not that they can be constructed.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const Frame = frame.constructor as FrameConstructor;
  return new Frame(frame, { metadata: { ...frame.getMetadata(), ...changes } });
}

export function isKeyFrame(frame: EncodedFrame): boolean {
  return 'type' in frame && frame.type === 'key';
}

/** RTP timestamp; browsers differ in where they tell it. */
export function timestampOf(frame: EncodedFrame): number {
  return (frame.getMetadata().rtpTimestamp ?? frame.timestamp) >>> 0;
}

/** Takes a frame's trailer off, for a decoder. @returns The bytes without it, `null` when there is none. */
export function bareData(data: ArrayBuffer, kind: FrameKind): ArrayBuffer | null {
  const found = (kind === 'video' ? splitTrailer : splitPadding)(new Uint8Array(data));
  return found === null ? null : found.frame.slice().buffer;
}

/**
 * Reads the frames of one stream of one parent. Frames without trailers, of a parent that cannot forward encoded ones,
 * are numbered as they come.
 */
export class FrameReader {
  readonly #kind: FrameKind;
  readonly #canWriteElsewhere: boolean;
  #sequence = 0;
  /** The newest frame. */
  #newest: { epoch: number; layer: number; sequence: number } | null = null;

  constructor(kind: FrameKind, options: { canWriteElsewhere: boolean }) {
    this.#kind = kind;
    this.#canWriteElsewhere = options.canWriteElsewhere;
  }

  read(frame: EncodedFrame): HubFrame<RawFrame> {
    const kind = this.#kind;
    const { data } = frame;
    const found = (kind === 'video' ? splitTrailer : splitPadding)(new Uint8Array(data));
    const { epoch, sequence, references, temporalLayer, capturedAt, layer } = found?.trailer ?? {
      ...UNNUMBERED,
      sequence: this.#sequence++,
    };
    return {
      kind,
      layer,
      isKey: isKeyFrame(frame),
      epoch,
      sequence,
      references,
      temporalLayer,
      capturedAt,
      timestamp: timestampOf(frame),
      bytes: data.byteLength,
      raw: { data, frame: this.#canWriteElsewhere ? frame : null },
    };
  }

  /** @returns By how much the frame is ahead of all before it: what the streamer sent since then. */
  advance({ epoch, layer, sequence }: HubFrame<RawFrame>): number {
    // Each layer of each broadcast has its own count.
    const isSameCount = this.#newest?.epoch === epoch && this.#newest.layer === layer;
    const step = isSameCount ? ahead(sequence, this.#newest?.sequence ?? sequence) : 1;
    if (step > 0) this.#newest = { epoch, layer, sequence };
    // A jump of more than a minute is another count.
    return step > MAX_STEP ? 1 : Math.max(0, step);
  }
}

const UNNUMBERED = { epoch: 0, references: 1, temporalLayer: 0, capturedAt: null, layer: 0 } as const;
const MAX_STEP = 3_600;
