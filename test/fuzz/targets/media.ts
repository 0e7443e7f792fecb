/** RTP and RTCP of strangers: from a parent into sources, from children into sinks, all of one hub. */

import type { Random } from '@casto/core';
import { readHeaderExtension } from '../../../packages/nodejs/src/media/header-extension.ts';
import { isRtcp, RTP_HEADER_BYTES, ssrcOf } from '../../../packages/nodejs/src/media/rtp-packet.ts';
import {
  FEEDBACK,
  RTCP,
  readMediaSource,
  rtcpBlockLength,
  rtcpCountOf,
  rtcpTypeOf,
} from '../../../packages/nodejs/src/media/rtcp-packet.ts';
import {
  writeFullIntraRequest,
  writeNack,
  writePictureLoss,
  writeReceiverReport,
  writeRemb,
  writeSenderReport,
} from '../../../packages/nodejs/src/media/rtcp-writer.ts';
import { rtp, vp8 } from '../../../packages/nodejs/test/media/rtp-builder.ts';
import { chance, joinBytes, mutateBytes, pick, randomBytes } from '../byte-mutations.ts';
import type { FuzzSession, FuzzTarget, Size } from '../fuzz-target.ts';
import { FIRST_SSRC, FIRST_VIEWER_SSRC, MediaStage, STREAMS } from './media-stage.ts';

/** The first bytes of an input: what happens beside the packet, how much time passes before it, and what is mended. */
const HEAD_BYTES = 3;
/**
 * What is mended in a packet before it is fed: without it hardly any would get behind the first checks, because
 * only the session knows which sequence comes next.
 */
const MEND = { sequence: 1, timestamp: 2, ssrc: 4 } as const;
const MENDED = [0, 0, 1, 3, 5, 7, 7, 7, 7, 7];
/** Larger ones do not fit a datagram that libjuice reads. */
const MAX_PACKET_BYTES = 4_096;
const PAUSES_MS = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 5, 5, 10, 20, 20, 40, 100, 700, 2_500];

export const rtpTarget: FuzzTarget = {
  name: 'rtp',
  generate: (random) => withHead(random, chance(random, 0.9) ? rtpPacket(random) : rtcpPacket(random)),
  open: () => new MediaSession('parent'),
};

export const rtcpTarget: FuzzTarget = {
  name: 'rtcp',
  generate: (random) => withHead(random, rtcpPacket(random)),
  open: () => new MediaSession('child'),
};

class MediaSession implements FuzzSession {
  readonly #stage = new MediaStage();
  readonly #from: 'parent' | 'child';

  constructor(from: 'parent' | 'child') {
    this.#from = from;
  }

  feed(input: Uint8Array): string {
    const stage = this.#stage;
    const [act = 0, pause = 0] = input;
    stage.advance(PAUSES_MS[pause % PAUSES_MS.length] ?? 0);
    this.#act(act);
    const packet = Buffer.from(input.subarray(HEAD_BYTES));
    if (this.#from === 'parent') this.#mend(packet, input[2] ?? 0);
    else if (((input[2] ?? 0) & MEND.sequence) !== 0) this.#mendNacks(packet);
    if (packet.length >= RTP_HEADER_BYTES) readHeaderExtension(packet, 1 + (act % 14));
    stage.beginInput();
    const outcome = this.#from === 'parent' ? stage.takeFromParent(packet) : this.#takeFromChild(packet);
    stage.endInput();
    return outcome;
  }

  sizes(): readonly Size[] {
    return this.#stage.sizes();
  }

  close(): void {
    this.#stage.close();
  }

  #mend(packet: Buffer, mend: number): void {
    if (packet.length < RTP_HEADER_BYTES || isRtcp(packet)) return;
    const [first = 0, second = 0] = packet;
    // Another version, padding and the like stay: the stream is told by the payload type.
    const index = STREAMS.findIndex(({ payloadType }) => payloadType === (second & 0x7f));
    const stream = STREAMS[index] ?? STREAMS[first % STREAMS.length];
    if (stream === undefined) return;
    if ((mend & MEND.ssrc) !== 0 && index >= 0) packet.writeUInt32BE(FIRST_SSRC + index, 8);
    const { highest } = this.#stage.ringOf(ssrcOf(packet)) ?? { highest: 0 };
    // Mostly the next one; now and then one that was lost, came before, or is a little ahead.
    const step = NEXT_STEPS[packet.readUInt16BE(2) % NEXT_STEPS.length] ?? 1;
    if ((mend & MEND.sequence) !== 0) packet.writeUInt16BE((Math.max(0, highest) + step) & 0xffff, 2);
    const ticks = Math.round((this.#stage.now * stream.clockRate) / 1000) >>> 0;
    if ((mend & MEND.timestamp) !== 0) packet.writeUInt32BE(ticks, 4);
  }

  /** Asks for what was sent lately, and for what is just too old, or yet to come. */
  #mendNacks(packet: Buffer): void {
    for (let at = 0, length = 0; (length = rtcpBlockLength(packet, at)) > 0; at += length) {
      if (rtcpTypeOf(packet, at) !== RTCP.transportFeedback || rtcpCountOf(packet, at) !== FEEDBACK.nack)
        continue;
      const last = this.#stage.lastSent.get(readMediaSource(packet, at, length) ?? -1) ?? 0;
      for (let entry = at + 12; entry + 4 <= at + length; entry += 4) {
        packet.writeUInt16BE((last + 20 - (packet.readUInt16BE(entry) % NACKED_SPAN)) & 0xffff, entry);
      }
    }
  }

  /** A child's RTCP is about what it was sent, so something is sent all the time; and a parent may write RTCP as well. */
  #takeFromChild(packet: Buffer): string {
    this.#stage.publishHostile();
    this.#stage.takeFromParent(Buffer.from(packet));
    return this.#stage.takeFromChild(packet);
  }

