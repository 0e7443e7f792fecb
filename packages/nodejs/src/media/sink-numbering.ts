/**
 * The numbers that one viewer sees: sequence, timestamp and VP8 picture numbers that run on without a jump while the
 * source behind them is replaced, restarted or swapped for another layer. Each is the source's own number plus an
 * offset that is fixed where the viewer starts on that source.
 */

import { LeftOutPackets } from './left-out-packets.ts';
import type { PacketRing, RtpPacket } from './packet-ring.ts';
import { rewriteRtp } from './rtp-packet.ts';
import type { RtpIdentity } from './rtp-packet.ts';
import { LONG_PICTURE_ID_MASK, writeVp8 } from './vp8-descriptor.ts';

/**
 * A stream's first sequence stays below: SRTP receivers guess the upper bits, and guess wrong when the numbers wrap
 * while the first packets are lost (RFC 3711, section 3.3.1).
 */
const FIRST_SEQUENCE_LIMIT = 0x4000;

export interface SinkNumbering {
  /** The numbering that the offsets belong to, `null` before the start. */
  readonly ring: PacketRing | null;
  /** First source sequence of the present offsets; what came before was numbered otherwise. */
  readonly first: number;
  /** Highest source sequence written. */
  readonly highest: number;
  readonly timestampOffset: number;
  /** Fixes the offsets so that `packet` comes right after what was sent last. */
  start(packet: RtpPacket): void;
  /** Writes the viewer's numbers into the packet's memory. */
  write(packet: RtpPacket, identity: RtpIdentity): void;
  /** The viewer is not sent this packet; one that is newer than all others leaves no gap in the numbers. */
  leaveOut(packet: RtpPacket): void;
  /** Whether this packet was left out. */
  isLeftOut(sequence: number): boolean;
  /** The source sequence behind a sequence that the viewer names. */
  toSource(sequence: number): number;
}

export function createSinkNumbering(clockRate: number): SinkNumbering {
  return new OffsetNumbering(clockRate);
}

class OffsetNumbering implements SinkNumbering {
  readonly #ticksPerMs: number;
  ring: PacketRing | null = null;
  first = 0;
  highest = -1;
  timestampOffset = 0;
  #sequenceOffset = 0;
  #pictureOffset = 0;
  #tl0Offset = 0;
  /** Of the last packet in order, as the viewer saw it. */
  #lastTimestamp = 0;
  #lastPicture = 0;
  #lastTl0 = 0;
  #lastArrivedAt = 0;
  readonly #leftOut = new LeftOutPackets();

  constructor(clockRate: number) {
    this.#ticksPerMs = clockRate / 1000;
  }

  start(packet: RtpPacket): void {
    if (this.ring === null) {
      this.#sequenceOffset = Math.floor(Math.random() * FIRST_SEQUENCE_LIMIT) - packet.sequence;
      this.timestampOffset = Math.floor(Math.random() * 2 ** 32);
    } else {
      this.#sequenceOffset = this.#numberOf(this.highest + 1) - packet.sequence;
      // The same source kept its clock, so only another one is fitted to the time that has passed.
      if (packet.ring !== this.ring) this.timestampOffset = this.#nextTimestamp(packet) - packet.timestamp;
      this.#pictureOffset = this.#lastPicture + 1 - packet.pictureId;
      this.#tl0Offset = this.#lastTl0 + 1 - packet.tl0;
    }
    this.#leftOut.clear();
    this.ring = packet.ring;
    this.first = packet.sequence;
    this.highest = packet.sequence - 1;
  }

  write(packet: RtpPacket, identity: RtpIdentity): void {
    const { bytes, sequence } = packet;
    const timestamp = (packet.timestamp + this.timestampOffset) >>> 0;
    rewriteRtp(bytes, identity, packet.marker, this.#numberOf(sequence) & 0xffff, timestamp);
    const isNewest = sequence > this.highest;
    if (isNewest) {
      this.highest = sequence;
      this.#lastTimestamp = timestamp;
      this.#lastArrivedAt = packet.arrivedAt;
    }
    if (packet.pictureIdMask !== 0 || packet.tl0At !== 0) this.#writePicture(packet, isNewest);
  }

  leaveOut(packet: RtpPacket): void {
    if (packet.sequence <= this.highest) return;
    this.highest = packet.sequence;
    this.#leftOut.add(packet.sequence, packet.pictureId);
  }

  isLeftOut(sequence: number): boolean {
    return this.#leftOut.has(sequence);
  }

  toSource(sequence: number): number {
    const newest = this.#numberOf(this.highest);
    const number = newest + (((sequence - newest) << 16) >> 16);
    return this.#leftOut.sourceOf(number - this.#sequenceOffset);
  }

  #numberOf(sequence: number): number {
    return sequence + this.#sequenceOffset - this.#leftOut.packetsBefore(sequence);
  }

  #writePicture(packet: RtpPacket, isNewest: boolean): void {
    const leftOut = this.#leftOut.picturesBefore(packet.sequence);
    const picture = (packet.pictureId + this.#pictureOffset - leftOut) & LONG_PICTURE_ID_MASK;
    const tl0 = (packet.tl0 + this.#tl0Offset) & 0xff;
    writeVp8(packet.bytes, packet, picture, tl0);
    if (!isNewest) return;
    this.#lastPicture = picture;
    this.#lastTl0 = tl0;
  }

  #nextTimestamp(packet: RtpPacket): number {
    const elapsed = Math.max(1, Math.round((packet.arrivedAt - this.#lastArrivedAt) * this.#ticksPerMs));
    return this.#lastTimestamp + elapsed;
  }
}
