/**
 * One stream on its way to one viewer: packets rewritten in place and sent at once, NACKs answered from the ring of
 * the source, sender reports with true capture times.
 *
 *   closed ──open──▶ waiting ──start, key frame──▶ flowing
 *                       ▲  └──startFrom──▶ catching-up ──┘
 *                       └──restart, another source──┘
 *
 * A joiner catches up from the last key frame faster than real time, but not all at once: two seconds of packets in
 * one burst overflow the socket buffers of the receiver.
 */

import type { FrameSink, StreamKey } from '@casto/host';
import type { LayerWish } from './layer-choice.ts';
import type { PacketRing, RtpPacket } from './packet-ring.ts';
import { ReportRoundTrip } from './report-round-trip.ts';
import { createResendBudget } from './resend-budget.ts';
import {
  FEEDBACK,
  RTCP,
  isFullIntraRequestFor,
  laterReport,
  readMediaSource,
  readNack,
  readReportBlock,
  rtcpCountOf,
  rtcpTypeOf,
} from './rtcp-packet.ts';
import type { ReportBlock, SenderReport } from './rtcp-packet.ts';
import { writeSenderReport } from './rtcp-writer.ts';
import { RTP_HEADER_BYTES } from './rtp-packet.ts';
import { createSinkNumbering } from './sink-numbering.ts';
import { noDrops, type SinkDrop, type SinkStats } from './sink-stats.ts';
import { TemporalFilter } from './temporal-filter.ts';
import { NO_LIMIT, type SinkLimit } from './viewer-budget.ts';

/** Packets sent at once when a viewer starts from an older key frame; 35 kB fit any socket buffer. */
const FIRST_BURST_PACKETS = 32;
/** Packets sent for each one that arrives until the viewer has caught up: twelve times real time. */
const CATCH_UP_PACKETS = 12;
/** SRTP refuses to send what lies further behind: its replay window (libdatachannel sets 1024). */
const MAX_RESEND_DISTANCE = 1000;
/** Sequences read from one NACK. A receiver that misses more asks for a key frame. */
const MAX_NACKED = 512;
/** Below, two points are too close for a line. */
const MIN_EXTRAPOLATION_MS = 100;

export type SinkState = 'closed' | 'waiting' | 'catching-up' | 'flowing';

export interface RtpSinkOptions {
  readonly key: StreamKey;
  /** Of a viewer that is sent the layer that suits it, and not always that of `key`. */
  readonly wish?: LayerWish | null;
  readonly clockRate: number;
  readonly payloadType: number;
  readonly ssrc: number;
  readonly cname: string;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Sends RTP or RTCP to the child, copying it. Must not throw. */
  readonly send: (packet: Buffer) => boolean;
  /** What the child is sent of a packet whose header is written; by default all of it. Must not throw. */
  readonly bytesOf?: (packet: RtpPacket) => Buffer;
}

export interface RtpSink extends FrameSink<RtpPacket> {
  readonly ssrc: number;
  readonly state: SinkState;
  /** `null`: it is sent one layer alone. */
  readonly wish: LayerWish | null;
  /** The highest that has come in the present layer. */
  readonly topTemporalLayer: number;
  /** What the viewer reported last. */
  readonly report: ReportBlock | null;
  /** By the viewer's report, `null` before it. */
  readonly roundTripMs: number | null;
  /** The highest temporal layer that passes; -1 while no video does. */
  readonly temporalLayer: number;
  /** Whether the viewer can be sent what came before: it was sent nothing yet, or nothing since long before that. */
  mayStartAt(ring: PacketRing, sequence: number): boolean;
  /** When the last packet passed. */
  readonly lastSentAt: number;
  /** Called when the way to the viewer is open. */
  onOpen: (() => void) | null;
  open(): void;
  /** The viewer wants nothing until it is opened again. */
  pause(): void;
  /** Starts a waiting viewer at a key frame that the ring still holds, and catches up from there. */
  startFrom(ring: PacketRing, sequence: number): void;
  /** Sends more of what a viewer that catches up lacks; without effect in other states. */
  advance(): void;
  /** Packets were left out: waits for the next key frame. */
  restart(): void;
  /** It is fed with another layer from here on, beginning with a key frame. */
  moveTo(layer: number): void;
  /** The viewer cannot go on decoding. */
  wantKeyFrame(): void;
  /** Sends less of a video, or more again: the highest temporal layers first, then nothing until a key frame. */
  limit(limit: SinkLimit): void;
  /** Passes on when the sender said that a timestamp was captured, in the timestamps that this viewer sees. */
  sendReport(ring: PacketRing, report: SenderReport): void;
  /** Takes one block of an RTCP packet; blocks about other streams are ignored. */
  takeRtcp(bytes: Buffer, at: number, length: number): void;
  stats(): SinkStats;
}

