/**
 * One stream of a publisher on its way into a channel, as one of its SSRCs after the other.
 *
 * The offer need not name the SSRC (RFC 9725 has no need of it), so the first packet of the payload type decides, and
 * another one only when that has fallen silent.
 */

import { KEY_FRAME_INTERVAL_MS } from '@casto/core';
import { addTraffic, copyTraffic, noTraffic } from '../media/media-traffic.ts';
import { ssrcOf } from '../media/rtp-packet.ts';
import type { RtpSource } from '../media/rtp-source.ts';
import type { StreamArrivals } from '../media/sender-budget.ts';
import type { IncomingTraffic } from '../relay-metrics.ts';
import { IngestStage, type IngestStageOptions } from './ingest-stage.ts';

/** An encoder that restarts takes another SSRC at once; two that send at the same time are a mistake. */
const SSRC_SILENCE_MS = 500;

export interface IngestStreamOptions extends Omit<IngestStageOptions, 'ssrc' | 'arrivals'> {
  /** Of the video, 0 for sound; see {@link IngestStream.moveTo}. */
  readonly layer: number;
  /** A source for the hub, in place of the one before; `null`: there is none. */
  readonly onSource: (source: RtpSource | null, former: RtpSource | null) => void;
}

export class IngestStream {
  readonly #options: IngestStreamOptions;
  readonly #arrivals: StreamArrivals;
  #layer: number;
  #stage: IngestStage | null = null;
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
      const { layer } = this;
      this.#stage = new IngestStage({ ...this.#options, layer, ssrc, arrivals: this.#arrivals });
      this.#options.onSource(this.#stage.source, stage?.source ?? null);
    }
    if (this.#stage?.arrival.ssrc !== ssrc) return false;
    this.#stage.arrival.takeRtp(bytes);
    return true;
  }

  /** Takes one block of an RTCP packet; blocks about other streams are ignored. */
  takeRtcp(bytes: Buffer, at: number, length: number): void {
    this.#stage?.takeRtcp(bytes, at, length);
  }

  /** The hub looks after its source itself. */
  tick(now: number): void {
    const stage = this.#stage;
    if (stage === null) return;
    stage.tick(now);
    this.#keepKeyFramesComing(stage.arrival, now);
  }

  close(): void {
    this.#close();
    this.#stage = null;
  }

  #close(): void {
    if (this.#stage === null) return;
    addTraffic(this.#ended, { sources: [this.#stage.arrival.stats()] });
    this.#stage.close();
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
}