  /** Viewers come and go, and sources are left and taken again. */
  #act(act: number): void {
    const { sinks, hub, sources } = this.#stage;
    const sink = sinks[act % sinks.length];
    if (sink === undefined || act < 224) return;
    if (act < 232) {
      hub.removeSink(sink);
      sink.pause();
    } else if (act < 248) {
      hub.addSink(sink);
      sink.open();
    } else if (act < 252) {
      sink.restart();
    } else {
      const source = [...sources.values()][act % sources.size];
      if (source === undefined) return;
      if (act < 254) hub.removeSource(source);
      else hub.setSource(source);
    }
  }
}

/** A little more than SRTP lets be repeated. */
const NACKED_SPAN = 1_100;
const NEXT_STEPS = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 17, 300, 2_900, 0, -1, -5, -100, -2_000];

function withHead(random: Random, packet: Uint8Array): Uint8Array {
  const act = chance(random, 0.05) ? 224 + random.below(32) : random.below(224);
  const head = Uint8Array.of(act, random.below(PAUSES_MS.length), pick(random, MENDED));
  return joinBytes(head, packet.subarray(0, MAX_PACKET_BYTES));
}

/** Sequences that walk on with the clock of the machine's inputs, jump, wrap and fall back. */
function sequence(random: Random): number {
  return pick(random, [
    random.below(64),
    0xffc0 + random.below(64),
    random.below(0x1_0000),
    0x8000 + random.below(8),
    3_000,
  ]);
}

function timestamp(random: Random): number {
  return pick(random, [random.below(100_000), random.below(2 ** 32), 0xffffffff, 0x80000000, 0]);
}

function rtpPacket(random: Random): Uint8Array {
  const index = random.below(STREAMS.length);
  const stream = STREAMS[index] ?? { payloadType: 0, codec: 'opus' as const };
  const packet = Uint8Array.from(
    rtp({
      payloadType: chance(random, 0.97) ? stream.payloadType : random.below(128),
      ssrc: chance(random, 0.97) ? FIRST_SSRC + index : random.below(2 ** 32),
      sequence: sequence(random),
      timestamp: timestamp(random),
      marker: chance(random, 0.5),
      sources: chance(random, 0.1) ? Array.from({ length: random.below(16) }, () => 7) : [],
      ...(chance(random, 0.2) ? { extension: randomBytes(random, 4 * random.below(20)) } : {}),
      payload: payload(random, stream.codec),
      padding: chance(random, 0.1) ? 1 + random.below(255) : 0,
    }),
  );
  return chance(random, 0.45) ? packet : mutateBytes(packet, random, packet, MAX_PACKET_BYTES);
}

export function payload(random: Random, codec: 'vp8' | 'h264' | 'opus'): Uint8Array {
  if (chance(random, 0.05)) return new Uint8Array();
  const body = randomBytes(random, random.below(chance(random, 0.02) ? 3_000 : 60));
  if (codec === 'vp8') {
    const made = vp8({
      key: chance(random, 0.3),
      start: chance(random, 0.7),
      pictureId: random.below(0x8000),
      tl0: random.below(256),
      body,
    });
    if (chance(random, 0.7)) return made;
    // Descriptors of every shape: short and long PictureID, with and without TL0PICIDX, TID and KEYIDX.
    return joinBytes(Uint8Array.of(random.below(256), random.below(256), random.below(256)), body);
  }
  if (codec === 'opus') return body;
  return pick(random, [
    () => joinBytes(Uint8Array.of(pick(random, [0x67, 0x68, 0x65, 0x41, 0x06])), body),
    () => joinBytes(Uint8Array.of(0x7c, pick(random, [0x85, 0x87, 0x05, 0x45, 0x81])), body),
    () => aggregate(random),
    () => body,
  ])();
}

