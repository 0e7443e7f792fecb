/**
 * One stream of the hub on its way to a child: what the child can decode and its link can carry, and nothing else.
 *
 *   paused ──begin──▶ open ──pause──▶ paused
 *                     open ──a picture is missing──▶ waits for a key frame ──▶ open
 *
 * Under congestion the order is that of PROTOCOL.md, M2.1: higher temporal layers, then all up to the next key frame;
 * sound is never dropped here, because it takes next to nothing.
 */

import type { PlacedFrame } from './hub-frame.ts';
import { PassedFrames } from './passed-frames.ts';

/** Where frames leave the hub. */
export interface FrameWriter<Raw> {
  /** Whether frames that are written now will be sent. */
  readonly isReady: boolean;
  write(placed: PlacedFrame<Raw>): void;
}

/** What a child's link can carry of the video. */
export interface ChildLimit {
  /** Frames of higher temporal layers are left out. */
  readonly maxTemporalLayer: number;
  /** Nothing more until a key frame comes while this is `false` again. */
  readonly isClosed: boolean;
}

export const NO_LIMIT: ChildLimit = { maxTemporalLayer: 3, isClosed: false };

export class ChildStream<Raw> {
  readonly #writer: FrameWriter<Raw>;
  readonly #passed = new PassedFrames();
  #isOpen = false;
  /** The frames since the last key frame are yet to be written. */
  #isNew = false;
  #needsKey = false;
  /** As `#needsKey`, but there is no hurry. */
  #waitsForKey = false;
  #limit = NO_LIMIT;
  bytes = 0;
  /** When the last key frame was written. */
  keyAt = -Infinity;

  constructor(writer: FrameWriter<Raw>) {
    this.#writer = writer;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Whether a key frame would be written. */
  get takesPictures(): boolean {
    return this.#isOpen && !this.#limit.isClosed;
  }

  /** Whether only a key frame helps. */
  get needsKey(): boolean {
    return this.takesPictures && this.#needsKey;
  }

  set limit(limit: ChildLimit) {
    // After a pause the child cannot go on with what it missed. The next regular key frame is soon enough: those that a
    // slow link asked for would cost all the others.
    if (this.#limit.isClosed && !limit.isClosed) this.#waitsForKey = true;
    this.#limit = limit;
  }

  begin(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#isNew = true;
    this.#needsKey = false;
    this.#waitsForKey = false;
    this.#passed.reset();
  }

  pause(): void {
    this.#isOpen = false;
  }

  /**
   * Takes one frame.
   *
   * @param recent - What a newcomer starts from, this frame included.
   * @returns Whether it was written, or something of what it starts from.
   */
  take(placed: PlacedFrame<Raw>, recent: () => readonly PlacedFrame<Raw>[], now: number): boolean {
    if (!this.#isOpen || !this.#writer.isReady) return false;
    if (placed.frame.kind === 'audio') {
      this.#write(placed);
      return true;
    }
    if (this.#isNew) return this.#start(recent(), now);
    return this.#takePicture(placed, now);
  }

  /** Starts at once where frames are kept, instead of with the next one. */
  start(recent: readonly PlacedFrame<Raw>[], now: number): void {
    if (this.#isOpen && this.#isNew && this.#writer.isReady && recent.length > 0) this.#start(recent, now);
  }

  #start(recent: readonly PlacedFrame<Raw>[], now: number): boolean {
    this.#isNew = false;
    if (recent.length === 0) this.#needsKey = true;
    for (const placed of recent) this.#takePicture(placed, now);
    return recent.length > 0;
  }

  #takePicture(placed: PlacedFrame<Raw>, now: number): boolean {
    const { frame } = placed;
    if (this.#limit.isClosed) return false;
    if (frame.isKey) {
      this.#needsKey = false;
      this.#waitsForKey = false;
      this.keyAt = now;
      this.#passed.reset();
    }
    if (this.#needsKey || this.#waitsForKey || frame.temporalLayer > this.#limit.maxTemporalLayer)
      return false;
    if (!this.#passed.isReady(frame)) {
      // A frame of the base layer cannot be done without; the others come back by themselves.
      if (frame.temporalLayer === 0) this.#needsKey = true;
      return false;
    }
    this.#passed.add(frame.sequence);
    this.#write(placed);
    return true;
  }

  #write(placed: PlacedFrame<Raw>): void {
    this.bytes += placed.frame.bytes;
    this.#writer.write(placed);
  }
}
