/**
 * RTP and RTCP of publishers who send what they like: one with VP8, one with H264, one with three encodings of VP8, all
 * with sound. Whatever came before, an encoder that begins anew after a silence is taken in.
 */

import type { Random } from '@casto/core';
import { refusalCounter } from '@casto/host';
import { VirtualClock } from '@casto/host/conformance/virtual-clock';
import {
  isRtcp,
  payloadTypeOf,
  RTP_HEADER_BYTES,
  ssrcOf,
} from '../../../packages/nodejs/src/media/rtp-packet.ts';
import type { MediaCodec } from '../../../packages/nodejs/src/media/rtp-source.ts';
import { readClientOffer } from '../../../packages/nodejs/src/whip/client-offer.ts';
import { rtp, vp8 } from '../../../packages/nodejs/test/media/rtp-builder.ts';
import { chance, joinBytes, mutateBytes, pick, randomBytes } from '../byte-mutations.ts';
import { demand, type FuzzSession, type FuzzTarget, type Size } from '../fuzz-target.ts';
import { IngestStage, type TakenSection } from './ingest-stage.ts';
import { FIRST_SSRC } from './media-stage.ts';
import { payload, rtcpPacket } from './media.ts';
import { PUBLISHER_OFFERS, SIMULCAST_OFFER } from './whip-requests.ts';

/** The first bytes of an input: how much time passes before it, which publisher sends it, and what is mended. */
const HEAD_BYTES = 3;
/** What is mended, because only the session knows it: the number that comes next, the time, the payload type. */
const MEND = { sequence: 1, timestamp: 2, payloadType: 4 } as const;
const MENDED = [0, 1, 3, 5, 7, 7, 7, 7, 7, 7];
const PAUSES_MS = [...Array.from({ length: 30 }, () => 0), 1, 1, 2, 3, 5, 5, 10, 20, 20, 40, 100, 300];
/** Drawn now and then: another SSRC may follow. */
const LONG_PAUSE = 255;
const LONG_PAUSE_MS = 700;
const TICK_MS = 20;
const MAX_PACKET_BYTES = 4_096;
const STREAMS = 4;
const RECOVER_EVERY = 250;
/** A stream may be silent for half a second (ingest-stream.ts). */
const SILENCE_MS = 600;
const FIRST_FRESH_SSRC = 0x9000_0000;
const FRESH_FRAMES = 5;
/** Mostly the next one; now and then one that was lost, came before, or is far ahead. */
const NEXT_STEPS = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 17, 300, 2_900, 0, -1, -5, -2_000];
const RIDS = ['lo', 'mid', 'hi'];
const RID_EXTENSION = 10;

export const ingestTarget: FuzzTarget = {
  name: 'ingest',
  generate: (random) => {
    const pause = chance(random, 0.002) ? LONG_PAUSE : random.below(PAUSES_MS.length);
    const head = Uint8Array.of(pause, random.below(3), pick(random, MENDED));
    const packet = chance(random, 0.9) ? rtpPacket(random) : rtcpPacket(random);
    return joinBytes(head, packet.subarray(0, MAX_PACKET_BYTES));
  },
  open: () => IngestSession.create(),
};

