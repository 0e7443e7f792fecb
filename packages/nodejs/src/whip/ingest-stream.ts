/**
 * One stream of a publisher on its way into a channel:
 *
 *   packets ──▶ arrival (losses asked for) ──▶ order ──▶ trailers ──▶ source of the hub
 *
 * The offer need not name the SSRC (RFC 9725 has no need of it), so the first packet of the payload type decides, and
 * another one only when that has fallen silent.
 */

import { KEY_FRAME_INTERVAL_MS } from '@casto/core';
import type { CodecParameters, MediaKind } from '@casto/host';
import { addTraffic, copyTraffic, noTraffic } from '../media/media-traffic.ts';
import { pixelsOf } from '../media/picture-size.ts';
import { RTCP, rtcpTypeOf } from '../media/rtcp-packet.ts';
import { ssrcOf } from '../media/rtp-packet.ts';
import { createRtpSource } from '../media/rtp-source.ts';
import type { RtpSource, RtpSourceOptions, SourceFeedback } from '../media/rtp-source.ts';
import type { SenderBudget, StreamArrivals } from '../media/sender-budget.ts';
import type { IncomingTraffic } from '../relay-metrics.ts';
import { CaptureClock } from './capture-clock.ts';
import type { PublisherClock } from './capture-clock.ts';
import { nameOf } from './client-offer.ts';
import { answeredFeedback } from './client-answer.ts';
import { FrameStamper, type FrameCount } from './frame-stamper.ts';
import { PacketOrder } from './packet-order.ts';

/** An encoder that restarts takes another SSRC at once; two that send at the same time are a mistake. */
const SSRC_SILENCE_MS = 500;
/** Two round trips around the world: what has not come by then is not asked for again. */
const RESENT_WITHIN_MS = 250;
/** Where nothing is sent again a packet can only have been overtaken. */
const OVERTAKEN_WITHIN_MS = 40;
const NO_FEEDBACK = { nack: false, pictureLoss: true, fullIntraRequest: false, remb: null } as const;

export interface IngestStreamOptions {
  readonly kind: MediaKind;
  /** As answered, under the publisher's own number. */
  readonly codec: CodecParameters;
  readonly epoch: number;
  /** Of the video, 0 for sound; see {@link IngestStream.moveTo}. */
  readonly layer: number;
  /** Frames of each layer so far. */
  readonly frames: (layer: number) => FrameCount;
  readonly clock: PublisherClock;
  /** What the publisher may send, over all its streams. */
  readonly budget: SenderBudget;
  /** The streams that share this limit, as far as they are known. */
  readonly limitedSsrcs: () => readonly number[];
  /** Of this receiver in its reports. */
  readonly localSsrc: number;
  readonly cname: string;
  /** Milliseconds. */
  readonly now: () => number;
  /** Sends RTCP to the publisher. Must not throw. */
  readonly send: (rtcp: Buffer) => boolean;
  /** A source for the hub, in place of the one before; `null`: there is none. */
  readonly onSource: (source: RtpSource | null, former: RtpSource | null) => void;
  /** A key frame has come, with a picture of so many pixels. */
  readonly onPicture?: (pixels: number) => void;
}

interface Stage {
  readonly arrival: RtpSource;
  readonly order: PacketOrder;
  /** What the hub is fed from. */
  readonly source: RtpSource;
}

export class IngestStream {
  readonly #options: IngestStreamOptions;
  readonly #arrivals: StreamArrivals;
  #layer: number;
  #stage: Stage | null = null;
  /** Between a move and the next packet: the publisher names its layers at the beginning only. */
  #movedSsrc: number | null = null;
  #askedAt = -Infinity;
  /** Of streams that are over. */
  readonly #ended = noTraffic();

  constructor(options: IngestStreamOptions) {
    this.#options = options;
    this.#layer = options.layer;
    this.#arrivals = options.budget.stream(options.kind, options.codec.clockRate);
  }

  get layer(): number {
    return this.#layer;
  }

  /** Of the publisher's stream, `null` before its first packet. */
  get ssrc(): number | null {
    return this.#stage?.arrival.ssrc ?? this.#movedSsrc;
  }

  get payloadType(): number {
    return this.#options.codec.payloadType;
  }

