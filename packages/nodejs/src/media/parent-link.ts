/** The relay as parent: answers a child's offer and sends it the streams of a hub. */

import { randomBytes, randomInt } from 'node:crypto';
import { assertAnswers, renderSessionDescription } from '@casto/host';
import type { MediaSection, ParentEnd, SessionParameters } from '@casto/host';
import type { ServedMedia } from '../media-links.ts';
import type { Hub } from './hub.ts';
import { linkQuality } from './link-quality.ts';
import { PeerTransport } from './peer-transport.ts';
import type { PeerTransportOptions } from './peer-transport.ts';
import { readRtcpCompound } from './rtcp-compound.ts';
import type { ReportBlock } from './rtcp-packet.ts';
import { createRtpSink } from './rtp-sink.ts';
import type { RtpSink, SinkStats } from './rtp-sink.ts';
import { NO_LIMIT, ViewerBudget, type SinkLimit } from './viewer-budget.ts';

/** A child sends a receiver report a second, and a NACK for each loss that it notices. */
const RTCP_ALLOWANCE = { perSecond: 200, burst: 600 };
const MAX_SSRC = 2 ** 32;
/** Receivers report about once a second, of each stream by itself or of all at once. */
const LOOK_MS = 900;

export interface ParentLinkOptions extends Omit<PeerTransportOptions, 'name' | 'direction' | 'allowance'> {
  readonly hub: Hub;
  /** The child's offer, checked, with the codec of the channel first in each section. */
  readonly offer: SessionParameters;
  /** Layers of the video sections, in their order; by default from the highest down. */
  readonly layers?: readonly number[];
  /** Whether the child is sent media from the beginning, as it is by default. */
  readonly isActive?: boolean;
}

export interface ParentLinkStats {
  readonly sinks: readonly SinkStats[];
  readonly roundTripMs: number | null;
  /** What the link was found to carry of the video. */
  readonly limit: SinkLimit;
}

export class ParentLink extends PeerTransport implements ParentEnd {
  readonly media: ServedMedia = {
    serve: (isActive) => this.#serve(isActive),
    quality: () => linkQuality(this.#sinks, this.roundTripMs),
  };
  readonly #hub: Hub;
  readonly #offer: SessionParameters;
  /** Receivers keep streams of one name in sync. */
  readonly #cname = randomBytes(12).toString('base64url');
  readonly #sections: readonly MediaSection[];
  readonly #sinks: readonly RtpSink[];
  #isActive: boolean;
  #isMediaOpen = false;
  readonly #budget = new ViewerBudget();
  #limit = NO_LIMIT;
  #lookedAt = -Infinity;
  /** Those that were looked at. */
  readonly #reports = new WeakSet<ReportBlock>();

  constructor(options: ParentLinkOptions) {
    super({ ...options, name: 'parent', direction: 'SendOnly', allowance: RTCP_ALLOWANCE });
    this.#hub = options.hub;
    this.#isActive = options.isActive ?? true;
    this.#offer = options.offer;
    this.#sections = options.offer.media.map((section) => answerSection(section, this.#cname));
    this.#sinks = this.#createSinks(options.layers ?? []);
  }

  async answer(): Promise<string> {
    const { ice, dtls, candidates } = await this.answerNatively(this.#offer);
    const { controlMid } = this.#offer;
    const answer: SessionParameters = { ice, dtls, candidates, media: [...this.#sections], controlMid };
    assertAnswers(this.#offer, answer);
    return renderSessionDescription('answer', answer);
  }

  lastSentAt(): number {
    return Math.max(-Infinity, ...this.#sinks.map((sink) => sink.lastSentAt));
  }

  stats(): ParentLinkStats {
    const sinks = this.#sinks.map((sink) => sink.stats());
    return { sinks, roundTripMs: this.roundTripMs, limit: this.#limit };
  }

  protected override onMediaOpen(): void {
    this.#isMediaOpen = true;
    if (this.#isActive) this.#resume();
  }

  /** RTCP only: the library drops RTP on a track that sends. */
  protected override onMedia(bytes: Buffer): void {
    if (!readRtcpCompound(bytes, this.#sinks)) this.counts.count('rtcp-malformed');
    const now = this.clock.now();
    if (now - this.#lookedAt >= LOOK_MS) this.#look(now);
  }

  /** Sends what the viewer's link carries, by its latest reports. */
  #look(now: number): void {
    let fractionLost = -1;
    let roundTripMs: number | null = null;
    for (const sink of this.#sinks) {
      const { report, roundTripMs: measuredMs } = sink;
      // What it said before tells nothing of the link as it is now.
      if (report === null || this.#reports.has(report)) continue;
      this.#reports.add(report);
      fractionLost = Math.max(fractionLost, report.fractionLost);
      roundTripMs = Math.max(roundTripMs ?? 0, measuredMs ?? 0) || null;
    }
    if (fractionLost < 0) return;
    this.#lookedAt = now;
    const limit = this.#budget.look({ fractionLost, roundTripMs }, now);
    if (limit === null) return;
    this.#limit = limit;
    for (const sink of this.#sinks) sink.limit(limit);
  }

  protected override onMediaClosed(): void {
    for (const sink of this.#sinks) {
      this.#hub.removeSink(sink);
      sink.close();
    }
  }

  #serve(isActive: boolean): void {
    if (isActive === this.#isActive) return;
    this.#isActive = isActive;
    if (!this.#isMediaOpen || this.state === 'closed') return;
    if (isActive) this.#resume();
    else this.#pause();
  }

  #resume(): void {
    for (const sink of this.#sinks) {
      this.#hub.addSink(sink);
      sink.open();
    }
  }

  #pause(): void {
    for (const sink of this.#sinks) {
      this.#hub.removeSink(sink);
      sink.pause();
    }
  }

  #createSinks(layers: readonly number[]): RtpSink[] {
    let videoSections = 0;
    return this.#sections.flatMap(({ kind, codecs, source }) => {
      const [codec] = codecs;
      if (codec === undefined || source === undefined) return [];
      const order = kind === 'video' ? videoSections++ : 0;
      return createRtpSink({
        key: { kind, layer: kind === 'video' ? (layers[order] ?? order) : 0 },
        clockRate: codec.clockRate,
        payloadType: codec.payloadType,
        ssrc: source.ssrc,
        cname: source.cname,
        now: () => this.clock.now(),
        send: this.sendMedia,
      });
    });
  }
}

/** Header extensions end at the relay, and with them transport-wide feedback, which needs one. */
function answerSection(offered: MediaSection, cname: string): MediaSection {
  const { mid, kind, codecs } = offered;
  return {
    mid,
    kind,
    direction: 'sendonly',
    codecs: codecs.slice(0, 1).map((codec) => ({
      ...codec,
      rtcpFeedback: codec.rtcpFeedback.filter(({ type }) => type !== 'transport-cc'),
    })),
    headerExtensions: [],
    source: { ssrc: randomInt(1, MAX_SSRC), cname },
  };
}
