/**
 * Writes the hub's frames to a sender whose browser takes back only its own frames (Firefox, Safari): each frame of the
 * dummy track gets the bytes of one of ours. Timestamps stay the dummy's, so the dummy keeps the pace of the broadcast.
 */

import type { FrameWriter } from './child-stream.ts';
import { isKeyFrame, type EncodedFrame, type RawFrame } from './encoded-frame.ts';
import type { PlacedFrame } from './hub-frame.ts';
import type { SenderStreams } from './encoded-stream-writer.ts';

/** Frames that wait for a dummy; more would be delay. */
const MAX_QUEUED = { audio: 10, video: 60 } as const;

export interface DummyReplacerOptions {
  /** A picture waits for the next frame of the dummy track. */
  readonly onQueued: () => void;
  readonly onKeyFrameWanted: () => void;
}

export class DummyReplacer implements FrameWriter<RawFrame> {
  readonly #kind: 'audio' | 'video';
  readonly #options: DummyReplacerOptions;
  readonly #queue: ArrayBuffer[] = [];
  #isConnected = false;
  /** Pictures were dropped, and the next ones are of no use without them. */
  #needsKey = false;

  constructor(kind: 'audio' | 'video', streams: SenderStreams, options: DummyReplacerOptions) {
    this.#kind = kind;
    this.#options = options;
    streams.readable
      .pipeThrough(
        new TransformStream<EncodedFrame, EncodedFrame>({
          transform: (dummy, controller) => {
            if (this.#replace(dummy)) controller.enqueue(dummy);
          },
        }),
      )
      .pipeTo(streams.writable)
      // The pipe ends with its peer connection.
      .catch(() => {});
  }

  get isReady(): boolean {
    return this.#isConnected;
  }

  connected(): void {
    this.#isConnected = true;
  }

  write({ frame }: PlacedFrame<RawFrame>): void {
    const { isKey, raw } = frame;
    // A key frame makes what waits before it needless.
    if (isKey) {
      this.#queue.length = 0;
      this.#needsKey = false;
    }
    if (this.#needsKey) return;
    this.#queue.push(raw.data);
    if (this.#queue.length > MAX_QUEUED[this.#kind]) this.#dropOldest();
    if (this.#kind === 'video') this.#options.onQueued();
  }

  /** @returns Whether the dummy carries a frame of ours and may go out. */
  #replace(dummy: EncodedFrame): boolean {
    if (isKeyFrame(dummy)) this.#options.onKeyFrameWanted();
    const next = this.#queue.shift();
    if (next === undefined) return false;
    dummy.data = next;
    if (this.#kind === 'video' && this.#queue.length > 0) this.#options.onQueued();
    return true;
  }

  /** Sound goes on with the newest; pictures only with the next key frame. */
  #dropOldest(): void {
    if (this.#kind === 'audio') {
      this.#queue.shift();
      return;
    }
    this.#queue.length = 0;
    this.#needsKey = true;
    this.#options.onKeyFrameWanted();
  }
}
