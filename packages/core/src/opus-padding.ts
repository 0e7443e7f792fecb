/**
 * A trailer inside an Opus packet, as padding that every decoder skips (PROTOCOL.md, T4).
 *
 * Bytes simply appended would change the sound: an Opus decoder reads part of a frame from its end. So a packet
 * of one frame (code 0) becomes a packet of "a given number of frames" (code 3) with one frame and padding.
 *
 * @see RFC 6716, section 3.2.5
 */

import { encodeTrailer, splitTrailer, type FrameTrailer } from './frame-trailer.ts';

const CODE_MASK = 0b11;
const CODE_ONE_FRAME = 0;
const CODE_COUNTED_FRAMES = 3;
/** Constant bit rate, padding present, one frame. */
const ONE_PADDED_FRAME = 0x41;
/** Larger paddings need a second length byte; a trailer never is. */
const MAX_SHORT_PADDING = 254;

/** @returns A copy with the trailer, or `null` when the packet holds several frames and must stay as it is. */
export function padWithTrailer(packet: Uint8Array, trailer: FrameTrailer): Uint8Array<ArrayBuffer> | null {
  const toc = packet[0];
  if (toc === undefined || (toc & CODE_MASK) !== CODE_ONE_FRAME) return null;
  const padding = encodeTrailer(trailer);
  const padded = new Uint8Array(packet.length + 2 + padding.length);
  padded[0] = toc | CODE_COUNTED_FRAMES;
  padded[1] = ONE_PADDED_FRAME;
  padded[2] = padding.length;
  padded.set(packet.subarray(1), 3);
  padded.set(padding, packet.length + 2);
  return padded;
}

/** Undoes `padWithTrailer`. @returns `null` when the packet carries no trailer. */
export function splitPadding(
  packet: Uint8Array,
): { frame: Uint8Array<ArrayBuffer>; trailer: FrameTrailer } | null {
  const [toc, count, paddingLength] = packet;
  if (toc === undefined || count !== ONE_PADDED_FRAME || paddingLength === undefined) return null;
  if ((toc & CODE_MASK) !== CODE_COUNTED_FRAMES || paddingLength > MAX_SHORT_PADDING) return null;
  const end = packet.length - paddingLength;
  if (end < 3) return null;
  const split = splitTrailer(packet.subarray(end));
  if (split === null || split.frame.length !== 0) return null;
  const frame = new Uint8Array(end - 2);
  frame[0] = toc & ~CODE_MASK;
  frame.set(packet.subarray(3, end), 1);
  return { frame, trailer: split.trailer };
}
