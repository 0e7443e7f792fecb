/** The relay as child: offers to receive the streams of a channel, and feeds them into a hub. */

import { randomBytes, randomInt } from 'node:crypto';
import type { VideoCodec } from '@casto/core';
import {
  assertAnswers,
  matchCapabilities,
  parseSessionDescription,
  relayRtpCapabilities,
  renderSessionDescription,
} from '@casto/host';
import type { ChildEnd, CodecParameters, MediaSection, SessionParameters } from '@casto/host';
import { watchBitrate } from './bitrate-guard.ts';
import type { Hub } from './hub.ts';
import { MediaLinkError } from './media-link-error.ts';
import { PeerTransport } from './peer-transport.ts';
import type { PeerTransportOptions } from './peer-transport.ts';
import { readRtcpCompound } from './rtcp-compound.ts';
import { RTP_HEADER_BYTES, isRtcp, ssrcOf } from './rtp-packet.ts';
import { createRtpSource } from './rtp-source.ts';
import type { MediaCodec, RtpSource, RtpSourceOptions, SourceFeedback, SourceStats } from './rtp-source.ts';
import { DEFAULT_MAX_BITRATE_BPS, SenderBudget } from './sender-budget.ts';
import { SourceFeed } from './source-feed.ts';

/** Four layers at 25 Mbps send 10 000 packets per second. */
const MEDIA_ALLOWANCE = { perSecond: 12_000, burst: 24_000 };
const CONTROL_MID = 'control';
const MAX_SSRC = 2 ** 32;

export interface ChildLinkOptions extends Omit<PeerTransportOptions, 'name' | 'direction' | 'allowance'> {
  readonly hub: Hub;
  /** Layers to ask for, one video section each. */
  readonly layers: readonly number[];
  readonly video: VideoCodec | null;
  readonly audio: boolean;
  /** Asked of the parent. With a value, a link that goes on sending much more is closed. */
  readonly maxBitrateBps?: number;
}

export interface ChildLinkStats {
  readonly sources: readonly SourceStats[];
  readonly roundTripMs: number | null;
}

interface Offered {
  readonly native: SessionParameters;
  readonly offer: SessionParameters;
}

export class ChildLink extends PeerTransport implements ChildEnd {
  readonly media: SourceFeed;
  readonly #options: ChildLinkOptions;
  readonly #localSsrc = randomInt(1, MAX_SSRC);
  readonly #cname = randomBytes(12).toString('base64url');
  #offered: Offered | null = null;
  #sources = new Map<number, RtpSource>();
  #cancelWatch: () => void = () => {};

  constructor(options: ChildLinkOptions) {
    super({ ...options, name: 'child', direction: 'RecvOnly', allowance: MEDIA_ALLOWANCE });
    this.#options = options;
    this.media = new SourceFeed({ hub: options.hub, now: () => this.clock.now() });
  }

