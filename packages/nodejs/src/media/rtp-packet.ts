/**
 * RTP headers (RFC 3550, section 5.1). A packet is brought into one form where it enters the relay: twelve bytes
 * of header, then the payload. Contributing sources, header extensions and padding end there, so that every
 * viewer's packet is made by overwriting twelve bytes of the same buffer.
 */

export const RTP_HEADER_BYTES = 12;

/** RTCP packet types 192 to 223 stand where RTP has marker and payload type (RFC 5761, section 4). */
const FIRST_RTCP_TYPE = 192;
const LAST_RTCP_TYPE = 223;

const VERSION_BITS = 0xc0;
const VERSION_2 = 0x80;
const PADDING_BIT = 0x20;
const EXTENSION_BIT = 0x10;
const SOURCE_COUNT_BITS = 0x0f;
const MARKER_BIT = 0x80;

/** Why bytes are not an RTP packet that can be forwarded. */
export type RtpFault = 'rtp-short' | 'rtp-version' | 'rtp-header' | 'rtp-padding';

/** Tells RTCP from RTP on a transport that carries both. Too short for either counts as RTP, which then refuses it. */
export function isRtcp(bytes: Uint8Array): boolean {
  const type = bytes[1] ?? 0;
  return type >= FIRST_RTCP_TYPE && type <= LAST_RTCP_TYPE;
}

/**
 * Strips contributing sources, header extension and padding.
 *
 * @param bytes - One packet; its memory is reused and its first bytes may be overwritten.
 * @returns The packet in its twelve-byte form, sharing memory with `bytes`, or the fault that makes it unusable.
 *   A payload of zero bytes is no fault: senders probe for bandwidth with packets that hold padding only, and a
 *   viewer must see their sequence numbers.
 */
export function stripRtp(bytes: Buffer): Buffer | RtpFault {
  if (bytes.length < RTP_HEADER_BYTES) return 'rtp-short';
  const first = bytes[0] ?? 0;
  if ((first & VERSION_BITS) !== VERSION_2) return 'rtp-version';
  if (first === VERSION_2) return bytes;

  const headerBytes = headerLength(bytes, first);
  if (headerBytes > bytes.length) return 'rtp-header';
  let end = bytes.length;
  if ((first & PADDING_BIT) !== 0) {
    const paddingBytes = bytes[end - 1] ?? 0;
    if (paddingBytes === 0 || paddingBytes > end - headerBytes) return 'rtp-padding';
    end -= paddingBytes;
  }
  const start = headerBytes - RTP_HEADER_BYTES;
  if (start > 0) bytes.copyWithin(start, 0, RTP_HEADER_BYTES);
  const stripped = bytes.subarray(start, end);
  stripped[0] = VERSION_2;
  return stripped;
}

export function payloadTypeOf(bytes: Uint8Array): number {
  return (bytes[1] ?? 0) & ~MARKER_BIT;
}

export function hasMarker(bytes: Uint8Array): boolean {
  return ((bytes[1] ?? 0) & MARKER_BIT) !== 0;
}

/** Of a packet that {@link stripRtp} has passed, as for the readers below. */
export function sequenceOf(bytes: Buffer): number {
  return bytes.readUInt16BE(2);
}

export function timestampOf(bytes: Buffer): number {
  return bytes.readUInt32BE(4);
}

export function ssrcOf(bytes: Buffer): number {
  return bytes.readUInt32BE(8);
}

/** What makes a packet one of a certain viewer. */
export interface RtpIdentity {
  readonly payloadType: number;
  readonly ssrc: number;
}

/** Overwrites all that differs from viewer to viewer. Written byte by byte: this runs once per viewer and packet. */
export function rewriteRtp(
  bytes: Buffer,
  identity: RtpIdentity,
  marker: boolean,
  sequence: number,
  timestamp: number,
): void {
  const { payloadType, ssrc } = identity;
  bytes[1] = marker ? payloadType | MARKER_BIT : payloadType;
  bytes[2] = sequence >>> 8;
  bytes[3] = sequence;
  bytes[4] = timestamp >>> 24;
  bytes[5] = timestamp >>> 16;
  bytes[6] = timestamp >>> 8;
  bytes[7] = timestamp;
  bytes[8] = ssrc >>> 24;
  bytes[9] = ssrc >>> 16;
  bytes[10] = ssrc >>> 8;
  bytes[11] = ssrc;
}

/** The distance from `from` to `to` on a circle of 2^16: -32768 to 32767. */
export function sequenceDistance(from: number, to: number): number {
  return ((to - from) << 16) >> 16;
}

/** The distance from `from` to `to` on a circle of 2^32: -2^31 to 2^31 - 1. */
export function timestampDistance(from: number, to: number): number {
  return (to - from) | 0;
}

function headerLength(bytes: Buffer, first: number): number {
  const fixedBytes = RTP_HEADER_BYTES + (first & SOURCE_COUNT_BITS) * 4;
  if ((first & EXTENSION_BIT) === 0) return fixedBytes;
  // The extension's own four bytes: a profile and the number of 32-bit words that follow.
  if (fixedBytes + 4 > bytes.length) return Infinity;
  return fixedBytes + 4 + bytes.readUInt16BE(fixedBytes + 2) * 4;
}
