/**
 * Key frames in H264 payloads (RFC 6184, section 5.2): a sequence parameter set, or a slice of an instantaneous
 * decoder refresh, in a packet of its own, in an aggregate, or at the start of a fragment.
 */

import { RTP_HEADER_BYTES } from './rtp-packet.ts';

const TYPE_BITS = 0x1f;
const IDR_SLICE = 5;
export const H264_SEQUENCE_PARAMETERS = 7;
const AGGREGATE = 24;
const FRAGMENT = 28;
const FRAGMENT_START_BIT = 0x80;

/** What a packet holds of a key frame. A decoder can start only where its parameters are. */
export type H264Content = 'parameters' | 'idr' | 'other';

/**
 * @param bytes - A packet in the twelve-byte form.
 * @returns `null` when the payload is cut off.
 */
export function readH264(bytes: Buffer): H264Content | null {
  const header = bytes[RTP_HEADER_BYTES];
  if (header === undefined) return null;
  const type = header & TYPE_BITS;
  if (type === AGGREGATE) return readAggregate(bytes);
  if (type !== FRAGMENT) return contentOf(type);
  const fragment = bytes[RTP_HEADER_BYTES + 1];
  if (fragment === undefined) return null;
  return (fragment & FRAGMENT_START_BIT) === 0 ? 'other' : contentOf(fragment & TYPE_BITS);
}

/**
 * @param bytes - A packet in the twelve-byte form.
 * @returns The first unit of a type, in the packet's memory; `null` when there is none whole.
 */
export function findH264Unit(bytes: Buffer, type: number): Buffer | null {
  const found = (bytes[RTP_HEADER_BYTES] ?? 0) & TYPE_BITS;
  if (found === type) return bytes.subarray(RTP_HEADER_BYTES);
  if (found !== AGGREGATE) return null;
  for (let at = RTP_HEADER_BYTES + 1; at + 3 <= bytes.length;) {
    const next = at + 2 + bytes.readUInt16BE(at);
    if (next === at + 2 || next > bytes.length) return null;
    if (((bytes[at + 2] ?? 0) & TYPE_BITS) === type) return bytes.subarray(at + 2, next);
    at = next;
  }
  return null;
}

function contentOf(type: number): H264Content {
  if (type === H264_SEQUENCE_PARAMETERS) return 'parameters';
  return type === IDR_SLICE ? 'idr' : 'other';
}

/** Units in an aggregate follow each other, each behind two bytes of length. */
function readAggregate(bytes: Buffer): H264Content | null {
  let found: H264Content = 'other';
  let at = RTP_HEADER_BYTES + 1;
  while (at < bytes.length) {
    if (at + 3 > bytes.length) return null;
    const unitBytes = bytes.readUInt16BE(at);
    if (unitBytes === 0 || at + 2 + unitBytes > bytes.length) return null;
    const content = contentOf((bytes[at + 2] ?? 0) & TYPE_BITS);
    if (content === 'parameters') return content;
    if (content === 'idr') found = content;
    at += 2 + unitBytes;
  }
  return found;
}