export function createRtpSink(options: RtpSinkOptions): RtpSink {
  return new PacketSink(options);
}

class PacketSink implements RtpSink {
  key: StreamKey;
  readonly ssrc: number;
  readonly payloadType: number;
  readonly wish: LayerWish | null;
  topTemporalLayer = 0;
  state: SinkState = 'closed';
  lastSentAt = -Infinity;
  report: ReportBlock | null = null;
  roundTripMs: number | null = null;
  onKeyFrameNeeded: (() => void) | null = null;
  onOpen: (() => void) | null = null;

  readonly #options: RtpSinkOptions;
  readonly #numbering;
  readonly #budget = createResendBudget();
  readonly #nacked: number[] = [];
  readonly #drops = noDrops();
  readonly #filter = new TemporalFilter();
  #leftOutBytes = 0;
  #limit = NO_LIMIT;
  readonly #roundTrip = new ReportRoundTrip();
  /** When the viewer began with the present numbers; what it catches up with is sent later than it came. */
  #startedAt = -Infinity;
  /** Next sequence to send while catching up. */
  #cursor = 0;
  #isClosed = false;
  #wasPaused = false;
  #packets = 0;
  #bytes = 0;
  #payloadBytes = 0;
  #resent = 0;
  #nacks = 0;
  #pictureLosses = 0;

  constructor(options: RtpSinkOptions) {
    this.#options = options;
    this.key = options.key;
    this.wish = options.wish ?? null;
    this.ssrc = options.ssrc;
    this.payloadType = options.payloadType;
    this.#numbering = createSinkNumbering(options.clockRate);
  }

  get temporalLayer(): number {
    return this.#filter.highest;
  }

  mayStartAt(ring: PacketRing, sequence: number): boolean {
    const { ring: before, highest } = this.#numbering;
    if (before === null) return true;
    return this.#wasPaused && (ring !== before || sequence > highest);
  }

