/**
 * All streams to one viewer: what its reports say of its link, and what is sent less of because of it. The same for a child
 * of the tree and for a player.
 *
 * A viewer with one section for video is sent the layer that suits it. One with several, a relay, is sent the layers that
 * it asked for, each in its section, and the higher ones are closed where its link does not carry them.
 */

import type { Clock } from '@casto/host';
import { readRtcpCompound } from './rtcp-compound.ts';
import type { ReportBlock } from './rtcp-packet.ts';
import type { RtpSink } from './rtp-sink.ts';
import { NO_LIMIT, ViewerBudget, type SinkLimit } from './viewer-budget.ts';

/** Receivers report about once a second, of each stream by itself or of all at once. */
const LOOK_MS = 900;

export class ViewerStreams {
  readonly sinks: readonly RtpSink[];
  readonly #video: readonly RtpSink[];
  readonly #clock: Clock;
  readonly #budget = new ViewerBudget();
  #limit = NO_LIMIT;
  #lookedAt = -Infinity;
  #cancelRetry: (() => void) | null = null;
  /** Those that were looked at. */
  readonly #reports = new WeakSet<ReportBlock>();

  constructor(sinks: readonly RtpSink[], clock: Clock) {
    this.sinks = sinks;
    this.#clock = clock;
    this.#video = sinks.filter(({ key }) => key.kind === 'video');
  }

  /** What the link was found to carry of the video. */
  get limit(): SinkLimit {
    return this.#limit;
  }

  /**
   * Takes an RTCP packet of the viewer.
   *
   * @returns Whether it was well-formed.
   */
  takeRtcp(bytes: Buffer): boolean {
    const isWellFormed = readRtcpCompound(bytes, this.sinks);
    const now = this.#clock.now();
    if (now - this.#lookedAt >= LOOK_MS) this.#look(now);
    return isWellFormed;
  }

  /** PROTOCOL.md, K6.1: from its next key frame on. Means nothing where each section has a layer of its own. */
  chooseLayer(layer: number): void {
    for (const { wish } of this.#video) if (wish !== null) wish.asked = layer;
  }

  /** The viewer cannot go on decoding what it is sent as this layer, whichever it is. */
  wantKeyFrame(layer: number): void {
    for (const sink of this.#video) if (sink.wish !== null || sink.key.layer === layer) sink.wantKeyFrame();
  }

  /** Idempotent. */
  close(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    for (const sink of this.sinks) sink.close();
  }

  /** Sends what the viewer's link carries, by its latest reports. */
  #look(now: number): void {
    let fractionLost = -1;
    let roundTripMs: number | null = null;
    for (const sink of this.sinks) {
      const { report, roundTripMs: measuredMs } = sink;
      // What it said before tells nothing of the link as it is now.
      if (report === null || this.#reports.has(report)) continue;
      this.#reports.add(report);
      fractionLost = Math.max(fractionLost, report.fractionLost);
      roundTripMs = Math.max(roundTripMs ?? 0, measuredMs ?? 0) || null;
    }
    if (fractionLost < 0) return;
    this.#lookedAt = now;
    const limit = this.#budget.look({ fractionLost, roundTripMs, ...this.#layers() }, now);
    if (limit !== null) this.#apply(limit);
  }

  #apply(limit: SinkLimit): void {
    this.#limit = limit;
    for (const sink of this.#video) sink.limit(limit);
    this.#retryLater();
  }

  /** Reports put it off, so it is looked at again when it is due. */
  #retryLater(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    const { retryAt } = this.#budget;
    if (retryAt === null) return;
    const now = this.#clock.now();
    if (retryAt <= now) return this.#apply(this.#budget.retry(now));
    this.#cancelRetry = this.#clock.setTimer(() => this.#retryLater(), retryAt - now);
  }

  #layers(): { asked: number; layer: number; hasLower: boolean; topTemporalLayer: number } {
    const { bestLayer } = this.#limit;
    const topTemporalLayer = Math.max(0, ...this.#video.map((sink) => sink.topTemporalLayer));
    const [{ wish, key } = { wish: null, key: null }] = this.#video;
    if (wish !== null && key !== null) {
      const { asked, hasLower } = wish;
      return { asked, layer: Math.max(key.layer, bestLayer), hasLower, topTemporalLayer };
    }
    const lowest = Math.max(0, ...this.#video.map((sink) => sink.key.layer));
    return { asked: 0, layer: bestLayer, hasLower: bestLayer < lowest, topTemporalLayer };
  }
}
