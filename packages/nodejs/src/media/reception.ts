/**
 * What a receiver knows about one incoming stream: sequence numbers extended beyond 16 bits, loss and jitter
 * (RFC 3550, appendix A), and the sender's last report.
 */

import type { ReportBlock, SenderReport } from './rtcp-packet.ts';
import { sequenceDistance, timestampDistance } from './rtp-packet.ts';

/** A jump ahead of this many packets or more is a mistake or a restart (RFC 3550, appendix A.1). */
const MAX_DROPOUT = 3000;
/** Packets may come this late: as many as a ring holds, because retransmissions count too. */
const MAX_LATENESS = 2048;
/** A stream that starts over gets fresh memory, so it may do so this often only. */
const RESTART_INTERVAL_MS = 1000;
/** Extended sequences start here, so that packets late to the very first one stay positive. */
const FIRST_CYCLE = 65_536;
/** Where RFC 3550 keeps 16 fractional bits of a second, in milliseconds. */
const NTP_FRACTIONS_PER_MS = 65.536;
const MAX_LOST = 0x7fffff;
/** Weight of one packet in the mean jitter (RFC 3550, section 6.4.1). */
const JITTER_WEIGHT = 1 / 16;

/**
 * How a packet stands to those before it. `restart`: the stream continues at another place, and this packet is the
 * first there. `jump`: far away from its predecessors, to be ignored unless its successor follows.
 */
export type Arrival = 'next' | 'gap' | 'late' | 'jump' | 'restart';

export interface Reception {
  /** Extended sequence of the packet last taken. */
  readonly sequence: number;
  /** The highest extended sequence, -1 before the first packet. */
  readonly highest: number;
  readonly received: number;
  readonly lost: number;
  readonly jitterMs: number;
  readonly senderReport: SenderReport | null;
  take(sequence: number, timestamp: number, now: number): Arrival;
  takeReport(report: SenderReport): void;
  /** Closes an interval of reporting. @returns `null` before the first packet. */
  report(ssrc: number, now: number): ReportBlock | null;
}

export function createReception(clockRate: number): Reception {
  return new StreamReception(clockRate);
}

class StreamReception implements Reception {
  readonly #ticksPerMs: number;
  sequence = -1;
  highest = -1;
  received = 0;
  senderReport: SenderReport | null = null;
  #first = 0;
  #jitterTicks = 0;
  #lastTimestamp = 0;
  #lastArrivedAt = 0;
  /** The 16-bit sequence that would confirm a jump. */
  #confirming = -1;
  #restartedAt = -Infinity;
  #expectedBefore = 0;
  #receivedBefore = 0;

  constructor(clockRate: number) {
    this.#ticksPerMs = clockRate / 1000;
  }

  get jitterMs(): number {
    return this.#jitterTicks / this.#ticksPerMs;
  }

  get lost(): number {
    return this.highest < 0 ? 0 : this.#expected() - this.received;
  }

  take(sequence: number, timestamp: number, now: number): Arrival {
    if (this.highest < 0) {
      this.#begin(FIRST_CYCLE + sequence, timestamp, now);
      return 'next';
    }
    const distance = sequenceDistance(this.highest, sequence);
    if (distance > 0 && distance < MAX_DROPOUT) {
      this.#advance(distance, timestamp, now);
      return distance === 1 ? 'next' : 'gap';
    }
    if (distance <= 0 && distance > -MAX_LATENESS) {
      this.sequence = this.highest + distance;
      this.received += 1;
      return 'late';
    }
    return this.#takeFar(sequence, timestamp, now);
  }

  takeReport(report: SenderReport): void {
    this.senderReport = report;
  }

  report(ssrc: number, now: number): ReportBlock | null {
    if (this.highest < 0) return null;
    const expected = this.#expected();
    const expectedNow = expected - this.#expectedBefore;
    const lostNow = expectedNow - (this.received - this.#receivedBefore);
    this.#expectedBefore = expected;
    this.#receivedBefore = this.received;
    const last = this.senderReport;
    return {
      ssrc,
      fractionLost: expectedNow > 0 && lostNow > 0 ? lostNow / expectedNow : 0,
      lost: Math.min(Math.max(expected - this.received, 0), MAX_LOST),
      highestSequence: this.highest >>> 0,
      jitter: Math.round(this.#jitterTicks),
      lastReport: last === null ? 0 : last.ntpMiddle,
      sinceLastReport: last === null ? 0 : Math.round((now - last.arrivedAt) * NTP_FRACTIONS_PER_MS),
    };
  }

  #expected(): number {
    return this.highest - this.#first + 1;
  }

  #begin(sequence: number, timestamp: number, now: number): void {
    this.sequence = sequence;
    this.highest = sequence;
    this.#first = sequence;
    this.received = 1;
    this.#expectedBefore = 0;
    this.#receivedBefore = 0;
    this.#confirming = -1;
    this.#lastTimestamp = timestamp;
    this.#lastArrivedAt = now;
  }

  #advance(distance: number, timestamp: number, now: number): void {
    this.sequence = this.highest + distance;
    this.highest = this.sequence;
    this.received += 1;
    this.#confirming = -1;
    // Packets of one picture share a timestamp and are spread by the sender's pacer, which is no jitter.
    if (timestamp === this.#lastTimestamp) return;
    const elapsedTicks = (now - this.#lastArrivedAt) * this.#ticksPerMs;
    const deviation = Math.abs(elapsedTicks - timestampDistance(this.#lastTimestamp, timestamp));
    this.#jitterTicks += (deviation - this.#jitterTicks) * JITTER_WEIGHT;
    this.#lastTimestamp = timestamp;
    this.#lastArrivedAt = now;
  }

  #takeFar(sequence: number, timestamp: number, now: number): Arrival {
    const isConfirmed = sequence === this.#confirming && now - this.#restartedAt >= RESTART_INTERVAL_MS;
    this.#confirming = (sequence + 1) & 0xffff;
    if (!isConfirmed) return 'jump';
    this.#restartedAt = now;
    this.#begin(FIRST_CYCLE + sequence, timestamp, now);
    return 'restart';
  }
}
