/** Writes the hub's frames to a sender that gave its encoded streams (Chromium), where they go out as they are. */

import type { FrameWriter } from './child-stream.ts';
import { cloneFrame, isKeyFrame, timestampOf, type EncodedFrame, type RawFrame } from './encoded-frame.ts';
import type { PlacedFrame } from './hub-frame.ts';
import { SyncShift, type CaptureDelay } from './sync-shift.ts';

export interface SenderStreams {
  readonly readable: ReadableStream<EncodedFrame>;
  readonly writable: WritableStream<EncodedFrame>;
}

export interface EncodedStreamWriterOptions {
  readonly captureDelay: CaptureDelay;
  readonly now: () => number;
  /** The sender has become ready. */
  readonly onReady: () => void;
  /** The child's decoder asks for a key frame by RTCP: the encoder of the dummy track answers with one. */
  readonly onKeyFrameWanted: () => void;
}

export class EncodedStreamWriter implements FrameWriter<RawFrame> {
  readonly #options: EncodedStreamWriterOptions;
  readonly #writer: WritableStreamDefaultWriter<EncodedFrame>;
  /** `null` for sound, whose sender reports follow the frames that pass. */
  readonly #shift: SyncShift | null;
  #isConnected = false;

  constructor(kind: 'audio' | 'video', streams: SenderStreams, options: EncodedStreamWriterOptions) {
    this.#options = options;
    this.#writer = streams.writable.getWriter();
    this.#shift = kind === 'video' ? new SyncShift() : null;
    void this.#watchDummies(streams.readable);
  }

  get isReady(): boolean {
    return this.#isConnected && (this.#shift === null || this.#shift.isReady);
  }

  /** What was written before would be lost. */
  connected(): void {
    this.#isConnected = true;
    if (this.isReady) this.#options.onReady();
  }

  write({ frame, timestamp }: PlacedFrame<RawFrame>): void {
    const { captureDelay, now } = this.#options;
    if (frame.raw.frame === null) return;
    const rtpTimestamp = this.#shift?.apply(timestamp, frame.capturedAt, captureDelay.ms, now()) ?? timestamp;
    // A sender that was closed meanwhile takes no more frames.
    this.#writer.write(cloneFrame(frame.raw.frame, { rtpTimestamp })).catch(() => {});
  }

  async #watchDummies(readable: ReadableStream<EncodedFrame>): Promise<void> {
    const reader = readable.getReader();
    try {
      for (let read = await reader.read(); !read.done; read = await reader.read()) {
        const wasReady = this.isReady;
        this.#shift?.dummy(timestampOf(read.value), this.#options.now());
        if (!wasReady && this.isReady) this.#options.onReady();
        else if (isKeyFrame(read.value)) this.#options.onKeyFrameWanted();
      }
    } catch {
      // The sender's connection is closed.
    }
  }
}