class IngestSession implements FuzzSession {
  readonly #clock = new VirtualClock();
  readonly #counts = refusalCounter();
  readonly #stages = [
    readClientOffer(PUBLISHER_OFFERS[0], 'publisher', () => true),
    readClientOffer(PUBLISHER_OFFERS[0], 'publisher', (codec) => codec !== 'vp8'),
    readClientOffer(SIMULCAST_OFFER, 'publisher', () => true),
  ].map((offer) => new IngestStage(offer, this.#clock, this.#counts));
  #fresh = FIRST_FRESH_SSRC;
  #fed = 0;

  static async create(): Promise<IngestSession> {
    const session = new IngestSession();
    for (const stage of session.#stages) await stage.open();
    return session;
  }

  async feed(input: Uint8Array): Promise<string> {
    const [pause = 0, which = 0, mend = 0] = input;
    this.#pass(pause === LONG_PAUSE ? LONG_PAUSE_MS : (PAUSES_MS[pause % PAUSES_MS.length] ?? 0));
    const stage = this.#stages[which % this.#stages.length];
    if (stage === undefined) return 'nobody';
    if (!stage.isOpen) await stage.open();
    const packet = Buffer.from(input.subarray(HEAD_BYTES));
    this.#mend(stage, packet, mend);
    const before = { ...this.#counts.counts };
    stage.take(packet);
    if (++this.#fed % RECOVER_EVERY === 0) for (const one of this.#stages) await this.#recover(one);
    const refused = Object.entries(this.#counts.counts).find(([reason, count]) => count !== before[reason]);
    if (refused !== undefined) return refused[0];
    return isRtcp(packet) ? 'rtcp' : 'packet';
  }

  sizes(): readonly Size[] {
    return [
      ...this.#stages.map((stage, i) => ({ name: `streams ${i}`, size: stage.streams(), most: STREAMS })),
      { name: 'timers', size: this.#clock.pending, most: 2 * this.#stages.length },
      { name: 'reasons of refusal', size: Object.keys(this.#counts.counts).length, most: 12 },
    ];
  }

  close(): void {
    for (const stage of this.#stages) stage.close();
    demand(this.#clock.pending === 0, `${this.#clock.pending} timers are left`);
  }

  #pass(ms: number): void {
    for (let left = ms; left > 0; left -= TICK_MS) {
      this.#clock.advance(Math.min(left, TICK_MS));
      if (left >= TICK_MS) for (const stage of this.#stages) stage.tick();
    }
  }

  #mend(stage: IngestStage, packet: Buffer, mend: number): void {
    if (packet.length < RTP_HEADER_BYTES || isRtcp(packet)) return;
    const ssrc = ssrcOf(packet);
    // The last of the streams is sound.
    const isSound = ssrc === FIRST_SSRC + STREAMS - 1;
    const section = stage.sections.find(({ codec }) => (codec === 'opus') === isSound);
    if (section !== undefined && (mend & MEND.payloadType) !== 0) {
      packet[1] = ((packet[1] ?? 0) & 0x80) | section.payloadType;
    }
    const step = NEXT_STEPS[packet.readUInt16BE(2) % NEXT_STEPS.length] ?? 1;
    const sequence = ((stage.sent.get(ssrc) ?? 0) + step) & 0xffff;
    if ((mend & MEND.sequence) !== 0) packet.writeUInt16BE(sequence, 2);
    if (
      stage.sections.some(({ payloadType }) => payloadType === payloadTypeOf(packet)) &&
      stage.sent.size < 100
    ) {
      stage.sent.set(ssrc, packet.readUInt16BE(2));
    }
    const ticks = Math.round(this.#clock.now() * ((section?.clockRate ?? 90_000) / 1_000)) >>> 0;
    if ((mend & MEND.timestamp) !== 0) packet.writeUInt32BE(ticks, 4);
  }

  /** @throws {FuzzFailure} Unless encoders that begin anew reach those who watch. */
  async #recover(stage: IngestStage): Promise<void> {
    this.#pass(SILENCE_MS);
    if (!stage.isOpen) await stage.open();
    const before = stage.arrived();
    const encoders = stage.sections.flatMap((section) =>
      section.rids.map((rid) => ({ section, rid, ssrc: this.#fresh++ })),
    );
    for (let frame = 0; frame < FRESH_FRAMES; frame++) {
      for (const encoder of encoders) stage.take(this.#freshFrame(encoder, frame));
      this.#pass(2 * TICK_MS);
    }
    for (const [stream, count] of stage.arrived()) {
      demand(count > (before.get(stream) ?? 0), `nothing of ${stream} arrives after a silence`);
    }
  }

  #freshFrame(
    { section, rid, ssrc }: { section: TakenSection; rid: string | null; ssrc: number },
    frame: number,
  ): Buffer {
    const { codec, payloadType, clockRate } = section;
    return rtp({
      payloadType,
      ssrc,
      sequence: 1_000 + frame,
      timestamp: Math.round(this.#clock.now() * (clockRate / 1_000)),
      marker: true,
      payload: freshPayload(codec, frame),
      ...(rid === null ? {} : { extension: oneByteElement(RID_EXTENSION, Buffer.from(rid)) }),
    });
  }
}

function freshPayload(codec: MediaCodec, frame: number): Uint8Array {
  if (codec === 'vp8') return vp8({ key: frame === 0, pictureId: frame, tl0: frame });
  return codec === 'h264' ? Uint8Array.of(frame === 0 ? 0x65 : 0x41, 1, 2, 3) : Uint8Array.of(0xf8, 1, 2, 3);
}

function rtpPacket(random: Random): Uint8Array {
  const stream = random.below(STREAMS);
  const codec = stream === STREAMS - 1 ? 'opus' : chance(random, 0.7) ? 'vp8' : 'h264';
  const packet = rtp({
    payloadType: random.below(128),
    ssrc: chance(random, 0.97) ? FIRST_SSRC + stream : random.below(2 ** 32),
    sequence: random.below(0x1_0000),
    timestamp: random.below(2 ** 32),
    marker: chance(random, 0.6),
    sources: chance(random, 0.05) ? Array.from({ length: random.below(16) }, () => 7) : [],
    ...(chance(random, 0.7) ? { extension: extension(random, stream) } : {}),
    payload: codec === 'vp8' && chance(random, 0.2) ? keyFrame(random, stream) : payload(random, codec),
    padding: chance(random, 0.05) ? 1 + random.below(255) : 0,
  });
  // The longer form of header extensions (RFC 8285, section 4.3).
  if (chance(random, 0.1) && ((packet[0] ?? 0) & 0x1f) === 0x10)
    packet.writeUInt16BE(0x1000 | random.below(16), 12);
  return chance(random, 0.6) ? packet : mutateBytes(packet, random, packet, MAX_PACKET_BYTES);
}

/** With the size of its picture (RFC 6386, section 9.1), by which layers are told apart. */
function keyFrame(random: Random, stream: number): Uint8Array {
  const width = chance(random, 0.8) ? 160 << stream : random.below(0x4000);
  const size = Uint8Array.of(0, 0, 0x9d, 0x01, 0x2a, width & 0xff, width >> 8, width & 0xff, width >> 8);
  return vp8({
    key: true,
    pictureId: random.below(0x8000),
    tl0: random.below(256),
    temporalLayer: random.below(4),
    body: joinBytes(size, randomBytes(random, random.below(40))),
  });
}

/** A rid among other elements, mostly that of its stream. */
function extension(random: Random, stream: number): Uint8Array {
  if (chance(random, 0.1)) return randomBytes(random, 4 * random.below(8));
  const rid = chance(random, 0.9)
    ? (RIDS[stream] ?? 'lo')
    : pick(random, [...RIDS, 'x', '', 'a-name-of-16-chr']);
  return oneByteElement(chance(random, 0.95) ? RID_EXTENSION : random.below(16), Buffer.from(rid));
}

function oneByteElement(id: number, value: Uint8Array): Uint8Array {
  const element = joinBytes(Uint8Array.of((id << 4) | (Math.max(0, value.length - 1) & 0x0f)), value);
  return joinBytes(element, new Uint8Array((4 - (element.length % 4)) % 4));
}
