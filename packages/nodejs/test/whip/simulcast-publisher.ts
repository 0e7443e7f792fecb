/**
 * A WHIP client on bare node-datachannel that sends three encodings of a picture under rids, and sound. The library knows of
 * one stream; the lines about simulcast are written into its offer.
 */

import { randomInt } from 'node:crypto';
import { Audio, PeerConnection, Video } from 'node-datachannel';
import type { Track } from 'node-datachannel';
import { readBlocks } from '../media/rtcp-blocks.ts';
import { FEEDBACK, RTCP } from '../../src/media/rtcp-packet.ts';
import { isRtcp } from '../../src/media/rtp-packet.ts';
import { writeSenderReport } from '../../src/media/rtcp-writer.ts';
import type { SessionResponse } from '../../src/whip/session-endpoint.ts';
import { rtp, vp8 } from '../media/rtp-builder.ts';
import { FRAME_MS, NTP_EPOCH_S, request, send, type Handle } from './native-publisher.ts';

const CONFIG = { iceServers: [], disableAutoNegotiation: true, bindAddress: '127.0.0.1' };
const VIDEO_TYPE = 98;
const AUDIO_TYPE = 110;
const RID_EXTENSION = 5;
/** As pages list them: the smallest first. */
export const RIDS = ['lo', 'mid', 'hi'] as const;
export type Rid = (typeof RIDS)[number];
const WIDTHS: Readonly<Record<Rid, number>> = { lo: 160, mid: 320, hi: 640 };
/** Each packet is filled with the width of its picture over ten. */
export const FILLINGS: Readonly<Record<Rid, number>> = { lo: 16, mid: 32, hi: 64 };
/** Packets that carry a rid; a browser stops when the first report about the stream has come. */
const NAMED_PACKETS = 60;
const KEY_EVERY = 50;

interface Layer {
  readonly rid: Rid;
  readonly ssrc: number;
  readonly start: number;
  sequence: number;
  sent: number;
  pictureId: number;
  isKeyWanted: boolean;
}

export class SimulcastPublisher {
  readonly layers: readonly Layer[] = RIDS.map((rid) => ({
    rid,
    ssrc: randomInt(1, 2 ** 31),
    start: randomInt(0, 2 ** 32),
    sequence: randomInt(0, 2 ** 16),
    sent: 0,
    pictureId: randomInt(0, 2 ** 15),
    isKeyWanted: true,
  }));
  /** Those that the uplink has no room for. */
  readonly silent = new Set<Rid>();
  /** Streams that the last estimate of the relay was about. */
  limitedSsrcs: readonly number[] = [];
  readonly #pc = new PeerConnection('publisher', CONFIG);
  readonly #video: Track;
  readonly #audio: Track;
  readonly #audioSsrc = randomInt(1, 2 ** 31);
  #timer: NodeJS.Timeout | null = null;
  #frame = 0;

  constructor() {
    const audio = new Audio('audio', 'SendOnly');
    audio.addOpusCodec(AUDIO_TYPE);
    audio.addSSRC(this.#audioSsrc, 'publisher');
    const video = new Video('video', 'SendOnly');
    video.addVP8Codec(VIDEO_TYPE);
    // RTCP about other streams never gets out of the library.
    for (const { ssrc } of this.layers) video.addSSRC(ssrc, 'publisher');
    this.#audio = this.#pc.addTrack(audio);
    this.#video = this.#pc.addTrack(video);
    this.#video.onMessage((bytes) => this.#receive(bytes));
    this.#audio.onMessage((bytes) => this.#receive(bytes));
  }

  async publish(handle: Handle, path: string): Promise<SessionResponse> {
    this.#pc.setLocalDescription('offer');
    const lines = (this.#pc.localDescription()?.sdp ?? '').split('\r\n').filter((line) => line !== '');
    const video = [
      `a=extmap:${RID_EXTENSION} urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id`,
      ...RIDS.map((rid) => `a=rid:${rid} send`),
      `a=simulcast:send ${RIDS.join(';')}`,
    ];
    // The section of the video is the last one.
    const offer = [...lines.filter((line) => !/^a=(?:candidate|end-of-candidates)/.test(line)), ...video];
    const response = await handle(
      request('POST', path, {
        headers: { 'content-type': 'application/sdp' },
        body: Buffer.from(`${offer.join('\r\n')}\r\n`),
      }),
    );
    if (response.status === 201) this.#pc.setRemoteDescription(response.body, 'answer');
    return response;
  }

  /** Sends pictures and sound until it is closed. */
  start(): void {
    this.#timer ??= setInterval(() => this.#tick(), FRAME_MS);
  }

  /** Vanishes without a word. */
  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#pc.close();
    setImmediate(() => {
      this.#audio.close();
      this.#video.close();
    });
  }

  #receive(bytes: Buffer): void {
    if (!isRtcp(bytes)) return;
    for (const { type, kind, block } of readBlocks(bytes)) {
      if (type !== RTCP.payloadFeedback) continue;
      const layer = this.layers.find(({ ssrc }) => ssrc === block.readUInt32BE(8));
      if (kind === FEEDBACK.pictureLoss && layer !== undefined) layer.isKeyWanted = true;
      // REMB: the number of streams, then the limit, then the streams.
      if (kind === FEEDBACK.applicationLayer) {
        const count = block[16] ?? 0;
        this.limitedSsrcs = Array.from({ length: count }, (_, index) => block.readUInt32BE(20 + 4 * index));
      }
    }
  }

