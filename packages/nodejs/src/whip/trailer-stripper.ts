/**
 * Takes frame trailers out of packets on their way to a player, which knows nothing of them (PROTOCOL.md, T). Those that
 * stand alone in a packet, or across two, are left: decoders do not mind (T5.1).
 */

import { splitPadding, splitTrailer } from '@casto/core';
import type { RtpPacket } from '../media/packet-ring.ts';
import { RTP_HEADER_BYTES, hasMarker } from '../media/rtp-packet.ts';
import type { MediaCodec } from '../media/rtp-source.ts';
import { vp8DescriptorBytes } from '../media/vp8-descriptor.ts';

const H264_TYPE_BITS = 0x1f;
const H264_AGGREGATE = 24;
/** Fragments have an indicator and a header of their own. */
const H264_FRAGMENT = 28;
const H264_FILLER = 12;

/**
 * A packet for one of many players, all of whom are sent the same but the header.
 *
 * @param packet - With the player's numbers in its header.
 * @returns Memory that is the packet's own, and holds these numbers until the next call.
 */
export function withoutTrailer(codec: MediaCodec, packet: RtpPacket): Buffer {
  const stripped = (packet.withoutTrailer ??= stripTrailer(codec, packet.bytes));
  if (stripped !== packet.bytes) packet.bytes.copy(stripped, 0, 0, RTP_HEADER_BYTES);
  return stripped;
}

/**
 * @param packet - In the twelve-byte form; others use its memory, so that it is not changed.
 * @returns The packet without its trailer, or as it is.
 */
export function stripTrailer(codec: MediaCodec, packet: Buffer): Buffer {
  if (codec === 'opus') {
    const padded = splitPadding(packet.subarray(RTP_HEADER_BYTES));
    return padded === null ? packet : Buffer.concat([packet.subarray(0, RTP_HEADER_BYTES), padded.frame]);
  }
  if (!hasMarker(packet)) return packet;
  const split = splitTrailer(packet.subarray(RTP_HEADER_BYTES));
  if (split === null) return packet;
  const left = split.frame.length;
  if (codec === 'vp8') {
    return left > vp8DescriptorBytes(packet) ? packet.subarray(0, RTP_HEADER_BYTES + left) : packet;
  }
  return stripUnit(packet, left);
}

/** @param left - Bytes of payload before the trailer. */
function stripUnit(packet: Buffer, left: number): Buffer {
  const type = (packet[RTP_HEADER_BYTES] ?? 0) & H264_TYPE_BITS;
  if (left <= (type === H264_FRAGMENT ? 2 : 1) || type === H264_FILLER) return packet;
  const end = RTP_HEADER_BYTES + left;
  if (type !== H264_AGGREGATE) return packet.subarray(0, end);
  const last = lastUnitAt(packet);
  // The last unit would be nothing but the trailer.
  if (last === null || last + 3 > end) return packet;
  const shortened = Buffer.from(packet.subarray(0, end));
  shortened.writeUInt16BE(end - last - 2, last);
  return shortened;
}

/** Where the length of an aggregate's last unit stands. */
function lastUnitAt(packet: Buffer): number | null {
  for (let at = RTP_HEADER_BYTES + 1; at + 2 < packet.length;) {
    const unitBytes = packet.readUInt16BE(at);
    if (at + 2 + unitBytes === packet.length) return at;
    if (unitBytes === 0) return null;
    at += 2 + unitBytes;
  }
  return null;
}
