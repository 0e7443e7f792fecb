/** A WHEP client on bare node-datachannel that keeps what it receives. */

import { Audio, PeerConnection, Video } from 'node-datachannel';
import type { Track } from 'node-datachannel';
import { createReception, type Reception } from '../../src/media/reception.ts';
import { writeNack, writeReceiverReport } from '../../src/media/rtcp-writer.ts';
import { isRtcp, payloadTypeOf, sequenceOf, ssrcOf, timestampOf } from '../../src/media/rtp-packet.ts';
import type { SessionResponse } from '../../src/whip/session-endpoint.ts';
import { missingNumbers } from '../missing-numbers.ts';
import { request, type Handle } from './native-publisher.ts';

const CONFIG = { iceServers: [], disableAutoNegotiation: true, bindAddress: '127.0.0.1' };
const VIDEO_TYPE = 99;
const AUDIO_TYPE = 109;

export class NativePlayer {
  readonly video: Buffer[] = [];
  readonly audio: Buffer[] = [];
  readonly #pc = new PeerConnection('player', CONFIG);
  readonly #tracks: Track[];
  readonly #receptions = new Map<number, Reception>();
  readonly #timers: NodeJS.Timeout[] = [];

  constructor(codec: 'vp8' | 'h264' = 'vp8') {
    const video = new Video('video', 'RecvOnly');
    if (codec === 'h264') video.addH264Codec(VIDEO_TYPE);
    else video.addVP8Codec(VIDEO_TYPE);
    const audio = new Audio('audio', 'RecvOnly');
    audio.addOpusCodec(AUDIO_TYPE);
    this.#tracks = [this.#pc.addTrack(video), this.#pc.addTrack(audio)];
    for (const track of this.#tracks) track.onMessage((bytes) => this.#receive(bytes));
  }

  /** @param through - Changes the answer, so that all goes another way; the relay is told of no way then. */
  async play(
    handle: Handle,
    path: string,
    through?: (answer: string) => Promise<string>,
  ): Promise<SessionResponse> {
    this.#pc.setLocalDescription('offer');
    const offer = this.#pc.localDescription()?.sdp ?? '';
    const body = Buffer.from(through === undefined ? offer : offer.replaceAll(/a=candidate.*\r\n/g, ''));
    const response = await handle(
      request('POST', path, { headers: { 'content-type': 'application/sdp' }, body }),
    );
    if (response.status === 201) {
      this.#pc.setRemoteDescription((await through?.(response.body)) ?? response.body, 'answer');
    }
    return response;
  }

  /** Says once a second what it receives of the video, as the library does not. */
  report(): void {
    const report = (): void => {
      for (const [ssrc, reception] of this.#receptions) {
        const block = reception.report(ssrc, Date.now());
        if (block !== null) this.#send(writeReceiverReport(1, [block], 'player'));
      }
    };
    this.#timers.push(setInterval(report, 1_000));
  }

  /** Asks again and again for the video that is missing. */
  repair(): void {
    const ask = (): void => {
      const [first] = this.video;
      const missing = missingNumbers(this.video.map(sequenceOf));
      if (first !== undefined && missing.length > 0) this.#send(writeNack(1, ssrcOf(first), missing));
    };
    this.#timers.push(setInterval(ask, 50));
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#pc.close();
    setImmediate(() => this.#tracks.forEach((track) => track.close()));
  }

  #send(rtcp: Buffer): void {
    const [track] = this.#tracks;
    if (track?.isOpen()) track.sendMessageBinary(rtcp);
  }

  #receive(bytes: Buffer): void {
    if (isRtcp(bytes)) return;
    if (payloadTypeOf(bytes) === VIDEO_TYPE) {
      this.video.push(bytes);
      const ssrc = ssrcOf(bytes);
      const reception = this.#receptions.get(ssrc) ?? createReception(90_000);
      this.#receptions.set(ssrc, reception);
      reception.take(sequenceOf(bytes), timestampOf(bytes), Date.now());
    }
    if (payloadTypeOf(bytes) === AUDIO_TYPE) this.audio.push(bytes);
  }
}
