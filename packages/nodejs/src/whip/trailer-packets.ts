/**
 * The frame trailer of PROTOCOL.md (T) at the level of packets: a relay that takes a broadcast in never puts frames
 * together, so the trailer goes behind the last packet of a frame.
 *
 * Where that packet has no room another one follows it: for VP8 one more of the same partition (RFC 7741, section 4.4),
 * for H264 a unit of filler data (RFC 6184, section 5.6), which every decoder leaves out.
 */

import { encodeTrailer, padWithTrailer, type FrameTrailer } from '@casto/core';
import type { MediaCodec } from '../media/rtp-source.ts';
import { RTP_HEADER_BYTES } from '../media/rtp-packet.ts';
import { vp8DescriptorBytes } from '../media/vp8-descriptor.ts';

/** What browsers fill a packet up to, so that it passes any tunnel with the headers below it. */
export const MAX_PACKET_BYTES = 1200;

const MARKER_BIT = 0x80;
const VP8_START_BIT = 0x10;
const H264_TYPE_BITS = 0x1f;
const H264_AGGREGATE = 24;
/** Of no importance for decoding (`nal_ref_idc` 0), type 12. */
const H264_FILLER = 12;

/**
 * @param packet - The last packet of a frame, in the twelve-byte form; it may be overwritten.
 * @returns The packets that end the frame with its trailer; only the packet when it can carry none. The second one, if
 *   any, has the number of the first.
 */
export function appendToPacket(codec: MediaCodec, packet: Buffer, trailer: FrameTrailer): Buffer[] {
  if (packet.length === RTP_HEADER_BYTES) return [packet];
  if (codec === 'opus') return [padOpus(packet, trailer)];
  const bytes = encodeTrailer(trailer);
  if (
    packet.length + bytes.length <= MAX_PACKET_BYTES &&
    (codec === 'vp8' || extendAggregate(packet, bytes.length))
  ) {
    return [Buffer.concat([packet, bytes])];
  }
  const header = Buffer.from(packet.subarray(0, RTP_HEADER_BYTES));
  packet[1] = (packet[1] ?? 0) & ~MARKER_BIT;
  const prefix = codec === 'vp8' ? continuedDescriptor(packet) : Buffer.from([H264_FILLER]);
  return [packet, Buffer.concat([header, prefix, bytes])];
}

function padOpus(packet: Buffer, trailer: FrameTrailer): Buffer {
  const padded = padWithTrailer(packet.subarray(RTP_HEADER_BYTES), trailer);
  return padded === null ? packet : Buffer.concat([packet.subarray(0, RTP_HEADER_BYTES), padded]);
}

/** The same picture, and no start of a partition. */
function continuedDescriptor(packet: Buffer): Buffer {
  const descriptor = Buffer.from(
    packet.subarray(RTP_HEADER_BYTES, RTP_HEADER_BYTES + vp8DescriptorBytes(packet)),
  );
  descriptor[0] = (descriptor[0] ?? 0) & ~VP8_START_BIT;
  return descriptor;
}

/**
 * In an aggregate the last unit's length has to grow by what follows it.
 *
 * @returns Whether the trailer may follow the packet's payload.
 */
function extendAggregate(packet: Buffer, byBytes: number): boolean {
  if (((packet[RTP_HEADER_BYTES] ?? 0) & H264_TYPE_BITS) !== H264_AGGREGATE) return true;
  for (let at = RTP_HEADER_BYTES + 1; at + 2 < packet.length;) {
    const unitBytes = packet.readUInt16BE(at);
    const next = at + 2 + unitBytes;
    if (next === packet.length) {
      packet.writeUInt16BE(unitBytes + byBytes, at);
      return true;
    }
    if (unitBytes === 0) return false;
    at = next;
  }
  return false;
}
