/** An encoded frame as the hub sees it: what its trailer and its metadata tell, and the browser's own object. */

export type FrameKind = 'audio' | 'video';

export interface HubFrame<Raw> {
  readonly kind: FrameKind;
  /** As it was encoded: 0 is the highest quality; always 0 for audio. */
  readonly layer: number;
  readonly isKey: boolean;
  /** Of the broadcast; 0 for a frame without a trailer. */
  readonly epoch: number;
  /** Rises by one per frame that the streamer sent, modulo 2^32. */
  readonly sequence: number;
  /** Bit n: the frame n + 1 before it is needed to decode it (PROTOCOL.md, T1.3). */
  readonly references: number;
  readonly temporalLayer: number;
  /** Milliseconds since 1970 in the streamer's clock; `null` without a trailer. */
  readonly capturedAt: number | null;
  /** RTP timestamp as it came, in units of {@link CLOCK_RATE_KHZ}. */
  readonly timestamp: number;
  readonly bytes: number;
  readonly raw: Raw;
}

/** A frame with its RTP timestamp on the line that all parents of this page share (source-timeline.ts). */
export interface PlacedFrame<Raw> {
  readonly frame: HubFrame<Raw>;
  readonly timestamp: number;
}

/** Ticks of the RTP clock per millisecond: RFC 7587 for Opus, RFC 7741 and RFC 6184 for VP8 and H264. */
export const CLOCK_RATE_KHZ: Readonly<Record<FrameKind, number>> = { audio: 48, video: 90 };

const REFERENCE_BITS = 4;
/** A frame that tells no references needs the one before it. */
const PREDECESSOR = 0b1;

/** The frames that one needs to be decoded (PROTOCOL.md, T1.3). */
export function referencesOf({
  isKey,
  sequence,
  references,
}: Pick<HubFrame<unknown>, 'isKey' | 'sequence' | 'references'>): number[] {
  if (isKey) return [];
  const needed = references || PREDECESSOR;
  const found: number[] = [];
  for (let bit = 0; bit < REFERENCE_BITS; bit++) {
    if (needed & (1 << bit)) found.push((sequence - bit - 1) >>> 0);
  }
  return found;
}

/** How far `a` is ahead of `b`, for numbers modulo 2^32. */
export function ahead(a: number, b: number): number {
  return (a - b) | 0;
}
