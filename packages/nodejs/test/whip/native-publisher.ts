/**
 * A WHIP client on bare node-datachannel, which is what OBS uses too: an offer without candidates, one section for each
 * kind, made of test packets.
 */

import { randomInt } from 'node:crypto';
import { Audio, PeerConnection, Video } from 'node-datachannel';
import type { Track } from 'node-datachannel';
import type { SessionRequest, SessionResponse } from '../../src/whip/session-endpoint.ts';
import { FEEDBACK, RTCP, rtcpBlockLength, rtcpCountOf, rtcpTypeOf } from '../../src/media/rtcp-packet.ts';
import { writeSenderReport } from '../../src/media/rtcp-writer.ts';
import { isRtcp } from '../../src/media/rtp-packet.ts';
import { rtp, vp8 } from '../media/rtp-builder.ts';

export const FRAME_MS = 20;
const CONFIG = { iceServers: [], disableAutoNegotiation: true, bindAddress: '127.0.0.1' };
/** Between 1900 and 1970, in seconds. */
export const NTP_EPOCH_S = 2_208_988_800;

export type Handle = (request: SessionRequest) => Promise<SessionResponse>;

export function request(method: string, path: string, changes: Partial<SessionRequest> = {}): SessionRequest {
  return { method, path, headers: {}, body: Buffer.alloc(0), from: '127.0.0.1', ...changes };
}

export interface PublisherOptions {
  readonly video?: 'vp8' | 'h264';
  /** The body of each packet of video. */
  readonly payload?: (frame: number) => Buffer[];
}

export class NativePublisher {
  readonly videoSsrc = randomInt(1, 2 ** 31);
  readonly audioSsrc = randomInt(1, 2 ** 31);
  readonly #pc = new PeerConnection('publisher', CONFIG);
  readonly #video: Track;
  readonly #audio: Track;
  readonly #options: PublisherOptions;
  readonly rtcp: Buffer[] = [];
  #timer: NodeJS.Timeout | null = null;
  #frame = 0;
  #sequence = randomInt(0, 2 ** 16);
  #start = randomInt(0, 2 ** 32);
  /** Packets with these numbers, counted from the first, never leave. */
  readonly lost = new Set<number>();
  #sent = 0;

  constructor(options: PublisherOptions = {}) {
    this.#options = options;
    const video = new Video('video', 'SendOnly');
    if (options.video === 'h264') video.addH264Codec(100);
    else video.addVP8Codec(98);
    video.addSSRC(this.videoSsrc, 'publisher');
    const audio = new Audio('audio', 'SendOnly');
    audio.addOpusCodec(110);
    audio.addSSRC(this.audioSsrc, 'publisher');
    this.#audio = this.#pc.addTrack(audio);
    this.#video = this.#pc.addTrack(video);
    this.#video.onMessage((bytes) => {
      if (isRtcp(bytes)) this.rtcp.push(bytes);
    });
    this.#audio.onMessage(() => {});
  }

  /** The offer as it is posted: nothing is known yet of the ways there are. */
  offer(): string {
    this.#pc.setLocalDescription('offer');
    const sdp = this.#pc.localDescription()?.sdp ?? '';
    return sdp
      .split('\r\n')
      .filter((line) => !/^a=(?:candidate|end-of-candidates)/.test(line))
      .join('\r\n');
  }

  async publish(
    handle: Handle,
    path: string,
    headers: Record<string, string> = {},
  ): Promise<SessionResponse> {
    const body = Buffer.from(this.offer());
    const all = { 'content-type': 'application/sdp', ...headers };
    const response = await handle(request('POST', path, { headers: all, body }));
    if (response.status === 201) this.accept(response.body);
    return response;
  }

  accept(answer: string): void {
    this.#pc.setRemoteDescription(answer, 'answer');
  }

  /** Sends pictures and sound until it is closed. */
  start(): void {
    this.#timer ??= setInterval(() => this.#tick(), FRAME_MS);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  get keyFrameRequests(): number {
    let count = 0;
    for (const packet of this.rtcp) {
      for (let at = 0, length = 0; at < packet.length; at += length) {
        length = rtcpBlockLength(packet, at);
        if (length === 0) break;
        const isRequest = rtcpTypeOf(packet, at) === RTCP.payloadFeedback;
        if (isRequest && rtcpCountOf(packet, at) === FEEDBACK.pictureLoss) count += 1;
      }
    }
    return count;
  }

  /** Vanishes without a word. */
  close(): void {
    this.stop();
    this.#pc.close();
    setImmediate(() => {
      this.#audio.close();
      this.#video.close();
    });
  }

  #tick(): void {
    const frame = this.#frame++;
    if (frame % 25 === 0) this.#report(frame);
    const isH264 = this.#options.video === 'h264';
    const payloads = this.#options.payload?.(frame) ?? defaultPayloads(frame);
    payloads.forEach((payload, index) => {
      const packet = rtp({
        payloadType: isH264 ? 100 : 98,
        ssrc: this.videoSsrc,
        sequence: this.#sequence,
        timestamp: (this.#start + frame * 90 * FRAME_MS) >>> 0,
        marker: index === payloads.length - 1,
        payload,
      });
      this.#sequence = (this.#sequence + 1) & 0xffff;
      if (!this.lost.has(this.#sent++)) send(this.#video, packet);
    });
    send(
      this.#audio,
      rtp({
        payloadType: 110,
        ssrc: this.audioSsrc,
        sequence: frame & 0xffff,
        timestamp: (frame * 48 * FRAME_MS) >>> 0,
        payload: Buffer.from([0xf8, 1, 2, 3, frame & 0xff]),
      }),
    );
  }

  #report(frame: number): void {
    const now = Date.now();
    const ntp = {
      ntpSeconds: Math.floor(now / 1000) + NTP_EPOCH_S,
      ntpFraction: ((now % 1000) / 1000) * 2 ** 32,
    };
    const counts = { packets: frame, octets: frame };
    const picture = { ...ntp, ...counts, timestamp: (this.#start + frame * 90 * FRAME_MS) >>> 0 };
    send(this.#video, writeSenderReport(this.videoSsrc, picture, 'publisher'));
    const sound = { ...ntp, ...counts, timestamp: (frame * 48 * FRAME_MS) >>> 0 };
    send(this.#audio, writeSenderReport(this.audioSsrc, sound, 'publisher'));
  }
}

/** VP8 in two packets, a key frame now and then. */
export function defaultPayloads(frame: number): Buffer[] {
  const numbers = { key: frame % 10 === 0, pictureId: frame & 0x7fff, tl0: frame & 0xff };
  return [
    vp8({ ...numbers, start: true, body: Buffer.alloc(300, frame & 0x7f) }),
    vp8({ ...numbers, start: false, body: Buffer.alloc(300, frame & 0x7f) }),
  ];
}

export function send(track: Track, packet: Buffer): void {
  try {
    if (track.isOpen()) track.sendMessageBinary(packet);
  } catch {
    // The relay has closed the session, as some tests want it.
  }
}
