/** Numbers the frames of an encoder, and tells when they were captured (PROTOCOL.md, T1). */

import { appendTrailer, padWithTrailer, type FrameTrailer } from '@casto/core';
import { ahead, CLOCK_RATE_KHZ, type FrameKind } from './hub-frame.ts';
import { WindowedMinimum } from './windowed-minimum.ts';
import { isKeyFrame, timestampOf, type EncodedFrame } from './encoded-frame.ts';

const WINDOW_MS = 10_000;
const MAX_REFERENCE = 4;
const PREDECESSOR = 0b1;

export interface StampOptions {
  readonly kind: FrameKind;
  readonly layer: number;
  readonly epoch: number;
}

export class Stamper {
  readonly #options: StampOptions;
  /** Wall clock less media clock, of the frames that left the encoder soonest. */
  #clock = new WindowedMinimum(WINDOW_MS);
  #media: { timestamp: number; ticks: number } | null = null;
  #sequence = 0;

  constructor(options: StampOptions) {
    this.#options = options;
  }

  /** Another encoder takes over, with a clock of its own. The numbers go on. */
  changeEncoder(): void {
    this.#clock = new WindowedMinimum(WINDOW_MS);
    this.#media = null;
  }

  /** @returns The trailer that was appended, `null` for a packet that can carry none (PROTOCOL.md, T4.2). */
  stamp(frame: EncodedFrame, now: number): FrameTrailer | null {
    const { kind, layer, epoch } = this.#options;
    const references = referencesOf(frame, kind);
    const trailer: FrameTrailer = {
      epoch,
      sequence: this.#sequence,
      capturedAt: this.#capturedAt(timestampOf(frame), now),
      layer,
      // Where it is not known who needs a frame, none may be left out.
      temporalLayer: references === null ? 0 : temporalLayerOf(frame),
      references: references ?? PREDECESSOR,
      signature: null,
    };
    const data = new Uint8Array(frame.data);
    const stamped = kind === 'video' ? appendTrailer(data, trailer) : padWithTrailer(data, trailer);
    if (stamped === null) return null;
    this.#sequence = (this.#sequence + 1) >>> 0;
    frame.data = stamped.buffer;
    return trailer;
  }

  /** When the fastest encoder would have given the frame: what a busy one adds is waiting, not capture. */
  #capturedAt(timestamp: number, now: number): number {
    const before = this.#media;
    const ticks = before === null ? timestamp : before.ticks + ahead(timestamp, before.timestamp);
    this.#media = { timestamp, ticks };
    const mediaMs = ticks / CLOCK_RATE_KHZ[this.#options.kind];
    this.#clock.add(now - mediaMs, now);
    return mediaMs + (this.#clock.value ?? 0);
  }
}

function temporalLayerOf(frame: EncodedFrame): number {
  const metadata = frame.getMetadata();
  return 'temporalIndex' in metadata && typeof metadata.temporalIndex === 'number'
    ? metadata.temporalIndex
    : 0;
}

/** As a mask (PROTOCOL.md, T1.3); `null` when the encoder does not tell, or the mask cannot. */
function referencesOf(frame: EncodedFrame, kind: FrameKind): number | null {
  if (kind === 'audio' || isKeyFrame(frame)) return 0;
  const metadata = frame.getMetadata();
  const frameId = 'frameId' in metadata ? metadata.frameId : undefined;
  const dependencies = 'dependencies' in metadata ? metadata.dependencies : undefined;
  if (frameId === undefined || dependencies === undefined || dependencies.length === 0) return null;
  let mask = 0;
  for (const dependency of dependencies) {
    const back = frameId - dependency;
    if (back < 1 || back > MAX_REFERENCE) return null;
    mask |= 1 << (back - 1);
  }
  return mask;
}
