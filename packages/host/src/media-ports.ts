/**
 * The two ports through which media passes a peer, whatever carries it: RTP packets in a headless relay,
 * encoded frames in a page. A hub reads sources and writes sinks; neither knows what stands behind the other.
 */

import type { MediaKind } from './session-parameters.ts';

/** Names one stream of a channel: its audio, or one quality of its video. */
export interface StreamKey {
  readonly kind: MediaKind;
  /** 0 is the highest quality. Always 0 for audio. */
  readonly layer: number;
}

/** One stream as it arrives from a parent. */
export interface FrameSource<Unit> {
  readonly key: StreamKey;
  /** Called once per unit, in order of arrival. At most one listener: the hub. */
  onUnit: ((unit: Unit) => void) | null;
  /** Asks the parent for a key frame. Requests in quick succession are merged (trailing edge). */
  requestKeyFrame(): void;
  close(): void;
}

/** One stream on its way to a child. */
export interface FrameSink<Unit> {
  readonly key: StreamKey;
  /** Forwards one unit at once, or drops and counts it when the child cannot take it. Never queues. */
  write(unit: Unit): void;
  /** Called when the child cannot decode without a new key frame. */
  onKeyFrameNeeded: (() => void) | null;
  close(): void;
}
