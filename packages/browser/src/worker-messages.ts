/** What a page and its worker tell each other. Both are parts of one program, so nothing here is checked. */

import type { ChildLimit } from './hub/child-stream.ts';
import type { FrameKind } from './hub/hub-frame.ts';

/**
 * What the worker does with the frames of one sender or receiver:
 *
 *   stamp     the encoder behind the sender is the child's own: its frames get a trailer
 *   encode    the encoder is the broadcast's: its frames get a trailer and go to the hub
 *   receive   frames of a parent go to the hub
 *   send      the hub's frames go to a child
 */
export type FrameOperation =
  | {
      operation: 'stamp' | 'encode';
      /** Names the frames in the worker's reports, and tells the hub's sources apart. */
      source: number;
      kind: FrameKind;
      layer: number;
      epoch: number;
    }
  | { operation: 'receive'; source: number; kind: FrameKind }
  | { operation: 'send'; child: number; kind: FrameKind; layer: number };

/** The frames of a sender or receiver, before the network or behind it. */
export interface EncodedStreams {
  readable: ReadableStream<RTCEncodedVideoFrame | RTCEncodedAudioFrame>;
  writable: WritableStream<RTCEncodedVideoFrame | RTCEncodedAudioFrame>;
}

export type ToWorker =
  | { type: 'set-timer'; timer: number; delayMs: number }
  | { type: 'cancel-timer'; timer: number }
  /** Frames that `createEncodedStreams` gave; those of an RTCRtpScriptTransform come by themselves. */
  | { type: 'streams'; operation: FrameOperation; streams: EncodedStreams }
  | { type: 'want-key-frame'; source: number }
  | { type: 'forget-source'; source: number }
  /** Decode into the tracks of this source from now on. */
  | { type: 'decode-into'; source: number }
  /** The track that senders carry is fed through this. */
  | { type: 'dummy'; writable: WritableStream<VideoFrame> }
  | { type: 'child-connected'; child: number }
  | { type: 'child-active'; child: number; isActive: boolean }
  | { type: 'child-limit'; child: number; limit: ChildLimit }
  | { type: 'count-written'; child: number }
  | { type: 'child-wants-key'; child: number; layer: number }
  | { type: 'forget-child'; child: number };

/** Frames that passed one sender or receiver since the last report. */
export interface FrameReport {
  type: 'frames';
  source: number;
  kind: FrameKind;
  frames: number;
  keyFrames: number;
  bytes: number;
  /** Frames that the streamer sent meanwhile, as far as their numbers tell. */
  sent: number;
  /** When the last frame passed: milliseconds since 1970. */
  at: number;
  /** When the last frame with a trailer was captured, in the streamer's clock; `null` without trailers. */
  capturedAt: number | null;
}

export type FromWorker =
  | { type: 'timer'; timer: number }
  | FrameReport
  | { type: 'key-frame-wanted'; layer: number }
  /** The hub has sent something to these children by now. */
  | { type: 'sent'; at: number; children: number[] }
  | { type: 'written'; child: number; bytes: number }
  /** A canvas that stands for the dummy track is to give a picture. */
  | { type: 'draw' };
