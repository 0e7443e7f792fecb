/**
 * Remembers the encoded frames of a page by their hashes: those that its encoders gave, and those that came from its
 * parents, without their trailers. Chromium alone shows both.
 */

import { splitPadding, splitTrailer } from '@casto/core';

type Frame = RTCEncodedVideoFrame | RTCEncodedAudioFrame;

interface EncodedStreams {
  readable: ReadableStream<Frame>;
  writable: WritableStream<Frame>;
}

export interface FrameRecord {
  /** Hashes of the pictures, in the order in which they passed. */
  readonly video: string[];
  readonly audio: string[];
}

/** Ten minutes at 30 pictures a second. */
const KEPT = 18_000;

const sent: FrameRecord = { video: [], audio: [] };
const received: FrameRecord = { video: [], audio: [] };

/** What was recorded so far. */
export function recordedFrames(): { sent: FrameRecord; received: FrameRecord } {
  return { sent, received };
}

/** Records from here on. Runs before the page opens connections. */
export function recordEncodedFrames(): void {
  intercept(RTCRtpSender.prototype, sent);
  intercept(RTCRtpReceiver.prototype, received);
}

function intercept(prototype: object, record: FrameRecord): void {
  const create: unknown = Reflect.get(prototype, 'createEncodedStreams');
  if (typeof create !== 'function') throw new Error('this browser shows no encoded frames');
  Reflect.set(prototype, 'createEncodedStreams', function (this: RTCRtpSender | RTCRtpReceiver) {
    const streams = create.call(this) as EncodedStreams;
    const readable = streams.readable.pipeThrough(
      new TransformStream<Frame, Frame>({
        transform: (frame, controller) => {
          note(record, 'type' in frame ? 'video' : 'audio', new Uint8Array(frame.data));
          controller.enqueue(frame);
        },
      }),
    );
    return { readable, writable: streams.writable };
  });
}

function note(record: FrameRecord, kind: 'audio' | 'video', data: Uint8Array): void {
  // Padding, with which a sender looks for its link's rate.
  if (data.length === 0) return;
  const split = kind === 'video' ? splitTrailer(data) : splitPadding(data);
  const list = record[kind];
  if (list.length < KEPT) list.push(hashOf(picturesOf(split?.frame ?? data, kind)));
}

/** Of H264 the slices alone: parameter sets and the length of start codes are rewritten on the way. */
function picturesOf(frame: Uint8Array, kind: 'audio' | 'video'): Uint8Array[] {
  const units = kind === 'video' ? nalUnits(frame) : [];
  const slices = units.filter(([header = 0]) => [1, 5].includes(header & 0x1f));
  return slices.length > 0 ? slices : [frame];
}

/** What lies between the start codes of ITU-T H.264, annex B; nothing for another codec. */
function nalUnits(frame: Uint8Array): Uint8Array[] {
  if (frame[0] !== 0 || frame[1] !== 0) return [];
  const starts: number[] = [];
  for (let i = 0; i + 2 < frame.length; i++) {
    if (frame[i] === 0 && frame[i + 1] === 0 && frame[i + 2] === 1) starts.push(i + 3);
  }
  return starts.map((start, n) => {
    let end = (starts[n + 1] ?? frame.length + 3) - 3;
    while (end > start && frame[end - 1] === 0) end--;
    return frame.subarray(start, end);
  });
}

/** FNV-1a, twice with other beginnings: 64 bits are enough to tell ten thousands of frames apart. */
function hashOf(parts: readonly Uint8Array[]): string {
  let [a, b] = [0x811c9dc5, 0x1000193];
  for (const part of parts) {
    for (const byte of part) {
      a = Math.imul(a ^ byte, 0x01000193);
      b = Math.imul(b ^ byte, 0x01000197);
    }
  }
  return (a >>> 0).toString(16) + (b >>> 0).toString(16);
}
