/** The load: VP8-shaped RTP with valid descriptors, and the time in each payload. */

import { RTP_HEADER_BYTES } from '../src/media/rtp-packet.ts';

export const FRAMES_PER_SECOND = 30;
const VP8_PAYLOAD_TYPE = 96;
const TICKS_PER_FRAME = 90_000 / FRAMES_PER_SECOND;
const DESCRIPTOR_BYTES = 6;
/** Behind the descriptor and the first bytes of a VP8 frame. */
const SENT_AT = RTP_HEADER_BYTES + DESCRIPTOR_BYTES + 6;

/** @param number - Counts from 0. */
export function syntheticPacket(
  number: number,
  options: { packetBytes: number; packetsPerFrame: number; ssrc: number; isKey: boolean },
): Buffer {
  const { packetBytes, packetsPerFrame, ssrc, isKey } = options;
  const frame = Math.floor(number / packetsPerFrame);
  const place = number % packetsPerFrame;
  const isLast = place === packetsPerFrame - 1;
  const packet = Buffer.alloc(packetBytes, number & 0xff);
  packet[0] = 0x80;
  packet[1] = VP8_PAYLOAD_TYPE | (isLast ? 0x80 : 0);
  packet.writeUInt16BE(number & 0xffff, 2);
  packet.writeUInt32BE((frame * TICKS_PER_FRAME) >>> 0, 4);
  packet.writeUInt32BE(ssrc, 8);
  // Extended, start of a frame; PictureID, TL0PICIDX and TID follow (RFC 7741, section 4.2).
  packet[12] = 0x80 | (place === 0 ? 0x10 : 0);
  packet[13] = 0xe0;
  packet.writeUInt16BE(0x8000 | (frame & 0x7fff), 14);
  packet[16] = frame & 0xff;
  packet[17] = 0;
  packet[18] = place === 0 && isKey ? 0 : 1;
  packet.writeBigUInt64BE(process.hrtime.bigint(), SENT_AT);
  return packet;
}

/** Microseconds since the packet was made; all processes of a machine share the clock. */
export function ageOf(packet: Buffer): number {
  return Number(process.hrtime.bigint() - packet.readBigUInt64BE(SENT_AT)) / 1000;
}
