/** What a page and its frame worker tell each other. Both are parts of one program, so nothing here is checked. */

/** Options of an RTCRtpScriptTransform: what the worker does with the frames of one sender or receiver. */
export type FrameOperation =
  | {
      operation: 'stamp';
      /** Names the sender in the worker's reports. */
      stream: number;
      kind: 'audio' | 'video';
      layer: number;
      epoch: number;
    }
  | { operation: 'strip'; stream: number; kind: 'audio' | 'video' };

export type ToWorker =
  | { type: 'set-timer'; timer: number; delayMs: number }
  | { type: 'cancel-timer'; timer: number }
  | { type: 'want-key-frame'; stream: number };

/** Frames that passed one sender or receiver since the last report. */
export interface FrameReport {
  type: 'frames';
  stream: number;
  frames: number;
  keyFrames: number;
  /** When the last frame passed: milliseconds since 1970. */
  at: number;
  /** When the last frame with a trailer was captured, in the streamer's clock; `null` without trailers. */
  capturedAt: number | null;
}

export type FromWorker = { type: 'timer'; timer: number } | FrameReport;