  #tick(): void {
    if (!this.#video.isOpen()) return;
    const frame = this.#frame++;
    if (frame % 25 === 0) this.#report(frame);
    // As encoders do: a key frame of one layer is one of all.
    const isKey = frame % KEY_EVERY === 0 || this.layers.some(({ isKeyWanted }) => isKeyWanted);
    for (const layer of this.layers) if (!this.silent.has(layer.rid)) this.#sendPicture(layer, frame, isKey);
    send(
      this.#audio,
      rtp({
        payloadType: AUDIO_TYPE,
        ssrc: this.#audioSsrc,
        sequence: frame & 0xffff,
        timestamp: (frame * 48 * FRAME_MS) >>> 0,
        payload: Buffer.from([0xf8, 1, 2, 3, frame & 0xff]),
      }),
    );
  }

  #sendPicture(layer: Layer, frame: number, isKey: boolean): void {
    layer.isKeyWanted = false;
    layer.pictureId = (layer.pictureId + 1) & 0x7fff;
    const filling = FILLINGS[layer.rid];
    for (const index of [0, 1]) {
      const numbers = { key: isKey, start: index === 0, pictureId: layer.pictureId, tl0: layer.pictureId };
      const packet = rtp({
        payloadType: VIDEO_TYPE,
        ssrc: layer.ssrc,
        sequence: layer.sequence,
        timestamp: (layer.start + frame * 90 * FRAME_MS) >>> 0,
        marker: index === 1,
        payload: vp8({ ...numbers, body: bodyOf(WIDTHS[layer.rid], filling, index === 0) }),
        ...(layer.sent < NAMED_PACKETS ? { extension: extensionOf(layer.rid) } : {}),
      });
      layer.sequence = (layer.sequence + 1) & 0xffff;
      layer.sent += 1;
      send(this.#video, packet);
    }
  }

  #report(frame: number): void {
    const now = Date.now();
    const ntpSeconds = Math.floor(now / 1000) + NTP_EPOCH_S;
    const shared = {
      ntpSeconds,
      ntpFraction: ((now % 1000) / 1000) * 2 ** 32,
      packets: frame,
      octets: frame,
    };
    for (const { ssrc, start } of this.layers) {
      const timestamp = (start + frame * 90 * FRAME_MS) >>> 0;
      send(this.#video, writeSenderReport(ssrc, { ...shared, timestamp }, 'publisher'));
    }
    const timestamp = (frame * 48 * FRAME_MS) >>> 0;
    send(this.#audio, writeSenderReport(this.#audioSsrc, { ...shared, timestamp }, 'publisher'));
  }
}

/** RFC 6386, section 9.1: what a key frame begins with, and the filling. */
function bodyOf(width: number, filling: number, isFirst: boolean): Buffer {
  const body = Buffer.alloc(300, filling);
  if (!isFirst) return body;
  body.set([0, 0, 0x9d, 0x01, 0x2a]);
  body.writeUInt16LE(width, 5);
  body.writeUInt16LE((width * 9) / 16, 7);
  return body;
}

function extensionOf(rid: Rid): Buffer {
  const element = Buffer.concat([Buffer.from([(RID_EXTENSION << 4) | (rid.length - 1)]), Buffer.from(rid)]);
  return Buffer.concat([element, Buffer.alloc((4 - (element.length % 4)) % 4)]);
}
