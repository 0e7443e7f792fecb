/**
 * What the packets of one SSRC of a publisher pass:
 *
 *   arrival (losses asked for) ──▶ order ──▶ trailers ──▶ source of the hub
 */

import type { CodecParameters, MediaKind } from '@casto/host';
import type { RtpPacket } from '../media/packet-ring.ts';
import { pixelsOf } from '../media/picture-size.ts';
import { RTCP, rtcpTypeOf } from '../media/rtcp-packet.ts';
import { createRtpSource } from '../media/rtp-source.ts';
import type { RtpSource, RtpSourceOptions, SourceFeedback } from '../media/rtp-source.ts';
import type { SenderBudget, StreamArrivals } from '../media/sender-budget.ts';
import { CaptureClock } from './capture-clock.ts';
import type { PublisherClock } from './capture-clock.ts';
import { answeredFeedback } from './client-answer.ts';
import { nameOf } from './client-offer.ts';
import { FrameStamper, type FrameCount } from './frame-stamper.ts';
import { PacketOrder } from './packet-order.ts';

/** Two round trips around the world: what has not come by then is not asked for again. */
const RESENT_WITHIN_MS = 250;
/** Where nothing is sent again a packet can only have been overtaken. */
const OVERTAKEN_WITHIN_MS = 40;
const NO_FEEDBACK = { nack: false, pictureLoss: true, fullIntraRequest: false, remb: null } as const;

export interface IngestStageOptions {
  readonly kind: MediaKind;
  /** As answered, under the publisher's own number. */
  readonly codec: CodecParameters;
  readonly ssrc: number;
  readonly epoch: number;
  /** Of the video, 0 for sound. */
  readonly layer: number;
  /** Frames of each layer so far. */
  readonly frames: (layer: number) => FrameCount;
  readonly clock: PublisherClock;
  /** What the publisher may send, over all its streams. */
  readonly budget: SenderBudget;
  /** Of this stream, towards the budget. */
  readonly arrivals: StreamArrivals;
  /** The streams that share this limit, as far as they are known. */
  readonly limitedSsrcs: () => readonly number[];
  /** Of this receiver in its reports. */
  readonly localSsrc: number;
  readonly cname: string;
  /** Milliseconds. */
  readonly now: () => number;
  /** Sends RTCP to the publisher. Must not throw. */
  readonly send: (rtcp: Buffer) => boolean;
  /** A key frame has come, with a picture of so many pixels. */
  readonly onPicture?: (pixels: number) => void;
}

export class IngestStage {
  readonly arrival: RtpSource;
  /** What the hub is fed from. */
  readonly source: RtpSource;
  readonly #options: IngestStageOptions;
  readonly #stamper: FrameStamper;
  readonly #order: PacketOrder;

  constructor(options: IngestStageOptions) {
    this.#options = options;
    const { codec, layer, epoch, frames, clock, send, arrivals } = options;
    const feedback = feedbackOf(options);
    const capture = new CaptureClock(codec.clockRate, clock);
    this.arrival = createRtpSource({ ...streamOf(options), feedback, send, arrivals });
    this.source = createRtpSource({
      ...streamOf(options),
      feedback: NO_FEEDBACK,
      send: (rtcp) => this.#askPublisher(rtcp),
    });
    this.#stamper = new FrameStamper({
      codec: nameOf(codec),
      layer,
      count: frames(layer),
      epoch,
      clock: capture,
      onPacket: (bytes) => this.source.takeRtp(bytes),
    });
    this.#order = new PacketOrder({
      maxWaitMs: feedback.nack ? RESENT_WITHIN_MS : OVERTAKEN_WITHIN_MS,
      onPacket: (packet) => this.#stamper.take(packet),
      onLost: (packets) => this.#lose(packets),
    });
    this.arrival.onUnit = (packet) => this.#arrive(packet);
    this.arrival.onSenderReport = (report) => capture.takeReport(report);
  }

  /** Takes one block of an RTCP packet; blocks about other streams are ignored. */
  takeRtcp(bytes: Buffer, at: number, length: number): void {
    this.arrival.takeRtcp(bytes, at, length);
    this.source.takeRtcp(bytes, at, length);
  }

  /** The hub looks after its source itself. */
  tick(now: number): void {
    this.arrival.tick(now, true);
    this.#order.tick(now);
  }

  close(): void {
    this.arrival.close();
    this.source.close();
  }

  #arrive(packet: RtpPacket): void {
    const { codec, now, onPicture } = this.#options;
    this.#order.take(packet, now());
    if (!packet.startsKeyFrame || onPicture === undefined) return;
    const pixels = pixelsOf(nameOf(codec), packet);
    if (pixels !== null) onPicture(pixels);
  }

  #lose(packets: number): void {
    this.#stamper.skip(packets);
    this.arrival.requestKeyFrame();
  }

  /** What the hub asks for is asked of the publisher. */
  #askPublisher(rtcp: Buffer): boolean {
    if (rtcpTypeOf(rtcp, 0) === RTCP.payloadFeedback) this.arrival.requestKeyFrame();
    return true;
  }
}

/** The same on the way in and on the way to the hub. */
function streamOf(options: IngestStageOptions): Omit<RtpSourceOptions, 'feedback' | 'send'> {
  const { kind, layer, codec, ssrc, localSsrc, cname, now } = options;
  return {
    key: { kind, layer },
    codec: nameOf(codec),
    clockRate: codec.clockRate,
    payloadType: codec.payloadType,
    ssrc,
    localSsrc,
    cname,
    now,
    roundTripMs: () => null,
  };
}

function feedbackOf({ codec, budget, limitedSsrcs }: IngestStageOptions): SourceFeedback {
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