  open(): void {
    if (this.#isClosed || this.state !== 'closed') return;
    this.state = 'waiting';
    this.onOpen?.();
  }

  pause(): void {
    if (this.#isClosed) return;
    this.state = 'closed';
    this.#wasPaused = true;
  }

  write(packet: RtpPacket): void {
    if (this.state === 'flowing' && packet.ring === this.#numbering.ring) {
      if (packet.sequence < this.#numbering.first) this.#drops.early += 1;
      else this.#forward(packet);
      return;
    }
    this.#writeOutOfFlow(packet);
  }

  startFrom(ring: PacketRing, sequence: number): void {
    const packet = ring.get(sequence);
    if (this.state !== 'waiting' || packet === null || this.#filter.isClosed) return;
    this.#start(packet);
    this.state = 'catching-up';
    this.#cursor = sequence;
    this.#catchUp(FIRST_BURST_PACKETS);
  }

  advance(): void {
    if (this.state === 'catching-up') this.#catchUp(CATCH_UP_PACKETS);
  }

  restart(): void {
    if (this.state === 'flowing' || this.state === 'catching-up') this.state = 'waiting';
  }

  moveTo(layer: number): void {
    this.key = { ...this.key, layer };
    this.topTemporalLayer = 0;
    this.#filter.forgetPicture();
    this.#applyLimit();
    this.restart();
  }

  wantKeyFrame(): void {
    // One that its link has no room for now would cost all the others.
    if (!this.#filter.isClosed) this.onKeyFrameNeeded?.();
  }

  limit(limit: SinkLimit): void {
    if (this.key.kind === 'audio') return;
    this.#limit = limit;
    if (this.wish !== null) this.wish.best = limit.bestLayer;
    this.#applyLimit();
  }

  sendReport(ring: PacketRing, report: SenderReport): void {
    if (ring !== this.#numbering.ring || this.state === 'closed') return;
    const { ssrc, cname, now, send } = this.#options;
    const timestamp = report.timestamp + this.#numbering.timestampOffset;
    const { ntpSeconds, ntpFraction, ntpMiddle } = report;
    const info = { ntpSeconds, ntpFraction, timestamp, packets: this.#packets, octets: this.#payloadBytes };
    if (!send(writeSenderReport(ssrc, info, cname))) return;
    this.#roundTrip.sent(ntpMiddle, now());
  }

  takeRtcp(bytes: Buffer, at: number, length: number): void {
    const type = rtcpTypeOf(bytes, at);
    const kind = rtcpCountOf(bytes, at);
    if (type === RTCP.receiverReport || type === RTCP.senderReport) {
      this.#takeReport(readReportBlock(bytes, at, length, this.ssrc));
    } else if (type === RTCP.transportFeedback && kind === FEEDBACK.nack) {
      if (readMediaSource(bytes, at, length) === this.ssrc) this.#answerNack(bytes, at, length);
    } else if (type === RTCP.payloadFeedback && this.#asksForKeyFrame(bytes, at, length, kind)) {
      this.#pictureLosses += 1;
      this.wantKeyFrame();
    }
  }

  stats(): SinkStats {
    return {
      packets: this.#packets,
      bytes: this.#bytes,
      leftOutBytes: this.#leftOutBytes,
      temporalLayer: this.#filter.highest,
      resent: this.#resent,
      nacks: this.#nacks,
      pictureLosses: this.#pictureLosses,
      report: this.report,
      roundTripMs: this.roundTripMs,
      drops: { ...this.#drops },
    };
  }

  close(): void {
    this.#isClosed = true;
    this.state = 'closed';
    this.onKeyFrameNeeded = null;
    this.onOpen = null;
  }

  /** Of a layer above the limit only what cannot be done without passes, until the key frame of a lower one comes. */
  #applyLimit(): void {
    const { bestLayer, maxTemporalLayer, isClosed } = this.#limit;
    const isAbove = this.key.layer < bestLayer;
    this.#filter.limit({
      bestLayer,
      maxTemporalLayer: isAbove ? 0 : maxTemporalLayer,
      isClosed: isClosed || (isAbove && this.wish === null),
    });
    if (this.#filter.isClosed) this.restart();
  }

  #writeOutOfFlow(packet: RtpPacket): void {
    if (this.state === 'closed') {
      this.#drops['not-open'] += 1;
      return;
    }
    if (this.state === 'catching-up' && packet.ring === this.#numbering.ring) {
      // What lies ahead of the cursor is sent from the ring in its turn.
      if (packet.sequence < this.#numbering.first) this.#drops.early += 1;
      else if (packet.sequence < this.#cursor) this.#forward(packet);
      return this.#catchUp(CATCH_UP_PACKETS);
    }
    this.state = 'waiting';
    if (this.#filter.isClosed) {
      this.#leaveOut(packet);
    } else if (this.key.kind === 'audio') {
      this.#start(packet);
      this.state = 'flowing';
      this.#forward(packet);
    } else if (packet.startsKeyFrame) {
      // A start that was repeated after a loss has packets behind it already.
      this.startFrom(packet.ring, packet.sequence);
    } else {
      this.#drops.waiting += 1;
    }
  }

  #start(packet: RtpPacket): void {
    this.#wasPaused = false;
    this.#startedAt = this.#options.now();
    this.#numbering.start(packet);
    const report = packet.ring.senderReport;
    if (report === null) return;
    this.sendReport(packet.ring, report);
    // Receivers draw a line through two reports, so a joiner gets the present as a second point.
    const elapsedMs = this.#options.now() - report.arrivedAt;
    if (elapsedMs >= MIN_EXTRAPOLATION_MS) {
      this.sendReport(packet.ring, laterReport(report, elapsedMs, this.#options.clockRate));
    }
  }

  #forward(packet: RtpPacket): void {
    if (packet.temporalLayer > this.topTemporalLayer) this.topTemporalLayer = packet.temporalLayer;
    if (this.#filter.leavesOut(packet)) {
      this.#numbering.leaveOut(packet);
      return this.#leaveOut(packet);
    }
    this.#numbering.write(packet, this);
    this.#budget.earn();
    if (!this.#send(packet)) {
      this.#drops['send-failed'] += 1;
      return;
    }
    this.lastSentAt = packet.arrivedAt;
    this.#packets += 1;
    this.#bytes += packet.bytes.length;
    this.#payloadBytes += packet.bytes.length - RTP_HEADER_BYTES;
  }

  #send(packet: RtpPacket): boolean {
    const { send, bytesOf } = this.#options;
    return send(bytesOf === undefined ? packet.bytes : bytesOf(packet));
  }

  #leaveOut(packet: RtpPacket): void {
    this.#drops.limited += 1;
    this.#leftOutBytes += packet.bytes.length;
  }

  #catchUp(limit: number): void {
    const { ring } = this.#numbering;
    if (ring === null) return;
    for (let sent = 0; sent < limit && this.#cursor <= ring.highest; this.#cursor += 1) {
      const packet = ring.get(this.#cursor);
      if (packet === null) continue;
      this.#forward(packet);
      sent += 1;
    }
    if (this.#cursor > ring.highest) this.state = 'flowing';
  }

  #answerNack(bytes: Buffer, at: number, length: number): void {
    const nacked = this.#nacked;
    nacked.length = 0;
    readNack(bytes, at, length, nacked, MAX_NACKED);
    this.#nacks += nacked.length;
    const now = this.#options.now();
    for (const sequence of nacked) this.#resend(this.#numbering.toSource(sequence), now);
  }

  #resend(sequence: number, now: number): void {
    const { ring, first, highest } = this.#numbering;
    if (sequence < first || sequence > highest) return this.#refuse('nack-unknown');
    if (sequence <= highest - MAX_RESEND_DISTANCE) return this.#refuse('nack-old');
    const packet = this.#numbering.isLeftOut(sequence) ? null : (ring?.get(sequence) ?? null);
    if (packet === null) return this.#refuse('nack-unknown');
    const verdict = this.#budget.take(sequence, Math.max(packet.arrivedAt, this.#startedAt), now);
    if (verdict !== 'allowed') return this.#refuse(`nack-${verdict}`);
    this.#numbering.write(packet, this);
    if (this.#send(packet)) this.#resent += 1;
    else this.#refuse('send-failed');
  }

  #refuse(reason: SinkDrop): void {
    this.#drops[reason] += 1;
  }

  #asksForKeyFrame(bytes: Buffer, at: number, length: number, kind: number): boolean {
    if (kind === FEEDBACK.pictureLoss) return readMediaSource(bytes, at, length) === this.ssrc;
    return kind === FEEDBACK.fullIntraRequest && isFullIntraRequestFor(bytes, at, length, this.ssrc);
  }

  #takeReport(block: ReportBlock | null): void {
    if (block === null) return;
    this.report = block;
    this.roundTripMs = this.#roundTrip.measure(block, this.#options.now()) ?? this.roundTripMs;
  }
}
