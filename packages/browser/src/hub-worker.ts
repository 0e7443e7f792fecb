/**
 * The page's worker: stamps and strips frame trailers, and keeps time. Browsers slow the timers of hidden pages to
 * one a second, but not those of workers.
 */

import { appendTrailer, padWithTrailer, splitPadding, splitTrailer, type FrameTrailer } from '@casto/core';
import type { FrameOperation, FrameReport, FromWorker, ToWorker } from './worker-messages.ts';

/** Reports are for liveness within 100 ms and for statistics; each frame would be too many. */
const REPORT_MS = 30;

interface FrameTransformer {
  readable: ReadableStream<RTCEncodedVideoFrame | RTCEncodedAudioFrame>;
  writable: WritableStream<RTCEncodedVideoFrame | RTCEncodedAudioFrame>;
  options: FrameOperation;
  /** Missing in Chromium. */
  generateKeyFrame?: () => Promise<unknown>;
}

interface WorkerScope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  onrtctransform: ((event: { transformer: FrameTransformer }) => void) | null;
  postMessage(message: FromWorker): void;
}

// TypeScript's library describes a page or a worker, not both, and knows no transformers.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
const scope = globalThis as unknown as WorkerScope;
const timers = new Map<number, ReturnType<typeof setTimeout>>();
const transformers = new Map<number, FrameTransformer>();

scope.onmessage = ({ data }) => {
  if (data.type === 'set-timer') {
    const { timer } = data;
    timers.set(
      timer,
      setTimeout(() => {
        timers.delete(timer);
        scope.postMessage({ type: 'timer', timer });
      }, data.delayMs),
    );
  } else if (data.type === 'cancel-timer') {
    clearTimeout(timers.get(data.timer));
    timers.delete(data.timer);
  } else {
    transformers
      .get(data.stream)
      ?.generateKeyFrame?.()
      .catch(() => {});
  }
};

scope.onrtctransform = ({ transformer }) => {
  const { options } = transformer;
  transformers.set(options.stream, transformer);
  const report = reporter(options.stream);
  const pass = options.operation === 'stamp' ? stamper(options) : stripper(options.kind);
  transformer.readable
    .pipeThrough(
      new TransformStream({
        transform: (frame, controller) => {
          const capturedAt = pass(frame);
          report('type' in frame && frame.type === 'key', capturedAt);
          controller.enqueue(frame);
        },
      }),
    )
    .pipeTo(transformer.writable)
    // The pipe ends with its peer connection.
    .catch(() => {})
    .finally(() => transformers.delete(options.stream));
};

type EncodedFrame = RTCEncodedVideoFrame | RTCEncodedAudioFrame;

/** @returns A function that appends the trailer to a frame and tells its capture time. */
function stamper(options: Extract<FrameOperation, { operation: 'stamp' }>): (frame: EncodedFrame) => number {
  let sequence = 0;
  return (frame) => {
    const capturedAt = performance.timeOrigin + performance.now();
    const trailer: FrameTrailer = {
      epoch: options.epoch,
      sequence: sequence++,
      capturedAt,
      layer: options.layer,
      temporalLayer: temporalLayerOf(frame),
      signature: null,
    };
    const data = new Uint8Array(frame.data);
    const stamped = options.kind === 'video' ? appendTrailer(data, trailer) : padWithTrailer(data, trailer);
    if (stamped !== null) frame.data = stamped.buffer;
    return capturedAt;
  };
}

/** @returns A function that removes a frame's trailer and tells its capture time, `null` without a trailer. */
function stripper(kind: 'audio' | 'video'): (frame: EncodedFrame) => number | null {
  const split = kind === 'video' ? splitTrailer : splitPadding;
  return (frame) => {
    const found = split(new Uint8Array(frame.data));
    if (found === null) return null;
    frame.data = found.frame.slice().buffer;
    return found.trailer.capturedAt;
  };
}

function temporalLayerOf(frame: EncodedFrame): number {
  const metadata = frame.getMetadata();
  return 'temporalIndex' in metadata && typeof metadata.temporalIndex === 'number'
    ? metadata.temporalIndex
    : 0;
}

/** Gathers what passes and posts it at most once per `REPORT_MS`. */
function reporter(stream: number): (isKey: boolean, capturedAt: number | null) => void {
  const empty: FrameReport = { type: 'frames', stream, frames: 0, keyFrames: 0, at: 0, capturedAt: null };
  let pending = { ...empty };
  let postedAt = 0;
  return (isKey, capturedAt) => {
    pending.at = performance.timeOrigin + performance.now();
    pending.frames++;
    if (isKey) pending.keyFrames++;
    if (capturedAt !== null) pending.capturedAt = capturedAt;
    if (pending.at - postedAt < REPORT_MS) return;
    postedAt = pending.at;
    scope.postMessage(pending);
    pending = { ...empty };
  };
}
