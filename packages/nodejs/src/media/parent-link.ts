/** The relay as parent: answers a child's offer and sends it the streams of a hub. */

import { randomBytes, randomInt } from 'node:crypto';
import { assertAnswers, renderSessionDescription } from '@casto/host';
import type { MediaSection, ParentEnd, SessionParameters } from '@casto/host';
import type { ServedMedia } from '../media-links.ts';
import type { Hub } from './hub.ts';
import { linkQuality } from './link-quality.ts';
import { wishFor } from './layer-choice.ts';
import { PeerTransport } from './peer-transport.ts';
import type { PeerTransportOptions } from './peer-transport.ts';
import { createRtpSink } from './rtp-sink.ts';
import type { RtpSink } from './rtp-sink.ts';
import type { SinkStats } from './sink-stats.ts';
import type { SinkLimit } from './viewer-budget.ts';
import { ViewerStreams } from './viewer-streams.ts';

/** A child sends a receiver report a second, and a NACK for each loss that it notices. */
const RTCP_ALLOWANCE = { perSecond: 200, burst: 600 };
const MAX_SSRC = 2 ** 32;

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
    quality: () => linkQuality(this.#streams.sinks, this.roundTripMs),
    chooseLayer: (layer) => this.#streams.chooseLayer(layer),
    wantKeyFrame: (layer) => this.#streams.wantKeyFrame(layer),
  };
  readonly #hub: Hub;
  readonly #offer: SessionParameters;
  /** Receivers keep streams of one name in sync. */
  readonly #cname = randomBytes(12).toString('base64url');
  readonly #sections: readonly MediaSection[];
  readonly #streams: ViewerStreams;
  #isActive: boolean;
  #isMediaOpen = false;

  constructor(options: ParentLinkOptions) {
    super({ ...options, name: 'parent', direction: 'SendOnly', allowance: RTCP_ALLOWANCE });
    this.#hub = options.hub;
    this.#isActive = options.isActive ?? true;
    this.#offer = options.offer;
    this.#sections = options.offer.media.map((section) => answerSection(section, this.#cname));
    this.#streams = new ViewerStreams(this.#createSinks(options.layers ?? []), this.clock);
  }

  async answer(): Promise<string> {
    const { ice, dtls, candidates } = await this.answerNatively(this.#offer);
    const { controlMid } = this.#offer;
    const answer: SessionParameters = { ice, dtls, candidates, media: [...this.#sections], controlMid };
    assertAnswers(this.#offer, answer);
    return renderSessionDescription('answer', answer);
  }

  lastSentAt(): number {
    return Math.max(-Infinity, ...this.#streams.sinks.map((sink) => sink.lastSentAt));
  }

  stats(): ParentLinkStats {
    const sinks = this.#streams.sinks.map((sink) => sink.stats());
    return { sinks, roundTripMs: this.roundTripMs, limit: this.#streams.limit };
  }

  protected override onMediaOpen(): void {
    this.#isMediaOpen = true;
    if (this.#isActive) this.#resume();
  }

  /** RTCP only: the library drops RTP on a track that sends. */
  protected override onMedia(bytes: Buffer): void {
    if (!this.#streams.takeRtcp(bytes)) this.counts.count('rtcp-malformed');
  }

  protected override onMediaClosed(): void {
    for (const sink of this.#streams.sinks) this.#hub.removeSink(sink);
    this.#streams.close();
  }

  #serve(isActive: boolean): void {
    if (isActive === this.#isActive) return;
    this.#isActive = isActive;
    if (!this.#isMediaOpen || this.state === 'closed') return;
    if (isActive) this.#resume();
    else this.#pause();
  }

  #resume(): void {
    for (const sink of this.#streams.sinks) {
      this.#hub.addSink(sink);
      sink.open();
    }
  }

  #pause(): void {
    for (const sink of this.#streams.sinks) {
      this.#hub.removeSink(sink);
      sink.pause();
    }
  }

  #createSinks(layers: readonly number[]): RtpSink[] {
    let videoSections = 0;
    const isOfOneLayer = this.#sections.filter(({ kind }) => kind === 'video').length === 1;
    return this.#sections.flatMap(({ kind, codecs, source }) => {
      const [codec] = codecs;
      if (codec === undefined || source === undefined) return [];
      const order = kind === 'video' ? videoSections++ : 0;
      const layer = kind === 'video' ? (layers[order] ?? order) : 0;
      return createRtpSink({
        key: { kind, layer },
        wish: kind === 'video' && isOfOneLayer ? wishFor(layer) : null,
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