/** STAP-A (RFC 6184, section 5.7.1), whose lengths tell the truth now and then. */
function aggregate(random: Random): Uint8Array {
  const units = Array.from({ length: random.below(6) }, () => {
    const unit = joinBytes(
      Uint8Array.of(pick(random, [0x67, 0x68, 0x65])),
      randomBytes(random, random.below(20)),
    );
    const length = chance(random, 0.8) ? unit.length : random.below(0x1_0000);
    return joinBytes(Uint8Array.of(length >> 8, length & 0xff), unit);
  });
  const rest = randomBytes(random, chance(random, 0.2) ? 1 + random.below(2) : 0);
  return joinBytes(Uint8Array.of(0x78), ...units, rest);
}

/** One to eight blocks about streams and viewers that exist, mostly, then damaged, mostly. */
export function rtcpPacket(random: Random): Uint8Array {
  const blocks = Array.from({ length: 1 + random.below(chance(random, 0.05) ? 60 : 8) }, () =>
    rtcpBlock(random),
  );
  const compound = joinBytes(...blocks);
  return chance(random, 0.45) ? compound : mutateBytes(compound, random, compound, MAX_PACKET_BYTES);
}

function ssrc(random: Random): number {
  if (chance(random, 0.1)) return random.below(2 ** 32);
  return chance(random, 0.6)
    ? FIRST_VIEWER_SSRC + random.below(2 * STREAMS.length)
    : FIRST_SSRC + random.below(STREAMS.length);
}

function rtcpBlock(random: Random): Uint8Array {
  const sender = random.below(2 ** 32);
  const cname = 'x'.repeat(random.below(chance(random, 0.1) ? 300 : 20));
  const sequences = (): number[] =>
    Array.from({ length: 1 + random.below(chance(random, 0.1) ? 700 : 20) }, () =>
      random.below(0x1_0000),
    ).sort((a, b) => a - b);
  return pick(random, [
    () => writeNack(sender, ssrc(random), sequences()),
    () => writeNack(sender, ssrc(random), sequences()),
    () => writePictureLoss(sender, ssrc(random)),
    () => writeFullIntraRequest(sender, ssrc(random), random.below(256)),
    () =>
      writeRemb(
        sender,
        random.next() * 2 ** 60,
        Array.from({ length: random.below(40) }, () => ssrc(random)),
      ),
    () =>
      writeReceiverReport(
        sender,
        Array.from({ length: random.below(8) }, () => reportBlock(random)),
        cname,
      ),
    () => writeSenderReport(ssrc(random), senderInfo(random), cname),
    () => sourceDescription(random),
    // Goodbyes, application-defined and extended reports, transport-wide feedback, types that nobody knows.
    () => anyBlock(random),
  ])();
}

function reportBlock(random: Random): Parameters<typeof writeReceiverReport>[1][number] {
  return {
    ssrc: ssrc(random),
    fractionLost: random.next(),
    lost: random.below(2 ** 24) - 2 ** 23,
    highestSequence: random.below(2 ** 32),
    jitter: random.below(2 ** 32),
    lastReport: random.below(2 ** 32),
    sinceLastReport: random.below(2 ** 32),
  };
}

function senderInfo(random: Random): Parameters<typeof writeSenderReport>[1] {
  return {
    ntpSeconds: random.below(2 ** 32),
    ntpFraction: random.below(2 ** 32),
    timestamp: timestamp(random),
    packets: random.below(2 ** 32),
    octets: random.below(2 ** 32),
  };
}

/** Chunks and items whose counts and lengths lie: a source description that ends nowhere among them. */
function sourceDescription(random: Random): Uint8Array {
  const items = Array.from({ length: random.below(5) }, () => {
    const text = randomBytes(random, random.below(20));
    const length = chance(random, 0.5) ? text.length : random.below(256);
    return joinBytes(Uint8Array.of(random.below(10), length), text);
  });
  return block(random, 202, joinBytes(randomBytes(random, 4), ...items));
}

function anyBlock(random: Random): Uint8Array {
  return block(
    random,
    pick(random, [203, 204, 205, 206, 207, 192, 223, 200, 201]),
    randomBytes(random, random.below(80)),
  );
}

function block(random: Random, type: number, body: Uint8Array): Uint8Array {
  const words = Math.ceil(body.length / 4);
  const padded = new Uint8Array(4 * words);
  padded.set(body);
  const length = chance(random, 0.85) ? words : random.below(0x1_0000);
  return joinBytes(Uint8Array.of(0x80 | random.below(32), type, length >> 8, length & 0xff), padded);
}
