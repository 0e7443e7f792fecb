/**
 * A relay's media plane without sockets: hostile streams and viewers, and beside them in the same hub a healthy stream
 * with a healthy viewer, who must get each of its packets.
 */

import type { MediaKind, StreamKey } from '@casto/host';
import { createHub, type Hub, type HubEvent } from '../../../packages/nodejs/src/media/hub.ts';
import { readRtcpCompound } from '../../../packages/nodejs/src/media/rtcp-compound.ts';
import {
  isRtcp,
  RTP_HEADER_BYTES,
  sequenceOf,
  ssrcOf,
} from '../../../packages/nodejs/src/media/rtp-packet.ts';
import { createRtpSink, type RtpSink } from '../../../packages/nodejs/src/media/rtp-sink.ts';
import {
  createRtpSource,
  type MediaCodec,
  type RtpSource,
} from '../../../packages/nodejs/src/media/rtp-source.ts';
import { SenderBudget } from '../../../packages/nodejs/src/media/sender-budget.ts';
import { rtp, vp8 } from '../../../packages/nodejs/test/media/rtp-builder.ts';
import { demand, type Size } from '../fuzz-target.ts';

export const TICK_MS = 20;
/** Of the hostile streams, in the order of {@link STREAMS}. */
export const FIRST_SSRC = 0x1000;
/** Of the hostile viewers, two to each stream. */
export const FIRST_VIEWER_SSRC = 0x2000;
const VIEWERS_PER_STREAM = 2;
const KEY_FRAME_EVERY = 50;
/**
 * Packets that one packet of a stranger may cause at once: a viewer's budget of repeats, for each of the viewers, or
 * its start from a key frame. What PROTOCOL.md and the sink allow, so that nobody is a lever against others.
 */
const MAX_SENT_PER_INPUT = 4 * 256;

/** Over the life of a viewer: what resend-budget.ts says, told once more. */
const RESENT_AT_ONCE = 256;
const RESENT_SHARE = 0.25;

interface StreamKind {
  readonly kind: MediaKind;
  readonly codec: MediaCodec;
  readonly payloadType: number;
  readonly clockRate: number;
  readonly layer: number;
}

export const STREAMS: readonly StreamKind[] = [
  { kind: 'video', codec: 'vp8', payloadType: 96, clockRate: 90_000, layer: 0 },
  { kind: 'video', codec: 'h264', payloadType: 102, clockRate: 90_000, layer: 1 },
  { kind: 'audio', codec: 'opus', payloadType: 111, clockRate: 48_000, layer: 0 },
];

const HEALTHY: StreamKind = { kind: 'video', codec: 'vp8', payloadType: 96, clockRate: 90_000, layer: 2 };

export class MediaStage {
  now = 1_000;
  readonly hub: Hub = createHub({ now: () => this.now });
  readonly sources = new Map<number, RtpSource>();
  readonly sinks: RtpSink[] = [];
  /** The sequence that each hostile viewer was sent last. */
  readonly lastSent = new Map<number, number>();
  unknownStreams = 0;
  #sentSinceInput = 0;
  #events = 0;
  #published = 0;
  readonly #healthy: HealthyStream;
  readonly #random = Math.random;

  constructor() {
    // Viewers' numbers begin at random ones. Here they begin at 0, so that a run can be repeated.
    Math.random = () => 0;
    this.hub.onEvent = (event) => this.#hear(event);
    STREAMS.forEach((stream, i) => {
      const source = this.source(stream, FIRST_SSRC + i);
      this.sources.set(source.ssrc, source);
      this.hub.setSource(source);
      for (let j = 0; j < VIEWERS_PER_STREAM; j++) {
        const sink = this.sink(stream, FIRST_VIEWER_SSRC + i * VIEWERS_PER_STREAM + j, (bytes) =>
          this.#sent(bytes),
        );
        this.hub.addSink(sink);
        sink.open();
        this.sinks.push(sink);
      }
    });
    this.#healthy = new HealthyStream(this);
  }