  /** What came since the beginning, of all streams that followed each other. */
  traffic(): IncomingTraffic {
    const sum = copyTraffic(this.#ended);
    if (this.#stage !== null) addTraffic(sum, { sources: [this.#stage.arrival.stats()] });
    return sum.incoming;
  }

  /** `null` before the first packet. */
  get source(): RtpSource | null {
    return this.#stage?.source ?? null;
  }

  /** When the last packet came, `null` before the first. */
  get lastPacketAt(): number | null {
    return this.#stage?.arrival.lastUnitAt ?? null;
  }

  /** It is another layer than it seemed: the next packet begins there anew. */
  moveTo(layer: number): void {
    if (layer === this.#layer) return;
    this.#layer = layer;
    const former = this.source;
    this.#movedSsrc = this.ssrc;
    this.close();
    if (former !== null) this.#options.onSource(null, former);
  }

  /**
   * Takes one RTP packet of this payload type, and may overwrite it.
   *
   * @returns Whether it is of the stream that is taken in: another SSRC is refused until that one has fallen silent.
   */
  takeRtp(bytes: Buffer): boolean {
    const ssrc = ssrcOf(bytes);
    const stage = this.#stage;
    if (stage === null || (stage.arrival.ssrc !== ssrc && this.#isSilent())) {
      this.#close();
      this.#stage = this.#begin(ssrc);
      this.#options.onSource(this.#stage.source, stage?.source ?? null);
    }
    if (this.#stage?.arrival.ssrc !== ssrc) return false;
    this.#stage.arrival.takeRtp(bytes);
    return true;
  }

  /** Takes one block of an RTCP packet; blocks about other streams are ignored. */
  takeRtcp(bytes: Buffer, at: number, length: number): void {
    this.#stage?.arrival.takeRtcp(bytes, at, length);
    this.#stage?.source.takeRtcp(bytes, at, length);
  }

  /** The hub looks after its source itself. */
  tick(now: number): void {
    const stage = this.#stage;
    if (stage === null) return;
    stage.arrival.tick(now, true);
    stage.order.tick(now);
    this.#keepKeyFramesComing(stage.arrival, now);
  }

  close(): void {
    this.#close();
    this.#stage = null;
  }

  #close(): void {
    if (this.#stage === null) return;
    const { arrival, source } = this.#stage;
    addTraffic(this.#ended, { sources: [arrival.stats()] });
    arrival.close();
    source.close();
  }

  #isSilent(): boolean {
    const { lastPacketAt } = this;
    return lastPacketAt === null || this.#options.now() - lastPacketAt > SSRC_SILENCE_MS;
  }

  /** PROTOCOL.md, M3: a streamer makes one at least this often, whatever its encoder does by itself. */
  #keepKeyFramesComing(arrival: RtpSource, now: number): void {
    // Of a layer that is not encoded just now nobody misses one, and others would have to make theirs for nothing.
    if (this.#options.kind !== 'video' || this.#isSilent()) return;
    const last = Math.max(arrival.stats().lastKeyFrameAt ?? -Infinity, this.#askedAt);
    if (now - last < KEY_FRAME_INTERVAL_MS) return;
    this.#askedAt = now;
    arrival.requestKeyFrame();
  }

  #begin(ssrc: number): Stage {
    const { kind, codec, epoch, frames, clock, localSsrc, cname, now, send, onPicture } = this.#options;
    const layer = this.#layer;
    const { clockRate, payloadType } = codec;
    const name = nameOf(codec);
    const shared: Omit<RtpSourceOptions, 'feedback' | 'send'> = {
      key: { kind, layer },
      codec: name,
      clockRate,
      payloadType,
      ssrc,
      localSsrc,
      cname,
      now,
      roundTripMs: () => null,
    };
    const feedback = this.#feedback();
    const arrival = createRtpSource({ ...shared, feedback, send, arrivals: this.#arrivals });
    const source = createRtpSource({
      ...shared,
      feedback: NO_FEEDBACK,
      // What the hub asks for is asked of the publisher.
      send: (rtcp) => {
        if (rtcpTypeOf(rtcp, 0) === RTCP.payloadFeedback) arrival.requestKeyFrame();
        return true;
      },
    });
    const capture = new CaptureClock(clockRate, clock);
    const stamper = new FrameStamper({
      codec: name,
      layer,
      count: frames(layer),
      epoch,
      clock: capture,
      onPacket: (bytes) => source.takeRtp(bytes),
    });
    const order = new PacketOrder({
      maxWaitMs: feedback.nack ? RESENT_WITHIN_MS : OVERTAKEN_WITHIN_MS,
      onPacket: (packet) => stamper.take(packet),
      onLost: (packets) => {
        stamper.skip(packets);
        arrival.requestKeyFrame();
      },
    });
    arrival.onUnit = (packet) => {
      order.take(packet, now());
      if (!packet.startsKeyFrame || onPicture === undefined) return;
      const pixels = pixelsOf(name, packet);
      if (pixels !== null) onPicture(pixels);
    };
    arrival.onSenderReport = (report) => capture.takeReport(report);
    return { arrival, order, source };
  }

  #feedback(): SourceFeedback {
    const { codec, budget, limitedSsrcs } = this.#options;
    const offered = answeredFeedback(codec);
    const has = (type: string, parameter = ''): boolean =>
      offered.some((feedback) => feedback.type === type && (feedback.parameter ?? '') === parameter);
    return {
      nack: has('nack'),
      pictureLoss: has('nack', 'pli'),
      fullIntraRequest: has('ccm', 'fir'),
      remb: has('goog-remb') ? { budget, ssrcs: limitedSsrcs } : null,
    };
  }
}
