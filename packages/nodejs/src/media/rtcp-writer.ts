/** Writing RTCP. These run a few times per second and stream, so each packet gets its own memory. */

import { FEEDBACK, REPORT_BLOCK_BYTES, RTCP, SENDER_INFO_BYTES } from './rtcp-packet.ts';
import type { ReportBlock } from './rtcp-packet.ts';

const VERSION_2 = 0x80;
const CNAME_ITEM = 1;
const MAX_CNAME_BYTES = 255;
const REMB_MANTISSA_BITS = 18;
/** Sequences that one entry of a NACK covers: itself and a mask of 16. */
const NACK_ENTRY_SPAN = 16;

/** A sender report's content (RFC 3550, section 6.4.1). */
export interface SenderInfo {
  readonly ntpSeconds: number;
  readonly ntpFraction: number;
  readonly timestamp: number;
  readonly packets: number;
  readonly octets: number;
}

/**
 * A sender report and the sender's canonical name in one compound: a receiver synchronizes streams of one name.
 *
 * @param cname - ASCII; cut off after 255 bytes.
 */
export function writeSenderReport(ssrc: number, info: SenderInfo, cname: string): Buffer {
  const report = Buffer.alloc(8 + SENDER_INFO_BYTES);
  writeHeader(report, 0, RTCP.senderReport);
  report.writeUInt32BE(ssrc, 4);
  report.writeUInt32BE(info.ntpSeconds >>> 0, 8);
  report.writeUInt32BE(info.ntpFraction >>> 0, 12);
  report.writeUInt32BE(info.timestamp >>> 0, 16);
  report.writeUInt32BE(info.packets >>> 0, 20);
  report.writeUInt32BE(info.octets >>> 0, 24);
  return Buffer.concat([report, writeDescription(ssrc, cname)]);
}

/** A receiver report with at most 31 blocks, and the receiver's canonical name. */
export function writeReceiverReport(ssrc: number, blocks: readonly ReportBlock[], cname: string): Buffer {
  const report = Buffer.alloc(8 + blocks.length * REPORT_BLOCK_BYTES);
  writeHeader(report, blocks.length, RTCP.receiverReport);
  report.writeUInt32BE(ssrc, 4);
  let at = 8;
  for (const block of blocks) {
    report.writeUInt32BE(block.ssrc, at);
    report[at + 4] = Math.min(255, Math.floor(block.fractionLost * 256));
    report.writeIntBE(block.lost, at + 5, 3);
    report.writeUInt32BE(block.highestSequence >>> 0, at + 8);
    report.writeUInt32BE(block.jitter >>> 0, at + 12);
    report.writeUInt32BE(block.lastReport >>> 0, at + 16);
    report.writeUInt32BE(block.sinceLastReport >>> 0, at + 20);
    at += REPORT_BLOCK_BYTES;
  }
  return Buffer.concat([report, writeDescription(ssrc, cname)]);
}

/** @param sequences - 16-bit or extended, in rising order, at least one. */
export function writeNack(ssrc: number, mediaSsrc: number, sequences: readonly number[]): Buffer {
  const entries: { first: number; mask: number }[] = [];
  for (const sequence of sequences) {
    const last = entries.at(-1);
    const distance = last === undefined ? Infinity : sequence - last.first;
    if (last === undefined || distance < 0 || distance > NACK_ENTRY_SPAN)
      entries.push({ first: sequence, mask: 0 });
    else if (distance > 0) last.mask |= 1 << (distance - 1);
  }
  const packet = writeFeedback(RTCP.transportFeedback, FEEDBACK.nack, ssrc, mediaSsrc, entries.length * 4);
  entries.forEach(({ first, mask }, index) => {
    packet.writeUInt16BE(first & 0xffff, 12 + index * 4);
    packet.writeUInt16BE(mask, 14 + index * 4);
  });
  return packet;
}

export function writePictureLoss(ssrc: number, mediaSsrc: number): Buffer {
  return writeFeedback(RTCP.payloadFeedback, FEEDBACK.pictureLoss, ssrc, mediaSsrc, 0);
}

/** @param count - Rises by one with each new request, modulo 256. */
export function writeFullIntraRequest(ssrc: number, mediaSsrc: number, count: number): Buffer {
  const packet = writeFeedback(RTCP.payloadFeedback, FEEDBACK.fullIntraRequest, ssrc, 0, 8);
  packet.writeUInt32BE(mediaSsrc, 12);
  packet[16] = count;
  return packet;
}

/** The receiver's estimate of the maximum bit rate over all named streams. */
export function writeRemb(ssrc: number, bitrateBps: number, mediaSsrcs: readonly number[]): Buffer {
  const packet = writeFeedback(
    RTCP.payloadFeedback,
    FEEDBACK.applicationLayer,
    ssrc,
    0,
    8 + mediaSsrcs.length * 4,
  );
  packet.write('REMB', 12, 'latin1');
  let exponent = 0;
  let mantissa = Math.max(0, Math.floor(bitrateBps));
  while (mantissa >= 2 ** REMB_MANTISSA_BITS) {
    mantissa = Math.floor(mantissa / 2);
    exponent += 1;
  }
  packet.writeUInt32BE(((mediaSsrcs.length << 24) | (exponent << REMB_MANTISSA_BITS) | mantissa) >>> 0, 16);
  mediaSsrcs.forEach((mediaSsrc, index) => packet.writeUInt32BE(mediaSsrc, 20 + index * 4));
  return packet;
}

/** One chunk with one item, padded to 32 bits by at least one zero byte (RFC 3550, section 6.5). */
function writeDescription(ssrc: number, cname: string): Buffer {
  const name = Buffer.from(cname, 'latin1').subarray(0, MAX_CNAME_BYTES);
  const packet = Buffer.alloc(Math.ceil((8 + 2 + name.length + 1) / 4) * 4);
  writeHeader(packet, 1, RTCP.description);
  packet.writeUInt32BE(ssrc, 4);
  packet[8] = CNAME_ITEM;
  packet[9] = name.length;
  name.copy(packet, 10);
  return packet;
}

function writeFeedback(
  type: number,
  kind: number,
  ssrc: number,
  mediaSsrc: number,
  bodyBytes: number,
): Buffer {
  const packet = Buffer.alloc(12 + bodyBytes);
  writeHeader(packet, kind, type);
  packet.writeUInt32BE(ssrc, 4);
  packet.writeUInt32BE(mediaSsrc, 8);
  return packet;
}

function writeHeader(packet: Buffer, count: number, type: number): void {
  packet[0] = VERSION_2 | count;
  packet[1] = type;
  packet.writeUInt16BE(packet.length / 4 - 1, 2);
}
