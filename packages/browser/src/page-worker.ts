/** The worker behind a CASTO object: the hub through which media pass, and a clock that hidden pages keep. */

import { processClock, type Clock } from '@casto/host';
import { encodedStreamsOf, forwardingAdapter, type ForwardingAdapter } from './encoded-media.ts';
import type { ChildLimit } from './hub/child-stream.ts';
import type { FrameKind } from './hub/hub-frame.ts';
import HubWorker from './hub-worker.ts?worker&inline';
import type { FrameOperation, FrameReport, FromWorker, ToWorker } from './worker-messages.ts';

export interface FrameTap {
  readonly source: number;
  /** The last report of the worker, `null` before the first frame. */
  readonly last: FrameReport | null;
  /** All that came so far. */
  readonly frames: number;
  readonly keyFrames: number;
  onReport: ((report: FrameReport) => void) | null;
  /** Asks the encoder behind the tap for a key frame, where the browser lets a worker do so. */
  wantKeyFrame(): void;
  close(): void;
}

/** One child of the hub, as the page sees it. */
export interface HubChild {
  /** Puts the hub before this sender. @returns `false` where the browser cannot. */
  send(sender: RTCRtpSender, key: { kind: FrameKind; layer: number }): boolean;
  /** Its connection is up. */
  connected(): void;
  setActive(isActive: boolean): void;
  limit(limit: ChildLimit): void;
  wantKeyFrame(layer: number): void;
  /** Bytes of frames that the hub has given to the child's senders so far. */
  bytesWritten(): Promise<number>;
  /** Milliseconds since 1970. */
  readonly lastSentAt: number;
  close(): void;
}

export class PageWorker {
  /** What this browser can do with encoded frames. */
  readonly adapter: ForwardingAdapter = forwardingAdapter();
  readonly #worker: Worker = new HubWorker();
  readonly #timers = new Map<number, () => void>();
  readonly #taps = new Map<string, FrameTapState>();
  readonly #children = new Map<number, HubChildState>();
  #lastTimer = 0;
  #lastSource = 0;
  #lastChild = 0;
  /** Children, or the own decoder, cannot go on without a key frame. */
  onKeyFrameWanted: ((layer: number) => void) | null = null;
  /** A canvas that stands for the dummy track is to give a picture. */
  onDraw: (() => void) | null = null;

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

  /** Whether frames of all parents go to one decoder. */
  get canMerge(): boolean {
    return this.adapter === 'encoded-streams';
  }

  /** A connection whose frames the worker can reach. */
  get connectionOptions(): { encodedInsertableStreams?: true } {
    return this.canMerge ? { encodedInsertableStreams: true } : {};
  }

  /** A number for frames that come from one parent, or one encoder. */
  createSource(): number {
    return ++this.#lastSource;
  }

  /** Takes the frames that a parent sends into the hub. `null` where the browser cannot. */
  receive(receiver: RTCRtpReceiver, from: { source: number; kind: FrameKind }): FrameTap | null {
    return this.#tap(receiver, { operation: 'receive', ...from });
  }

  /** Stamps what an encoder gives, and for `encode` puts it into the hub as well. `null` where the browser cannot. */
  encode(
    sender: RTCRtpSender,
    operation: Omit<Extract<FrameOperation, { operation: 'stamp' | 'encode' }>, 'source'>,
  ): FrameTap | null {
    return this.#tap(sender, { ...operation, source: this.createSource() });
  }

  /** Nothing comes from this source any more. The decoder that the page shows stays. */
  forgetSource(source: number): void {
    this.#post({ type: 'forget-source', source });
  }

  /** Decodes into the tracks of this source from now on. */
  decodeInto(source: number): void {
    this.#post({ type: 'decode-into', source });
  }

  /** Lets the worker feed the track that senders carry. */
  feedDummy(writable: WritableStream<VideoFrame>): void {
    this.#post({ type: 'dummy', writable }, [writable]);
  }

  createChild(): HubChild {
    const child = ++this.#lastChild;
    const state: HubChildState = { lastSentAt: 0, waiting: [] };
    this.#children.set(child, state);
    return {
      send: (sender, key) => this.#intercept(sender, { operation: 'send', child, ...key }),
      connected: () => this.#post({ type: 'child-connected', child }),
      setActive: (isActive) => this.#post({ type: 'child-active', child, isActive }),
      limit: (limit) => this.#post({ type: 'child-limit', child, limit }),
      wantKeyFrame: (layer) => this.#post({ type: 'child-wants-key', child, layer }),
      bytesWritten: () =>
        new Promise((resolve) => {
          state.waiting.push(resolve);
          this.#post({ type: 'count-written', child });
        }),
      get lastSentAt() {
        return state.lastSentAt;
      },
      close: () => {
        this.#children.delete(child);
        this.#post({ type: 'forget-child', child });
      },
    };
  }

  close(): void {
    this.#worker.terminate();
    this.#timers.clear();
    this.#taps.clear();
    this.#children.clear();
  }

  #tap(
    end: RTCRtpSender | RTCRtpReceiver,
    operation: Exclude<FrameOperation, { operation: 'send' }>,
  ): FrameTap | null {
    const { source, kind } = operation;
    const key = `${source} ${kind}`;
    const tap = new FrameTapState(source, {
      wantKeyFrame: () => this.#post({ type: 'want-key-frame', source }),
      close: () => void this.#taps.delete(key),
    });
    if (!this.#intercept(end, operation)) return null;
    this.#taps.set(key, tap);
    return tap;
  }

  /** Puts the worker between a sender or receiver and the network. */
  #intercept(end: RTCRtpSender | RTCRtpReceiver, operation: FrameOperation): boolean {
    switch (this.adapter) {
      case 'encoded-streams': {
        const streams = encodedStreamsOf(end);
        this.#post({ type: 'streams', operation, streams }, [streams.readable, streams.writable]);
        return true;
      }
      case 'script-transform':
        end.transform = new RTCRtpScriptTransform(this.#worker, operation);
        return true;
      case 'track':
        return false;
    }
  }

  #post(message: ToWorker, transfer: Transferable[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case 'frames':
        return this.#taps.get(`${message.source} ${message.kind}`)?.take(message);
      case 'key-frame-wanted':
        return this.onKeyFrameWanted?.(message.layer);
      case 'draw':
        return this.onDraw?.();
      case 'sent':
        for (const child of message.children) {
          const state = this.#children.get(child);
          if (state) state.lastSentAt = message.at;
        }
        return;
      case 'written':
        this.#children.get(message.child)?.waiting.shift()?.(message.bytes);
        return;
      case 'timer': {
        const callback = this.#timers.get(message.timer);
        this.#timers.delete(message.timer);
        callback?.();
      }
    }
  }
}

interface HubChildState {
  lastSentAt: number;
  /** Those who wait for a count of bytes, in the order in which they asked. */
  readonly waiting: ((bytes: number) => void)[];
}

class FrameTapState implements FrameTap {
  readonly source: number;
  last: FrameReport | null = null;
  frames = 0;
  keyFrames = 0;
  onReport: ((report: FrameReport) => void) | null = null;
  readonly wantKeyFrame: () => void;
  readonly close: () => void;

  constructor(source: number, actions: { wantKeyFrame: () => void; close: () => void }) {
    this.source = source;
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
