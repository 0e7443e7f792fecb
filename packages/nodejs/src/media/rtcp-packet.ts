/**
 * Reading RTCP (RFC 3550, section 6; RFC 4585; RFC 5104). A compound is walked block by
 * block with {@link rtcpBlockLength}; nothing is read beyond the block's own end.
 */

export const RTCP = {
  senderReport: 200,
  receiverReport: 201,
  description: 202,
  goodbye: 203,
  transportFeedback: 205,
  payloadFeedback: 206,
} as const;

/** Where a block of feedback keeps its kind, a report has the number of its blocks. */
export const FEEDBACK = { nack: 1, pictureLoss: 1, fullIntraRequest: 4, applicationLayer: 15 } as const;

export const REPORT_BLOCK_BYTES = 24;
export const SENDER_INFO_BYTES = 20;
const HEADER_BYTES = 4;
/** Header, sender and media source. */
const FEEDBACK_HEADER_BYTES = 12;
const VERSION_2 = 0x80;
const VERSION_BITS = 0xc0;
const COUNT_BITS = 0x1f;
/** NTP counts fractions of a second in units of 2^-32. */
const FRACTIONS_PER_MS = 2 ** 32 / 1000;

/** The sender's clock at one instant, and its RTP timestamp at the same instant. */
export interface SenderReport {
  readonly ssrc: number;
  readonly ntpSeconds: number;
  readonly ntpFraction: number;
  /** The middle 32 bits of the NTP time, by which receivers refer to a report. */
  readonly ntpMiddle: number;
  readonly timestamp: number;
  /** In the relay's clock, milliseconds. */
  readonly arrivedAt: number;
}

export interface ReportBlock {
  readonly ssrc: number;
  /** Of the last interval, 0 to 1. */
  readonly fractionLost: number;
  readonly lost: number;
  readonly highestSequence: number;
  /** In units of the stream's clock. */
  readonly jitter: number;
  readonly lastReport: number;
  /** Since then, in units of 1/65536 s. */
  readonly sinceLastReport: number;
}

/**
 * @param at - Where a block of a compound starts.
 * @returns Its length in bytes, or 0 when no block is there that fits into the packet.
 */
export function rtcpBlockLength(bytes: Buffer, at: number): number {
  if (at + HEADER_BYTES > bytes.length) return 0;
  if (((bytes[at] ?? 0) & VERSION_BITS) !== VERSION_2) return 0;
  const length = (bytes.readUInt16BE(at + 2) + 1) * 4;
  return at + length > bytes.length ? 0 : length;
}

export function rtcpTypeOf(bytes: Buffer, at: number): number {
  return bytes[at + 1] ?? 0;
}

/** Number of report blocks, or kind of feedback. */
export function rtcpCountOf(bytes: Buffer, at: number): number {
  return (bytes[at] ?? 0) & COUNT_BITS;
}

export function readSenderReport(
  bytes: Buffer,
  at: number,
  length: number,
  now: number,
): SenderReport | null {
  if (length < HEADER_BYTES + 4 + SENDER_INFO_BYTES) return null;
  const ntpSeconds = bytes.readUInt32BE(at + 8);
  const ntpFraction = bytes.readUInt32BE(at + 12);
  return {
    ssrc: bytes.readUInt32BE(at + 4),
    ntpSeconds,
    ntpFraction,
    ntpMiddle: ntpMiddleOf(ntpSeconds, ntpFraction),
    timestamp: bytes.readUInt32BE(at + 16),
    arrivedAt: now,
  };
}

/** The block about `ssrc` in a sender or receiver report. */
export function readReportBlock(bytes: Buffer, at: number, length: number, ssrc: number): ReportBlock | null {
  const ownBytes = rtcpTypeOf(bytes, at) === RTCP.senderReport ? SENDER_INFO_BYTES : 0;
  let block = at + HEADER_BYTES + 4 + ownBytes;
  for (let left = rtcpCountOf(bytes, at); left > 0; left -= 1) {
    if (block + REPORT_BLOCK_BYTES > at + length) return null;
    if (bytes.readUInt32BE(block) === ssrc) return readBlock(bytes, block);
    block += REPORT_BLOCK_BYTES;
  }
  return null;
}

/** The stream that a NACK or a picture loss indication is about; `null` when the block is cut off. */
export function readMediaSource(bytes: Buffer, at: number, length: number): number | null {
  return length < FEEDBACK_HEADER_BYTES ? null : bytes.readUInt32BE(at + 8);
}

/**
 * The packets that a NACK asks for (RFC 4585, section 6.2.1): each entry is a sequence and a mask of the 16 after it.
 *
 * @param into - Receives 16-bit sequences.
 * @param limit - Most entries to put into it; the rest is ignored.
 */
export function readNack(bytes: Buffer, at: number, length: number, into: number[], limit: number): void {
  for (let entry = at + FEEDBACK_HEADER_BYTES; entry + 4 <= at + length; entry += 4) {
    const first = bytes.readUInt16BE(entry);
    const mask = bytes.readUInt16BE(entry + 2);
    if (into.length >= limit) return;
    into.push(first);
    for (let bit = 0; bit < 16 && into.length < limit; bit += 1) {
      if ((mask & (1 << bit)) !== 0) into.push((first + bit + 1) & 0xffff);
    }
  }
}

/** Whether a full intra request (RFC 5104, section 4.3.1) names the stream; its header's source field is unused. */
export function isFullIntraRequestFor(bytes: Buffer, at: number, length: number, ssrc: number): boolean {
  for (let entry = at + FEEDBACK_HEADER_BYTES; entry + 8 <= at + length; entry += 8) {
    if (bytes.readUInt32BE(entry) === ssrc) return true;
  }
  return false;
}

/** What the sender would have said `elapsedMs` later. */
export function laterReport(report: SenderReport, elapsedMs: number, clockRate: number): SenderReport {
  const fraction = report.ntpFraction + elapsedMs * FRACTIONS_PER_MS;
  const ntpSeconds = (report.ntpSeconds + Math.floor(fraction / 2 ** 32)) >>> 0;
  const ntpFraction = Math.floor(fraction % 2 ** 32);
  return {
    ssrc: report.ssrc,
    ntpSeconds,
    ntpFraction,
    ntpMiddle: ntpMiddleOf(ntpSeconds, ntpFraction),
    timestamp: (report.timestamp + Math.round((elapsedMs * clockRate) / 1000)) >>> 0,
    arrivedAt: report.arrivedAt + elapsedMs,
  };
}

function ntpMiddleOf(seconds: number, fraction: number): number {
  return (((seconds & 0xffff) << 16) | (fraction >>> 16)) >>> 0;
}

function readBlock(bytes: Buffer, at: number): ReportBlock {
  // The cumulative number of packets lost is a signed number of 24 bits: duplicates make it negative.
  const lost = bytes.readIntBE(at + 5, 3);
  return {
    ssrc: bytes.readUInt32BE(at),
    fractionLost: (bytes[at + 4] ?? 0) / 256,
    lost,
    highestSequence: bytes.readUInt32BE(at + 8),
    jitter: bytes.readUInt32BE(at + 12),
    lastReport: bytes.readUInt32BE(at + 16),
    sinceLastReport: bytes.readUInt32BE(at + 20),
  };
}