  /** As the link to a parent does. @returns A word for what came. */
  takeFromParent(bytes: Buffer): string {
    if (isRtcp(bytes)) return readRtcpCompound(bytes, this.sources.values()) ? 'rtcp' : 'rtcp-malformed';
    const source = bytes.length < RTP_HEADER_BYTES ? undefined : this.sources.get(ssrcOf(bytes));
    if (source === undefined) {
      this.unknownStreams++;
      return 'rtp-unknown-stream';
    }
    const before = source.stats();
    source.takeRtp(bytes);
    const { drops, packets } = source.stats();
    const dropped = Object.entries(drops).find(([reason, count]) => count !== countOf(before.drops, reason));
    if (dropped !== undefined) return dropped[0];
    return packets > before.packets ? 'packet' : 'nothing';
  }

  /** What a hostile stream has come to. */
  ringOf(ssrc: number): { readonly highest: number } | null {
    return this.sources.get(ssrc)?.ring ?? null;
  }

  /** A packet of each hostile stream, so that its viewers have something to ask about. */
  publishHostile(): void {
    STREAMS.forEach(({ codec, payloadType }, i) => {
      const isKey = this.#published % KEY_FRAME_EVERY === 0;
      const payload =
        codec === 'vp8'
          ? vp8({ key: isKey, pictureId: this.#published, tl0: this.#published })
          : Buffer.from([isKey ? 0x67 : 0x41, 1, 2, 3]);
      const timestamp = Math.round(this.now * 90);
      const packet = { payloadType, ssrc: FIRST_SSRC + i, sequence: this.#published, timestamp, payload };
      this.sources.get(packet.ssrc)?.takeRtp(rtp(packet));
    });
    this.#published++;
  }

  /** As the link to a child does. */
  takeFromChild(bytes: Buffer): string {
    const before = this.sinks.map((sink) => sink.stats());
    if (!readRtcpCompound(bytes, this.sinks)) return 'rtcp-malformed';
    for (const [i, sink] of this.sinks.entries()) {
      const { resent, packets, pictureLosses, drops, report } = sink.stats();
      demand(resent <= RESENT_AT_ONCE + packets * RESENT_SHARE, `${resent} repeats of ${packets} packets`);
      const old = before[i];
      if (old === undefined) continue;
      if (resent > old.resent) return 'nack answered';
      const dropped = Object.entries(drops).find(([reason, count]) => count !== countOf(old.drops, reason));
      if (dropped !== undefined) return dropped[0];
      if (pictureLosses > old.pictureLosses) return 'key frame wanted';
      if (report !== old.report) return 'report';
    }
    return 'nothing for these streams';
  }

  /** Call it for each input. */
  beginInput(): void {
    this.#sentSinceInput = 0;
  }

  /** @throws {FuzzFailure} When an input was answered by too much, or the healthy viewer lost a packet. */
  endInput(): void {
    demand(this.#sentSinceInput <= MAX_SENT_PER_INPUT, `one packet caused ${this.#sentSinceInput}`);
    this.#healthy.publish();
  }

  advance(ms: number): void {
    const end = this.now + ms;
    while (this.now < end) {
      this.now = Math.min(end, this.now + TICK_MS);
      this.hub.tick(this.now);
    }
  }

  sizes(): readonly Size[] {
    return [
      { name: 'streams', size: this.hub.streams().length, most: STREAMS.length + 1 },
      { name: 'sources', size: this.sources.size, most: STREAMS.length },
    ];
  }

  close(): void {
    for (const source of this.sources.values()) source.close();
    for (const sink of this.sinks) sink.close();
    this.#healthy.close();
    this.hub.close();
    Math.random = this.#random;
  }

  source(stream: StreamKind, ssrc: number): RtpSource {
    const isVideo = stream.kind === 'video';
    const budget = new SenderBudget(5e6, this.now);
    return createRtpSource({
      ...stream,
      key: keyOf(stream),
      ssrc,
      localSsrc: 1,
      cname: 'relay',
      feedback: {
        nack: isVideo,
        pictureLoss: isVideo,
        fullIntraRequest: isVideo,
        remb: isVideo ? { budget, ssrcs: () => [ssrc] } : null,
      },
      arrivals: budget.stream(stream.kind, stream.clockRate),
      now: () => this.now,
      roundTripMs: () => null,
      send: (rtcp) => {
        demandRtcp(rtcp);
        return true;
      },
    });
  }

  sink(stream: StreamKind, ssrc: number, send: (bytes: Buffer) => void): RtpSink {
    return createRtpSink({
      ...stream,
      key: keyOf(stream),
      ssrc,
      cname: 'relay',
      now: () => this.now,
      send: (bytes) => {
        demandSendable(bytes, ssrc, stream.payloadType);
        send(bytes);
        return true;
      },
    });
  }

  #sent(bytes: Buffer): void {
    if (isRtcp(bytes)) return;
    this.#sentSinceInput++;
    this.lastSent.set(ssrcOf(bytes), sequenceOf(bytes));
  }

  #hear(event: HubEvent): void {
    this.#events++;
    demand(event.type !== 'replaced', `a stream was replaced after ${this.#events} events`);
  }
}

/** Publishes a packet at a time, and checks that its viewer gets it as it is. */
class HealthyStream {
  readonly #stage: MediaStage;
  readonly #source: RtpSource;
  readonly #sink: RtpSink;
  readonly #payload = Buffer.alloc(24);
  #received: Buffer | null = null;
  #count = 0;
  #expected = -1;
  #publishedAt = 0;
  #timestamp = 0;

  constructor(stage: MediaStage) {
    this.#stage = stage;
    this.#source = stage.source(HEALTHY, 1);
    this.#sink = stage.sink(HEALTHY, 2, (bytes) => {
      if (!isRtcp(bytes)) this.#received = Buffer.from(bytes);
    });
    stage.hub.setSource(this.#source);
    stage.hub.addSink(this.#sink);
    this.#sink.open();
    this.publish();
  }

  publish(): void {
    this.#timestamp += Math.max(1, Math.round((this.#stage.now - this.#publishedAt) * 90));
    this.#publishedAt = this.#stage.now;
    this.#payload.writeUInt32BE(this.#count, 4);
    const payload = vp8({
      key: this.#count % KEY_FRAME_EVERY === 0,
      pictureId: this.#count,
      tl0: this.#count,
      body: this.#payload,
    });
    this.#received = null;
    this.#source.takeRtp(
      rtp({
        payloadType: 96,
        ssrc: 1,
        sequence: this.#count,
        timestamp: this.#timestamp,
        marker: true,
        payload,
      }),
    );
    this.#check();
    this.#count++;
  }

  close(): void {
    this.#source.close();
    this.#sink.close();
  }

  #check(): void {
    const received: Buffer | null = this.#received;
    demand(received !== null, `the healthy viewer did not get packet ${this.#count}`);
    const body = received.subarray(-this.#payload.length);
    demand(body.equals(this.#payload), 'the healthy viewer got another payload');
    const sequence = sequenceOf(received);
    demand(this.#expected < 0 || sequence === this.#expected, 'the healthy viewer sees a gap');
    this.#expected = (sequence + 1) & 0xffff;
  }
}

function keyOf({ kind, layer }: StreamKind): StreamKey {
  return { kind, layer };
}

function countOf(counts: Readonly<Record<string, number>>, reason: string): number {
  return counts[reason] ?? 0;
}

/** RTCP that the relay writes itself is whole, by another reader than its own. */
export function demandRtcp(bytes: Buffer): void {
  demand(bytes.length >= 8 && bytes.length % 4 === 0, 'RTCP of a length that is none');
  for (let at = 0; at < bytes.length;) {
    demand(at + 4 <= bytes.length && (bytes[at] ?? 0) >> 6 === 2, 'RTCP of another version');
    const length = 4 * (bytes.readUInt16BE(at + 2) + 1);
    demand(at + length <= bytes.length, 'RTCP that is cut');
    at += length;
  }
}

export function demandSendable(bytes: Buffer, ssrc: number, payloadType: number): void {
  if (isRtcp(bytes)) return demandRtcp(bytes);
  demand(bytes.length >= RTP_HEADER_BYTES, 'a cut packet was passed on');
  demand(bytes[0] === 0x80, 'header extensions or padding were passed on');
  demand(((bytes[1] ?? 0) & 0x7f) === payloadType, 'another payload type was passed on');
  demand(ssrcOf(bytes) === ssrc, 'a packet with the SSRC of another viewer');
}
