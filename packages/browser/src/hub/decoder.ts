/**
 * The page's own picture where parents can be merged: frames of all parents go to the decoder of one of them, its home,
 * which stays the same when that parent is gone. The tracks that the page shows are the home's, so nobody notices.
 *
 * A decoder that gets nothing asks its parent for key frames without end, so those of the other parents get the key
 * frames alone.
 */

import { bareData, cloneFrame, type EncodedFrame, type RawFrame } from './encoded-frame.ts';
import type { FrameKind, HubFrame, PlacedFrame } from './hub-frame.ts';

/** The way back to the decoders of one parent's connection. */
type DecoderInputs = Partial<Record<FrameKind, WritableStreamDefaultWriter<EncodedFrame>>>;

export class Decoder {
  readonly #inputs = new Map<number, DecoderInputs>();
  readonly #onHome: (source: number) => void;
  #home: number | null = null;
  /** Frames of the picture so far: each needs the one before it, since what passes the hub is in order. */
  #pictures = 0;

  constructor(onHome: (source: number) => void) {
    this.#onHome = onHome;
  }

  addInput(source: number, kind: FrameKind, writable: WritableStream<EncodedFrame>): void {
    const inputs = this.#inputs.get(source) ?? {};
    inputs[kind] = writable.getWriter();
    this.#inputs.set(source, inputs);
  }

  /** The home stays although its parent is gone: its decoder works on. */
  forget(source: number): void {
    if (source !== this.#home) this.#inputs.delete(source);
  }

  /** Another home, as for another codec. @returns Whether it is another than before. */
  moveTo(source: number): boolean {
    const before = this.#home;
    if (before !== source) {
      this.#home = source;
      this.#pictures = 0;
      if (before !== null) this.#inputs.delete(before);
    }
    this.#onHome(source);
    return before !== source;
  }

  /** A frame came from a parent, whether or not it passes the hub. */
  seen(source: number, frame: HubFrame<RawFrame>): void {
    if (this.#home === null) this.moveTo(source);
    else if (source !== this.#home && frame.isKey) this.#write(source, frame, {});
  }

  /** A frame has passed the hub. */
  decode({ frame, timestamp }: PlacedFrame<RawFrame>): void {
    if (this.#home === null) return;
    if (frame.kind === 'audio') return this.#write(this.#home, frame, { rtpTimestamp: timestamp });
    const frameId = this.#pictures++;
    const dependencies = frame.isKey ? [] : [frameId - 1];
    this.#write(this.#home, frame, { rtpTimestamp: timestamp, frameId, dependencies });
  }

  #write(source: number, { kind, raw }: HubFrame<RawFrame>, changes: object): void {
    const input = this.#inputs.get(source)?.[kind];
    if (input === undefined || raw.frame === null) return;
    const clone = cloneFrame(raw.frame, changes);
    const bare = bareData(raw.data, kind);
    if (bare !== null) clone.data = bare;
    // A connection that was closed meanwhile decodes nothing more.
    input.write(clone).catch(() => {});
  }
}
