/** The worker behind a CASTO object: frame transforms and a clock that hidden pages keep. */

import { processClock, type Clock } from '@casto/host';
import FrameWorker from './frame-worker.ts?worker&inline';
import type { FrameOperation, FrameReport, FromWorker, ToWorker } from './worker-messages.ts';

export interface FrameTap {
  readonly stream: number;
  /** The last report of the worker, `null` before the first frame. */
  readonly last: FrameReport | null;
  readonly frames: number;
  readonly keyFrames: number;
  onReport: ((report: FrameReport) => void) | null;
  /** Asks the encoder behind the tap for a key frame, where the browser lets a worker do so. */
  wantKeyFrame(): void;
  close(): void;
}

type TapOperation =
  | Omit<Extract<FrameOperation, { operation: 'stamp' }>, 'stream'>
  | Omit<Extract<FrameOperation, { operation: 'strip' }>, 'stream'>;

export class PageWorker {
  readonly #worker: Worker = new FrameWorker();
  readonly #timers = new Map<number, () => void>();
  readonly #taps = new Map<number, FrameTapState>();
  #lastTimer = 0;
  #lastStream = 0;

  constructor() {
    this.#worker.addEventListener('message', (event: MessageEvent<FromWorker>) => this.#receive(event.data));
  }

  readonly clock: Clock = {
    now: () => processClock.now(),
    setTimer: (callback, delayMs) => {
      const timer = ++this.#lastTimer;
      this.#timers.set(timer, callback);
      this.#post({ type: 'set-timer', timer, delayMs });
      return () => {
        if (this.#timers.delete(timer)) this.#post({ type: 'cancel-timer', timer });
      };
    },
  };

  /** Whether frames can be touched at all in this browser. */
  static get supportsTransforms(): boolean {
    return typeof RTCRtpScriptTransform === 'function';
  }

  /** Puts the worker between a sender or receiver and the network. `null` where the browser cannot. */
  tap(end: RTCRtpSender | RTCRtpReceiver, operation: TapOperation): FrameTap | null {
    if (!PageWorker.supportsTransforms) return null;
    const stream = ++this.#lastStream;
    const tap = new FrameTapState(stream, {
      wantKeyFrame: () => this.#post({ type: 'want-key-frame', stream }),
      close: () => void this.#taps.delete(stream),
    });
    this.#taps.set(stream, tap);
    end.transform = new RTCRtpScriptTransform(this.#worker, { ...operation, stream });
    return tap;
  }

  close(): void {
    this.#worker.terminate();
    this.#timers.clear();
    this.#taps.clear();
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #receive(message: FromWorker): void {
    if (message.type === 'frames') {
      this.#taps.get(message.stream)?.take(message);
      return;
    }
    const callback = this.#timers.get(message.timer);
    this.#timers.delete(message.timer);
    callback?.();
  }
}

class FrameTapState implements FrameTap {
  readonly stream: number;
  last: FrameReport | null = null;
  frames = 0;
  keyFrames = 0;
  onReport: ((report: FrameReport) => void) | null = null;
  readonly wantKeyFrame: () => void;
  readonly close: () => void;

  constructor(stream: number, actions: { wantKeyFrame: () => void; close: () => void }) {
    this.stream = stream;
    this.wantKeyFrame = actions.wantKeyFrame;
    this.close = actions.close;
  }

  take(report: FrameReport): void {
    this.frames += report.frames;
    this.keyFrames += report.keyFrames;
    // A report without a trailer must not hide the last known capture time.
    this.last = { ...report, capturedAt: report.capturedAt ?? this.last?.capturedAt ?? null };
    this.onReport?.(report);
  }
}
