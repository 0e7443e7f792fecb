/**
 * One stream as it arrives from a parent: RTP and RTCP in, receiver reports, NACKs and key frame requests out.
 *
 * What comes in is untrusted and arrives hundreds of times per second, so nothing throws here: a packet that cannot
 * be used is dropped and counted by its reason.
 */

import type { FrameSource, StreamKey } from '@casto/host';
import { FrameNumbers } from './frame-numbers.ts';
import type { FrameCount } from './frame-numbers.ts';
import { readH264 } from './h264-payload.ts';
import { createKeyFrameRequests } from './key-frame-requests.ts';
import { createMissingPackets } from './missing-packets.ts';
import { AUDIO_RING_PACKETS, RING_PACKETS, createPacketRing } from './packet-ring.ts';
import type { PacketRing, RtpPacket } from './packet-ring.ts';
import { createQueueAge } from './queue-age.ts';
import type { QueueAge } from './queue-age.ts';
import { createReception } from './reception.ts';
import type { Reception } from './reception.ts';
import { RTCP, readSenderReport, rtcpTypeOf } from './rtcp-packet.ts';
import type { SenderReport } from './rtcp-packet.ts';
import {
  writeFullIntraRequest,
  writeNack,
  writePictureLoss,
  writeReceiverReport,
  writeRemb,
} from './rtcp-writer.ts';
import {
  RTP_HEADER_BYTES,
  hasMarker,
  payloadTypeOf,
  sequenceOf,
  stripRtp,
  timestampOf,
} from './rtp-packet.ts';
import type { RtpFault } from './rtp-packet.ts';
import type { SenderBudget, StreamArrivals } from './sender-budget.ts';
import { forgetVp8, readVp8 } from './vp8-descriptor.ts';

/**
 * Packets that waited longer in the process are dropped, video before audio: half a second of missing speech is
 * worse than half a second of missing picture.
 */
const STALE_MS = { video: 400, audio: 800 } as const;
const REPORT_INTERVAL_MS = 1000;
/** Without a packet for this long nobody asks for key frames: the stream rests, or its parent is gone. */
const FLOWING_MS = 1000;
/** Until the link has measured its round trip. */
const ASSUMED_ROUND_TRIP_MS = 50;

export type MediaCodec = 'vp8' | 'h264' | 'opus';

export type SourceDrop = RtpFault | 'payload-type' | 'payload' | 'duplicate' | 'jump' | 'stale';

/** The RTCP feedback that was negotiated with the parent. */
export interface SourceFeedback {
  readonly nack: boolean;
  readonly pictureLoss: boolean;
  readonly fullIntraRequest: boolean;
  /** What the sender may send over these streams, told with every report and when it falls; `null` to tell nothing. */
  readonly remb: { readonly budget: SenderBudget; readonly ssrcs: () => readonly number[] } | null;
}

export interface RtpSourceOptions {
  readonly key: StreamKey;
  readonly codec: MediaCodec;
  readonly clockRate: number;
  readonly payloadType: number;
  /** Of the parent's stream. */
  readonly ssrc: number;
  /** Of this receiver in its reports. */
  readonly localSsrc: number;
  readonly cname: string;
  readonly feedback: SourceFeedback;
  /** Where the sender's link is watched. */
  readonly arrivals?: StreamArrivals;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Of the link to the parent, `null` until measured: the pace of repeated NACKs. */
  readonly roundTripMs: () => number | null;
  /** Sends RTCP to the parent. Must not throw. */
  readonly send: (rtcp: Buffer) => boolean;
}

export interface SourceStats {
  readonly packets: number;
  readonly bytes: number;
  readonly lost: number;
  /** Those not lost, repeated ones among them, since the stream began or began anew. */
  readonly received: number;
  readonly jitterMs: number;
  readonly keyFrames: number;
  readonly lastKeyFrameAt: number | null;
  readonly nacks: number;
  readonly keyFrameRequests: number;
  readonly drops: Readonly<Record<SourceDrop, number>>;
}

export interface RtpSource extends FrameSource<RtpPacket> {
  readonly ssrc: number;
  readonly clockRate: number;
  /** Changes when the stream starts over. */
  readonly ring: PacketRing;
  /** When the last packet came, `null` before the first. */
  readonly lastUnitAt: number | null;
  readonly isClosed: boolean;
  /** Of the video's frames; none where their ends have no trailers. */
  readonly frames: FrameCount;
  onSenderReport: ((report: SenderReport) => void) | null;
  /** Called when stale pictures were dropped: viewers must wait for the next key frame. */
  onBreak: (() => void) | null;
  /** Takes one RTP packet, and may overwrite its header. */
  takeRtp(bytes: Buffer): void;
  /** Takes one block of an RTCP packet; blocks about other streams are ignored. */
  takeRtcp(bytes: Buffer, at: number, length: number): void;
  /** @param isWatched - Whether any viewer receives this stream. */
  tick(now: number, isWatched: boolean): void;
  stats(): SourceStats;
}

