import { rtcpBlockLength } from './rtcp-packet.ts';

/** Reads blocks about its own stream and ignores the others. */
export interface RtcpReader {
  takeRtcp(bytes: Buffer, at: number, length: number): void;
}

/**
 * Shows every block of a compound to every reader.
 *
 * @returns Whether the compound was whole; what stands before a broken block is read.
 */
export function readRtcpCompound(bytes: Buffer, readers: Iterable<RtcpReader>): boolean {
  for (let at = 0; at < bytes.length;) {
    const length = rtcpBlockLength(bytes, at);
    if (length === 0) return false;
    for (const reader of readers) reader.takeRtcp(bytes, at, length);
    at += length;
  }
  return true;
}
