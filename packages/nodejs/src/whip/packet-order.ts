/**
 * Puts the packets of a publisher in order before they are stamped: frames are numbered as they were sent, and a number
 * that was given out cannot be changed when a lost packet comes after all. Nothing waits while nothing is missing.
 */

import type { PacketRing, RtpPacket } from '../media/packet-ring.ts';

/** Packets that may wait behind a missing one; a ring holds more. */
const MAX_AHEAD = 1024;

export interface PacketOrderOptions {
  /** How long a missing packet is waited for, in milliseconds. */
  readonly maxWaitMs: number;
  /** Hears the packets in order. Its memory is the ring's. */
  readonly onPacket: (packet: RtpPacket) => void;
  /** This many packets are given up. */
  readonly onLost: (packets: number) => void;
}

export class PacketOrder {
  readonly #options: PacketOrderOptions;
  #ring: PacketRing | null = null;
  #next = 0;
  /** Since when the next packet is missing while later ones are there. */
  #missingSince: number | null = null;

  constructor(options: PacketOrderOptions) {
    this.#options = options;
  }

  take(packet: RtpPacket, now: number): void {
    if (packet.ring !== this.#ring) this.#startAt(packet);
    if (packet.sequence < this.#next) return;
    this.#drain(now);
    if (this.#ring !== null && this.#ring.highest - this.#next >= MAX_AHEAD) this.#skip(now);
  }

  tick(now: number): void {
    if (this.#missingSince !== null && now - this.#missingSince >= this.#options.maxWaitMs) this.#skip(now);
  }

  /** A stream that starts over has a fresh ring; what was missing in the former is of no use. */
  #startAt(packet: RtpPacket): void {
    this.#ring = packet.ring;
    this.#next = packet.sequence;
    this.#missingSince = null;
  }

  #drain(now: number): void {
    const ring = this.#ring;
    if (ring === null) return;
    for (let packet = ring.get(this.#next); packet !== null; packet = ring.get(this.#next)) {
      this.#next += 1;
      this.#missingSince = null;
      this.#options.onPacket(packet);
    }
    if (this.#next <= ring.highest) this.#missingSince ??= now;
  }

  /** Goes on at the next packet that is there. */
  #skip(now: number): void {
    const ring = this.#ring;
    if (ring === null) return;
    const from = this.#next;
    while (this.#next <= ring.highest && ring.get(this.#next) === null) this.#next += 1;
    this.#missingSince = null;
    if (this.#next > from) this.#options.onLost(this.#next - from);
    this.#drain(now);
  }
}
