/** One WHEP session: a player's connection, which is sent the streams of a channel without their trailers. */

import { randomBytes, randomInt } from 'node:crypto';
import type { Clock, RefusalCounter } from '@casto/host';
import type { PlayerSeat } from '../channel-players.ts';
import { wishFor } from '../media/layer-choice.ts';
import { createRtpSink, type RtpSink } from '../media/rtp-sink.ts';
import { ViewerStreams } from '../media/viewer-streams.ts';
import { renderClientAnswer } from './client-answer.ts';
import { nameOf, type ClientOffer } from './client-offer.ts';
import type { ClientTransport } from './client-transport.ts';
import { withoutTrailer } from './trailer-stripper.ts';

/** A player sends a report or two per second, and a NACK for each loss that it notices. */
export const PLAYER_ALLOWANCE = { perSecond: 200, burst: 600 };
/** A player reports at least every five seconds (RFC 3550, section 6.2) while media flow. */
const SILENCE_MS = 60_000;
const MAX_SSRC = 2 ** 32;

export interface PlayerSessionOptions {
  /** With the channel's codecs alone. */
  readonly offer: ClientOffer;
  readonly transport: ClientTransport;
  readonly seat: PlayerSeat;
  readonly clock: Clock;
  readonly counts: RefusalCounter;
  /** Closed, by whomever. */
  readonly onClosed: () => void;
}

export class PlayerSession {
  readonly #options: PlayerSessionOptions;
  readonly #cname = randomBytes(12).toString('base64url');
  readonly #sections: readonly { readonly mid: string; readonly sink: RtpSink }[];
  readonly #streams: ViewerStreams;
  #heardAt: number;
  #cancelWatch: () => void = () => {};
  #isClosed = false;

  constructor(options: PlayerSessionOptions) {
    this.#options = options;
    this.#heardAt = options.clock.now();
    this.#sections = this.#createSections();
    this.#streams = new ViewerStreams(
      this.#sections.map(({ sink }) => sink),
      options.clock,
    );
    options.seat.onClosed = () => this.end();
    options.transport.listener = {
      onOpen: () => this.#start(),
      onMedia: (bytes) => this.#receive(bytes),
      onClosed: () => this.end(),
      traffic: () => ({ sinks: this.#streams.sinks.map((sink) => sink.stats()) }),
    };
  }

  /** @throws {MediaLinkError} When no connection can be made. */
  async answer(): Promise<string> {
    const { offer, transport } = this.#options;
    const native = await transport.answer(offer.transport, offer.candidates);
    return renderClientAnswer({
      offer,
      role: 'player',
      transport: native,
      candidates: native.candidates,
      sources: this.#sections.map(({ mid, sink }) => ({ mid, ssrc: sink.ssrc })),
      cname: this.#cname,
    });
  }

  /** The best layer that the player is to be sent; 0 is the highest. */
  chooseLayer(layer: number): void {
    this.#streams.chooseLayer(layer);
  }

  addCandidate(candidate: string): void {
    this.#options.transport.addCandidate(candidate);
  }

  /** Idempotent. */
  end(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelWatch();
    const { seat, transport, onClosed } = this.#options;
    seat.leave();
    this.#streams.close();
    transport.close();
    onClosed();
  }

  #start(): void {
    for (const sink of this.#streams.sinks) {
      this.#options.seat.add(sink);
      sink.open();
    }
    this.#heardAt = this.#options.clock.now();
    this.#watch();
  }

  #watch(): void {
    const { clock, counts } = this.#options;
    const leftMs = this.#heardAt + SILENCE_MS - clock.now();
    if (leftMs <= 0) {
      counts.count('whep:silent');
      return this.end();
    }
    this.#cancelWatch = clock.setTimer(() => this.#watch(), leftMs);
  }

  #createSections(): { mid: string; sink: RtpSink }[] {
    const { offer, clock, transport } = this.#options;
    const first = randomInt(1, MAX_SSRC - offer.sections.length);
    return offer.sections.flatMap(({ mid, kind, codec }, index) => {
      if (codec === null || kind === 'application') return [];
      const name = nameOf(codec);
      const sink = createRtpSink({
        key: { kind, layer: 0 },
        wish: kind === 'video' ? wishFor(0) : null,
        clockRate: codec.clockRate,
        payloadType: codec.payloadType,
        ssrc: first + index,
        cname: this.#cname,
        now: () => clock.now(),
        send: transport.send,
        bytesOf: (packet) => withoutTrailer(name, packet),
      });
      return { mid, sink };
    });
  }

  /** RTCP only: the library drops RTP on a track that sends. */
  #receive(bytes: Buffer): void {
    const { clock, counts } = this.#options;
    this.#heardAt = clock.now();
    if (!this.#streams.takeRtcp(bytes)) counts.count('rtcp-malformed');
  }
}
