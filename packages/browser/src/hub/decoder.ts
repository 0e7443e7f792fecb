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
interface DecoderInputs {
  readonly writers: Partial<Record<FrameKind, WritableStreamDefaultWriter<EncodedFrame>>>;
  /** Pictures that were written so far: a decoder takes none with a lower number than one that it had. */
  pictures: number;
}

export interface DecoderPorts {
  /** What the hub adds to the timestamps of a source; `null` before it is known. */
  offsetOf(source: number, kind: FrameKind): number | null;
}

export class Decoder {
  readonly #ports: DecoderPorts;
  readonly #inputs = new Map<number, DecoderInputs>();
  #home: number | null = null;
  #isHomeGone = false;
  /** The last known ones of the home, which outlive its parent. */
  #offsets: Partial<Record<FrameKind, number>> = {};

  constructor(ports: DecoderPorts) {
    this.#ports = ports;
  }

  addInput(source: number, kind: FrameKind, writable: WritableStream<EncodedFrame>): void {
    const inputs = this.#inputs.get(source) ?? { writers: {}, pictures: 0 };
    inputs.writers[kind] = writable.getWriter();
    this.#inputs.set(source, inputs);
  }

  /** The home stays although its parent is gone: its decoder works on. */
  forget(source: number): void {
    if (source === this.#home) this.#isHomeGone = true;
    else this.#inputs.delete(source);
  }

  /**
   * The first home, or another one, as for another codec.
   *
   * @param recent - Pictures since the last key frame, which the new home starts from.
   */
  moveTo(source: number, recent: readonly PlacedFrame<RawFrame>[]): void {
    const before = this.#home;
    if (before === source) return;
    if (before !== null && this.#isHomeGone) this.#inputs.delete(before);
    this.#home = source;
    this.#isHomeGone = false;
    this.#offsets = {};
    for (const placed of recent) this.decode(placed);
  }

  /** A frame came from a parent, whether or not it passes the hub. */
  seen(source: number, frame: HubFrame<RawFrame>): void {
    if (this.#home !== null && source !== this.#home && frame.isKey)
      this.#write(source, frame, frame.timestamp);
  }

  /** A frame has passed the hub. */
  decode({ frame, timestamp }: PlacedFrame<RawFrame>): void {
    if (this.#home === null) return;
    const { kind } = frame;
    // The home's sender reports, which keep lips in sync, are in the home's own time.
    const offset = this.#ports.offsetOf(this.#home, kind) ?? this.#offsets[kind] ?? 0;
    this.#offsets[kind] = offset;
    this.#write(this.#home, frame, (timestamp - offset) >>> 0);
  }

  #write(source: number, { kind, isKey, raw }: HubFrame<RawFrame>, rtpTimestamp: number): void {
    const inputs = this.#inputs.get(source);
    const writer = inputs?.writers[kind];
    if (inputs === undefined || writer === undefined || raw.frame === null) return;
    const clone = cloneFrame(raw.frame, {
      rtpTimestamp,
      ...(kind === 'video' ? numberPicture(inputs, isKey) : {}),
    });
    const bare = bareData(raw.data, kind);
    if (bare !== null) clone.data = bare;
    // A connection that was closed meanwhile decodes nothing more.
    writer.write(clone).catch(() => {});
  }
}

/** Each picture needs the one before it, since what passes the hub is in order. */
function numberPicture(inputs: DecoderInputs, isKey: boolean): { frameId: number; dependencies: number[] } {
  const frameId = inputs.pictures++;
  return { frameId, dependencies: isKey ? [] : [frameId - 1] };
}