  async offer(): Promise<string> {
    const native = await this.offerNatively();
    const { ice } = native;
    // The parent speaks first: when its connection is up this end is ready too, while the other way round the first
    // message of the handshake is often lost, which OpenSSL notices after a second. And as server this end chooses
    // the cheaper cipher (native-section.ts).
    const dtls = { ...native.dtls, setup: 'passive' as const };
    const media = offeredSections(this.#options);
    const offer: SessionParameters = { ice, dtls, candidates: [], media, controlMid: CONTROL_MID };
    this.#offered = { native, offer };
    return renderSessionDescription('offer', offer);
  }

  async accept(sdp: string): Promise<void> {
    if (this.#offered === null) throw new MediaLinkError('closed', 'accept() before offer()');
    const { native, offer } = this.#offered;
    const answer = parseSessionDescription('answer', sdp);
    assertAnswers(offer, answer);
    this.#sources = this.#createSources(answer.media);
    this.expectConnection();
    this.acceptNatively(native, answer);
  }

  /** The relay's reports say nothing that a parent would miss for a second. */
  lastSentAt(): number {
    return -Infinity;
  }

  stats(): ChildLinkStats {
    return {
      sources: [...this.#sources.values()].map((source) => source.stats()),
      roundTripMs: this.roundTripMs,
    };
  }

  protected override onMediaOpen(): void {
    this.media.open([...this.#sources.values()]);
    const { maxBitrateBps } = this.#options;
    if (maxBitrateBps !== undefined) this.#limit(maxBitrateBps);
  }

  protected override onMedia(bytes: Buffer): void {
    if (isRtcp(bytes)) {
      if (!readRtcpCompound(bytes, this.#sources.values())) this.counts.count('rtcp-malformed');
      return;
    }
    const source = bytes.length < RTP_HEADER_BYTES ? undefined : this.#sources.get(ssrcOf(bytes));
    if (source === undefined) this.counts.count('rtp-unknown-stream');
    else source.takeRtp(bytes);
  }

  protected override onMediaClosed(): void {
    this.#cancelWatch();
    this.media.close();
    for (const source of this.#sources.values()) source.close();
  }

  #limit(maxBps: number): void {
    this.#cancelWatch = watchBitrate({
      maxBps,
      clock: this.clock,
      bytes: () => {
        let bytes = 0;
        for (const source of this.#sources.values()) bytes += source.stats().bytes;
        return bytes;
      },
      onExceeded: () => {
        this.counts.count('bitrate');
        this.close();
      },
    });
  }

  /** A parent turns sections off that it has nothing for. */
  #createSources(answered: readonly MediaSection[]): Map<number, RtpSource> {
    const sources = new Map<number, RtpSource>();
    const { maxBitrateBps = DEFAULT_MAX_BITRATE_BPS } = this.#options;
    const budget = new SenderBudget(maxBitrateBps, this.clock.now());
    const ssrcs = answered.flatMap(({ source }) => source?.ssrc ?? []);
    let videoSections = 0;
    let isLimitTold = false;
    for (const { kind, codecs, source } of answered) {
      const layer = kind === 'video' ? (this.#options.layers[videoSections++] ?? 0) : 0;
      const [codec] = codecs;
      if (codec === undefined || source === undefined) continue;
      const key = { kind, layer };
      const feedback = feedbackOf(codec, isLimitTold ? null : { budget, ssrcs: () => ssrcs });
      // One source tells the limit for all: the first that may.
      isLimitTold ||= feedback.remb !== null;
      const arrivals = budget.stream(kind, codec.clockRate);
      const { ssrc } = source;
      sources.set(ssrc, this.#createSource(codec, { key, ssrc, feedback, arrivals }));
    }
    return sources;
  }

  #createSource(
    codec: CodecParameters,
    stream: Pick<RtpSourceOptions, 'key' | 'ssrc' | 'feedback' | 'arrivals'>,
  ): RtpSource {
    return createRtpSource({
      ...stream,
      codec: mediaCodec(codec),
      clockRate: codec.clockRate,
      payloadType: codec.payloadType,
      localSsrc: this.#localSsrc,
      cname: this.#cname,
      now: () => this.clock.now(),
      roundTripMs: () => this.roundTripMs,
      send: this.sendMedia,
    });
  }
}

function offeredSections({ layers, video, audio }: ChildLinkOptions): MediaSection[] {
  const capabilities = relayRtpCapabilities();
  const match = matchCapabilities(capabilities, capabilities, { video, audio });
  const { audio: sound, video: picture } = match;
  return [
    ...(sound === null
      ? []
      : [{ mid: 'audio', kind: 'audio' as const, direction: 'recvonly' as const, ...sound }]),
    ...(picture === null
      ? []
      : layers.map((layer) => ({
          mid: `video-${layer}`,
          kind: 'video' as const,
          direction: 'recvonly' as const,
          ...picture,
        }))),
  ];
}

function mediaCodec({ mimeType }: CodecParameters): MediaCodec {
  if (mimeType === 'video/vp8') return 'vp8';
  return mimeType === 'video/h264' ? 'h264' : 'opus';
}

function feedbackOf(codec: CodecParameters, remb: SourceFeedback['remb']): SourceFeedback {
  const has = (type: string, parameter = ''): boolean =>
    codec.rtcpFeedback.some((feedback) => feedback.type === type && (feedback.parameter ?? '') === parameter);
  return {
    nack: has('nack'),
    pictureLoss: has('nack', 'pli'),
    fullIntraRequest: has('ccm', 'fir'),
    remb: has('goog-remb') ? remb : null,
  };
}
