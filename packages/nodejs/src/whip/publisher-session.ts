/** One WHIP session: a publisher's connection, and its streams on their way into the channel. */

import { randomBytes, randomInt } from 'node:crypto';
import { MAX_LAYERS } from '@casto/core';
import type { Clock, RefusalCounter } from '@casto/host';
import type { ChannelIngest } from '../channel-ingest.ts';
import { watchBitrate } from '../media/bitrate-guard.ts';
import { readRtcpCompound } from '../media/rtcp-compound.ts';
import { isRtcp, payloadTypeOf, RTP_HEADER_BYTES } from '../media/rtp-packet.ts';
import type { RtpSource } from '../media/rtp-source.ts';
import { DEFAULT_MAX_BITRATE_BPS, SenderBudget } from '../media/sender-budget.ts';
import { PublisherClock } from './capture-clock.ts';
import { renderClientAnswer } from './client-answer.ts';
import { nameOf, type ClientOffer } from './client-offer.ts';
import type { ClientTransport } from './client-transport.ts';
import type { FrameCount } from './frame-stamper.ts';
import { IngestStream } from './ingest-stream.ts';
import type { Publication, PublishedMedia } from './publication.ts';
import { simulcastStreams, singleStream, type PublishedSection } from './published-section.ts';

/** 25 Mbps over all layers, and sound. */
export const PUBLISHER_ALLOWANCE = { perSecond: 4_000, burst: 8_000 };
/** A connected publisher that sends neither media nor reports is gone, or of no use. */
const SILENCE_MS = 15_000;
const MAX_SSRC = 2 ** 32;

export interface PublisherSessionOptions {
  readonly offer: ClientOffer;
  readonly transport: ClientTransport;
  readonly publication: Publication;
  /** Of the broadcast, seconds since 1970. */
  readonly epoch: number;
  readonly clock: Clock;
  readonly counts: RefusalCounter;
  /** Asked of the publisher. With a value, a session that goes on sending much more is closed. */
  readonly maxBitrateBps?: number;
  /** Closed, by whomever. */
  readonly onClosed: () => void;
}

export class PublisherSession {
  readonly #options: PublisherSessionOptions;
  readonly #sections: readonly PublishedSection[];
  /** Of all sections. */
  readonly #streams: readonly IngestStream[];
  readonly #cname = randomBytes(12).toString('base64url');
  #ingest: ChannelIngest | null = null;
  #heardAt: number;
  #cancelWatch: () => void = () => {};
  #cancelLimit: () => void = () => {};
  #isClosed = false;

