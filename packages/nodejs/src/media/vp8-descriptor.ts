/**
 * The VP8 payload descriptor (RFC 7741, section 4.2), read once where a packet enters, and its picture numbers,
 * rewritten for each viewer: a decoder that sees PictureID or TL0PICIDX jump at a change of source or layer waits
 * for pictures that never existed, which freezes it for seconds.
 *
 *   X R N S R PID │ I L T K RSV │ M PictureID (7 or 15 bits) │ TL0PICIDX │ TID Y KEYIDX │ payload
 */

import { RTP_HEADER_BYTES } from './rtp-packet.ts';

const EXTENDED_BIT = 0x80;
const START_BIT = 0x10;
const PARTITION_BITS = 0x07;
const PICTURE_ID_BIT = 0x80;
const TL0_BIT = 0x40;
const TID_BIT = 0x20;
const KEYIDX_BIT = 0x10;
/** In the byte of the TID. */
const LAYER_SYNC_BIT = 0x20;
const LONG_PICTURE_ID_BIT = 0x80;
/** Clear in the first byte of a key frame's payload (RFC 6386, section 9.1). */
const INTER_FRAME_BIT = 0x01;

export const LONG_PICTURE_ID_MASK = 0x7fff;
export const SHORT_PICTURE_ID_MASK = 0x7f;

/** Where a packet keeps its picture numbers, and what they are. */
export interface Vp8Numbers {
  /** 0 without a PictureID, else the mask of its width. */
  pictureIdMask: number;
  /** Offset of the PictureID in the packet; meaningless without one. */
  pictureIdAt: number;
  pictureId: number;
  /** Offset of TL0PICIDX in the packet, 0 without one. */
  tl0At: number;
  tl0: number;
  /** TID, 0 without one. */
  temporalLayer: number;
  /** The picture needs none of its own or a higher temporal layer. */
  isLayerSync: boolean;
}

/**
 * @param bytes - A packet in the twelve-byte form.
 * @param into - Receives the picture numbers.
 * @returns Whether a key frame starts in this packet; `null` when the descriptor is cut off.
 */
export function readVp8(bytes: Uint8Array, into: Vp8Numbers): boolean | null {
  forgetVp8(into);
  const descriptor = bytes[RTP_HEADER_BYTES];
  if (descriptor === undefined) return null;
  let at = RTP_HEADER_BYTES + 1;
  if ((descriptor & EXTENDED_BIT) !== 0) at = readExtension(bytes, into);
  const payload = bytes[at];
  if (payload === undefined) return null;
  const startsFrame = (descriptor & START_BIT) !== 0 && (descriptor & PARTITION_BITS) === 0;
  return startsFrame && (payload & INTER_FRAME_BIT) === 0;
}

/** Of a packet that is no VP8, or has no numbers. */
export function forgetVp8(into: Vp8Numbers): void {
  into.pictureIdMask = 0;
  into.tl0At = 0;
  into.temporalLayer = 0;
  into.isLayerSync = true;
}

/**
 * @param bytes - A packet in the twelve-byte form that {@link readVp8} has read.
 * @returns How many bytes of its payload the descriptor takes.
 */
export function vp8DescriptorBytes(bytes: Uint8Array): number {
  const descriptor = bytes[RTP_HEADER_BYTES] ?? 0;
  if ((descriptor & EXTENDED_BIT) === 0) return 1;
  const numbers = {
    pictureIdMask: 0,
    pictureIdAt: 0,
    pictureId: 0,
    tl0At: 0,
    tl0: 0,
    temporalLayer: 0,
    isLayerSync: true,
  };
  return readExtension(bytes, numbers) - RTP_HEADER_BYTES;
}

/** Puts other picture numbers into a packet that {@link readVp8} has read; each is cut to the width it has there. */
export function writeVp8(bytes: Uint8Array, numbers: Vp8Numbers, pictureId: number, tl0: number): void {
  const at = numbers.pictureIdAt;
  if (numbers.pictureIdMask === LONG_PICTURE_ID_MASK) {
    bytes[at] = LONG_PICTURE_ID_BIT | ((pictureId >>> 8) & SHORT_PICTURE_ID_MASK);
    bytes[at + 1] = pictureId;
  } else if (numbers.pictureIdMask === SHORT_PICTURE_ID_MASK) {
    bytes[at] = pictureId & SHORT_PICTURE_ID_MASK;
  }
  if (numbers.tl0At !== 0) bytes[numbers.tl0At] = tl0;
}

/** @returns Where the payload starts; behind the packet's end when the extension is cut off. */
function readExtension(bytes: Uint8Array, into: Vp8Numbers): number {
  const flags = bytes[RTP_HEADER_BYTES + 1] ?? 0;
  let at = RTP_HEADER_BYTES + 2;
  if ((flags & PICTURE_ID_BIT) !== 0) {
    const high = bytes[at] ?? 0;
    const isLong = (high & LONG_PICTURE_ID_BIT) !== 0;
    into.pictureIdAt = at;
    into.pictureIdMask = isLong ? LONG_PICTURE_ID_MASK : SHORT_PICTURE_ID_MASK;
    into.pictureId = isLong ? ((high & SHORT_PICTURE_ID_MASK) << 8) | (bytes[at + 1] ?? 0) : high;
    at += isLong ? 2 : 1;
  }
  if ((flags & TL0_BIT) !== 0) {
    into.tl0At = at;
    into.tl0 = bytes[at] ?? 0;
    at += 1;
  }
  if ((flags & TID_BIT) !== 0) {
    const layers = bytes[at] ?? 0;
    into.temporalLayer = layers >>> 6;
    into.isLayerSync = (layers & LAYER_SYNC_BIT) !== 0;
  }
  if ((flags & (TID_BIT | KEYIDX_BIT)) !== 0) at += 1;
  return at;
}
