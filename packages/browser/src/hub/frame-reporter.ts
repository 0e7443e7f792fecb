/** Tells the page what passes one sender or receiver. */

import type { FrameReport, FromWorker } from '../worker-messages.ts';
import type { FrameKind, HubFrame } from './hub-frame.ts';

/** Reports are for liveness within 100 ms and for statistics; each frame would be too many. */
const REPORT_MS = 30;

export class FrameReporter {
  readonly #empty: FrameReport;
  readonly #post: (message: FromWorker) => void;
  #pending: FrameReport;
  #postedAt = 0;

  constructor(of: { source: number; kind: FrameKind }, post: (message: FromWorker) => void) {
    const { source, kind } = of;
    const nothing = { frames: 0, keyFrames: 0, bytes: 0, sent: 0, at: 0, capturedAt: null };
    this.#empty = { type: 'frames', source, kind, ...nothing };
    this.#pending = { ...this.#empty };
    this.#post = post;
  }

  /** @param what.sent - Frames that the streamer sent since the frame before. */
  take({ isKey, bytes, capturedAt }: HubFrame<unknown>, { at, sent }: { at: number; sent: number }): void {
    const pending = this.#pending;
    pending.at = at;
    pending.frames++;
    pending.sent += sent;
    pending.bytes += bytes;
    if (isKey) pending.keyFrames++;
    pending.capturedAt = capturedAt ?? pending.capturedAt;
    if (at - this.#postedAt < REPORT_MS) return;
    this.#postedAt = at;
    this.#post(pending);
    this.#pending = { ...this.#empty };
  }
}