  constructor(options: PublisherSessionOptions) {
    this.#options = options;
    this.#heardAt = options.clock.now();
    this.#sections = this.#createSections();
    this.#streams = this.#sections.flatMap(({ streams }) => streams);
    options.transport.listener = {
      onOpen: () => {
        this.#limit();
        void this.#goLive();
      },
      onMedia: (bytes) => this.#receive(bytes),
      onClosed: () => this.#finish({ isOver: false }),
      traffic: () => ({ sources: this.#streams.map((stream) => stream.traffic()) }),
    };
  }

  /** When something last came from the publisher. */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** @throws {MediaLinkError} When no connection can be made. */
  async answer(): Promise<string> {
    const { offer, transport } = this.#options;
    const native = await transport.answer(offer.transport, offer.candidates);
    const { candidates } = native;
    return renderClientAnswer({
      offer,
      role: 'publisher',
      transport: native,
      candidates,
      sources: [],
      cname: this.#cname,
    });
  }

  addCandidate(candidate: string): void {
    this.#options.transport.addCandidate(candidate);
  }

  /** The publisher says that it has finished. Idempotent. */
  end(): void {
    this.#finish({ isOver: true });
  }

  /** Makes room for another session of the same name. Idempotent. */
  close(): void {
    this.#finish({ isOver: false });
  }

  #finish({ isOver }: { isOver: boolean }): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelWatch();
    this.#cancelLimit();
    const { transport, publication, onClosed } = this.#options;
    if (this.#ingest !== null && this.#ingest.onTick === this.#tick) this.#ingest.onTick = null;
    for (const { source } of this.#streams) if (source !== null) this.#ingest?.drop(source);
    for (const stream of this.#streams) stream.close();
    transport.close();
    if (isOver) void publication.end();
    else publication.lose();
    onClosed();
  }

  async #goLive(): Promise<void> {
    const ingest = await this.#options.publication.goLive(this.#media(), this.#options.epoch);
    if (this.#isClosed) return;
    if (ingest === null) {
      this.#options.counts.count('whip:no-room');
      return this.end();
    }
    this.#ingest = ingest;
    ingest.onTick = this.#tick;
    for (const { source } of this.#streams) if (source !== null) ingest.feed(source);
    this.#watch();
  }

  #limit(): void {
    const { clock, counts, maxBitrateBps } = this.#options;
    if (maxBitrateBps === undefined) return;
    this.#cancelLimit = watchBitrate({
      maxBps: maxBitrateBps,
      clock,
      bytes: () => this.#streams.reduce((sum, stream) => sum + stream.traffic().bytes, 0),
      onExceeded: () => {
        counts.count('whip:bitrate');
        this.close();
      },
    });
  }

  #watch(): void {
    const { clock, counts } = this.#options;
    const leftMs = this.#heardAt + SILENCE_MS - clock.now();
    if (leftMs <= 0) {
      counts.count('whip:silent');
      return this.close();
    }
    this.#cancelWatch = clock.setTimer(() => this.#watch(), leftMs);
  }

  #media(): PublishedMedia {
    const names = this.#sections.map(({ codec }) => nameOf(codec));
    const video = names.find((name) => name !== 'opus') ?? null;
    const layers = this.#sections.find(({ codec }) => nameOf(codec) !== 'opus')?.streams.length ?? 0;
    return { video, layers, audio: names.includes('opus') };
  }

  #createSections(): PublishedSection[] {
    const { offer, clock, transport, epoch, maxBitrateBps = DEFAULT_MAX_BITRATE_BPS } = this.#options;
    const shared = {
      epoch,
      clock: new PublisherClock(),
      budget: new SenderBudget(maxBitrateBps, clock.now()),
      limitedSsrcs: () => this.#videoSsrcs(),
      localSsrc: randomInt(1, MAX_SSRC),
      cname: this.#cname,
      now: () => clock.now(),
      send: transport.send,
      onSource: (source: RtpSource | null, former: RtpSource | null) => this.#feed(source, former),
    };
    return offer.sections.flatMap(({ kind, codec, simulcast }) => {
      if (codec === null || kind === 'application') return [];
      const counts: FrameCount[] = Array.from({ length: MAX_LAYERS }, () => ({ next: 0 }));
      const frames = (layer: number): FrameCount => counts[layer] ?? { next: 0 };
      const section = { ...shared, kind, codec, frames };
      if (simulcast === null) return singleStream(codec, new IngestStream({ ...section, layer: 0 }));
      return simulcastStreams(codec, simulcast, (layer) => new IngestStream({ ...section, ...layer }));
    });
  }

  /** What a limit holds for; a sender that is told of some only would hold the others back by itself. */
  #videoSsrcs(): number[] {
    const video = this.#sections.filter(({ codec }) => nameOf(codec) !== 'opus');
    return video.flatMap(({ streams }) => streams.flatMap(({ ssrc }) => ssrc ?? []));
  }

  #feed(source: RtpSource | null, former: RtpSource | null): void {
    if (former !== null) this.#ingest?.drop(former);
    if (source !== null) this.#ingest?.feed(source);
  }

  #receive(bytes: Buffer): void {
    if (this.#isClosed) return;
    const { clock, counts } = this.#options;
    this.#heardAt = clock.now();
    if (isRtcp(bytes)) {
      if (!readRtcpCompound(bytes, this.#streams)) counts.count('rtcp-malformed');
      return;
    }
    const type = payloadTypeOf(bytes);
    const section =
      bytes.length < RTP_HEADER_BYTES
        ? undefined
        : this.#sections.find(({ codec }) => codec.payloadType === type);
    const fault = section === undefined ? 'rtp-unknown-stream' : section.takeRtp(bytes);
    if (fault !== null) counts.count(fault);
  }

  readonly #tick = (now: number): void => {
    for (const stream of this.#streams) stream.tick(now);
  };
}