export function createRtpSource(options: RtpSourceOptions): RtpSource {
  return new PacketSource(options);
}

class PacketSource implements RtpSource {
  readonly key: StreamKey;
  readonly ssrc: number;
  readonly clockRate: number;
  ring: PacketRing;
  onUnit: ((packet: RtpPacket) => void) | null = null;
  onSenderReport: ((report: SenderReport) => void) | null = null;
  onBreak: (() => void) | null = null;
  lastUnitAt: number | null = null;
  isClosed = false;
  readonly frames = new FrameNumbers();

  readonly #options: RtpSourceOptions;
  readonly #reception: Reception;
  readonly #queueAge: QueueAge;
  readonly #staleMs: number;
  readonly #missing = createMissingPackets();
  readonly #requests = createKeyFrameRequests();
  readonly #ask: number[] = [];
  readonly #drops: Record<SourceDrop, number> = {
    'rtp-short': 0,
    'rtp-version': 0,
    'rtp-header': 0,
    'rtp-padding': 0,
    'payload-type': 0,
    payload: 0,
    duplicate: 0,
    jump: 0,
    stale: 0,
  };
  #packets = 0;
  #bytes = 0;
  #keyFrames = 0;
  #nacks = 0;
  #keyFrameRequests = 0;
  #reportedAt: number;
  /** The limit last told; 0: none yet. */
  #toldBps = 0;
  #hasParameters = false;
  #isBroken = false;

  constructor(options: RtpSourceOptions) {
    this.#options = options;
    this.key = options.key;
    this.ssrc = options.ssrc;
    this.clockRate = options.clockRate;
    this.ring = this.#createRing();
    this.#staleMs = STALE_MS[options.key.kind];
    this.#reception = createReception(options.clockRate);
    this.#queueAge = createQueueAge(options.clockRate, options.now());
    this.#reportedAt = options.now();
    options.arrivals?.forget();
  }

  takeRtp(bytes: Buffer): void {
    if (this.isClosed) return;
    const packet = stripRtp(bytes);
    if (typeof packet === 'string') return this.#drop(packet);
    if (payloadTypeOf(packet) !== this.#options.payloadType) return this.#drop('payload-type');

    const now = this.#options.now();
    const timestamp = timestampOf(packet);
    const highest = this.#reception.highest;
    const arrival = this.#reception.take(sequenceOf(packet), timestamp, now);
    if (arrival === 'jump') return this.#drop('jump');
    if (arrival === 'restart') this.#startOver();
    else if (arrival === 'gap') this.#noteGap(highest + 1, now);
    // A repeated packet has an old timestamp of its own, which says nothing about the queue.
    if (arrival === 'late') this.#missing.remove(this.#reception.sequence);
    else {
      this.#options.arrivals?.packet(bytes.length, timestamp, now);
      if (this.#queueAge.measure(timestamp, now) > this.#staleMs) return this.#dropStale();
    }
    this.#store(packet, timestamp, now);
  }

  takeRtcp(bytes: Buffer, at: number, length: number): void {
    if (this.isClosed || rtcpTypeOf(bytes, at) !== RTCP.senderReport) return;
    const report = readSenderReport(bytes, at, length, this.#options.now());
    if (report === null || report.ssrc !== this.ssrc) return;
    this.#reception.takeReport(report);
    this.ring.senderReport = report;
    this.onSenderReport?.(report);
  }

  requestKeyFrame(): void {
    if (this.isClosed || this.key.kind === 'audio') return;
    if (this.#requests.request(this.#options.now())) this.#sendKeyFrameRequest();
  }

  tick(now: number, isWatched: boolean): void {
    if (this.isClosed) return;
    this.#queueAge.tick(now);
    if (this.#missing.size > 0) this.#requestMissing(now);
    if (this.key.kind === 'video') {
      const isFlowing = this.lastUnitAt !== null && now - this.lastUnitAt < FLOWING_MS;
      if (this.#requests.tick(now, isWatched && isFlowing)) this.#sendKeyFrameRequest();
    }
    const { remb } = this.#options.feedback;
    if (remb !== null && remb.budget.limitBps(now) < this.#toldBps) this.#sendRemb(now);
    if (now - this.#reportedAt >= REPORT_INTERVAL_MS) this.#sendReport(now);
  }

  stats(): SourceStats {
    return {
      packets: this.#packets,
      bytes: this.#bytes,
      lost: this.#reception.lost,
      received: this.#reception.received,
      jitterMs: this.#reception.jitterMs,
      keyFrames: this.#keyFrames,
      lastKeyFrameAt: this.#requests.lastKeyFrameAt,
      nacks: this.#nacks,
      keyFrameRequests: this.#keyFrameRequests,
      drops: { ...this.#drops },
    };
  }

  close(): void {
    this.isClosed = true;
    this.onUnit = null;
    this.onSenderReport = null;
    this.onBreak = null;
    this.#missing.clear();
  }

  #store(bytes: Buffer, timestamp: number, now: number): void {
    const packet = this.ring.claim(this.#reception.sequence);
    if (packet === null) return this.#drop('duplicate');
    this.ring.keep(packet, bytes);
    packet.timestamp = timestamp;
    packet.marker = hasMarker(bytes);
    packet.arrivedAt = now;
    const startsKeyFrame = this.#readPayload(packet);
    if (startsKeyFrame === null) {
      packet.sequence = -1;
      return this.#drop('payload');
    }
    packet.startsKeyFrame = startsKeyFrame;
    if (startsKeyFrame) this.#noteKeyFrame(packet, now);
    this.#packets += 1;
    this.#bytes += bytes.length;
    this.lastUnitAt = now;
    if (packet.marker && this.key.kind === 'video') this.frames.take(bytes);
    this.onUnit?.(packet);
  }

  /** @returns Whether a key frame starts here; `null` for a payload that is cut off. */
  #readPayload(packet: RtpPacket): boolean | null {
    forgetVp8(packet);
    // Packets without payload only probe for bandwidth.
    if (packet.bytes.length === RTP_HEADER_BYTES) return false;
    const { codec } = this.#options;
    if (codec === 'vp8') return readVp8(packet.bytes, packet);
    return codec === 'h264' ? this.#readH264(packet.bytes) : false;
  }

  /** Where a sender puts its parameters into the stream, only they are a place to start from. */
  #readH264(bytes: Buffer): boolean | null {
    const content = readH264(bytes);
    if (content === null) return null;
    if (content === 'parameters') this.#hasParameters = true;
    return content === 'parameters' || (content === 'idr' && !this.#hasParameters);
  }

  #noteKeyFrame(packet: RtpPacket, now: number): void {
    this.#isBroken = false;
    this.ring.markKeyFrame(packet);
    if (this.ring.keyFrame?.sequence !== packet.sequence) return;
    this.#keyFrames += 1;
    this.#requests.keyFrameArrived(now);
    this.#missing.removeBefore(packet.sequence);
  }

  #noteGap(from: number, now: number): void {
    if (!this.#options.feedback.nack) return;
    if (this.#missing.add(from, this.#reception.sequence, now)) this.#requestMissing(now);
    else this.requestKeyFrame();
  }

  #requestMissing(now: number): void {
    const ask = this.#ask;
    ask.length = 0;
    const roundTripMs = this.#options.roundTripMs() ?? ASSUMED_ROUND_TRIP_MS;
    const abandoned = this.#missing.collect(now, roundTripMs, ask);
    if (abandoned > 0) this.requestKeyFrame();
    if (ask.length === 0) return;
    this.#nacks += ask.length;
    this.#options.send(writeNack(this.#options.localSsrc, this.ssrc, ask));
  }

  #sendKeyFrameRequest(): void {
    const { feedback, localSsrc, send } = this.#options;
    if (feedback.pictureLoss) send(writePictureLoss(localSsrc, this.ssrc));
    else if (feedback.fullIntraRequest)
      send(writeFullIntraRequest(localSsrc, this.ssrc, this.#keyFrameRequests));
    else return;
    this.#keyFrameRequests += 1;
  }

  #sendReport(now: number): void {
    this.#reportedAt = now;
    const { localSsrc, cname, send } = this.#options;
    const block = this.#reception.report(this.ssrc, now);
    if (block === null) return;
    send(writeReceiverReport(localSsrc, [block], cname));
    this.#sendRemb(now);
  }

  #sendRemb(now: number): void {
    const { feedback, localSsrc, send } = this.#options;
    if (feedback.remb === null) return;
    this.#toldBps = feedback.remb.budget.limitBps(now);
    send(writeRemb(localSsrc, this.#toldBps, feedback.remb.ssrcs()));
  }

  #startOver(): void {
    this.#options.arrivals?.forget();
    this.ring = this.#createRing();
    this.#missing.clear();
    this.#hasParameters = false;
  }

  #createRing(): PacketRing {
    return createPacketRing(this.key.kind === 'audio' ? AUDIO_RING_PACKETS : RING_PACKETS);
  }

  #dropStale(): void {
    this.#drop('stale');
    if (this.key.kind === 'audio' || this.#isBroken) return;
    this.#isBroken = true;
    this.ring.forgetKeyFrame();
    this.onBreak?.();
    this.requestKeyFrame();
  }

  #drop(reason: SourceDrop): void {
    this.#drops[reason] += 1;
  }
}
