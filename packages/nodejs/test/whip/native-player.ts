/** A WHEP client on bare node-datachannel that keeps what it receives. */

import { Audio, PeerConnection, Video } from 'node-datachannel';
import type { Track } from 'node-datachannel';
import { isRtcp, payloadTypeOf } from '../../src/media/rtp-packet.ts';
import type { SessionResponse } from '../../src/whip/session-endpoint.ts';
import { request, type Handle } from './native-publisher.ts';

const CONFIG = { iceServers: [], disableAutoNegotiation: true, bindAddress: '127.0.0.1' };
const VIDEO_TYPE = 99;
const AUDIO_TYPE = 109;

export class NativePlayer {
  readonly video: Buffer[] = [];
  readonly audio: Buffer[] = [];
  readonly #pc = new PeerConnection('player', CONFIG);
  readonly #tracks: Track[];

  constructor(codec: 'vp8' | 'h264' = 'vp8') {
    const video = new Video('video', 'RecvOnly');
    if (codec === 'h264') video.addH264Codec(VIDEO_TYPE);
    else video.addVP8Codec(VIDEO_TYPE);
    const audio = new Audio('audio', 'RecvOnly');
    audio.addOpusCodec(AUDIO_TYPE);
    this.#tracks = [this.#pc.addTrack(video), this.#pc.addTrack(audio)];
    for (const track of this.#tracks) track.onMessage((bytes) => this.#receive(bytes));
  }

  async play(handle: Handle, path: string): Promise<SessionResponse> {
    this.#pc.setLocalDescription('offer');
    const body = Buffer.from(this.#pc.localDescription()?.sdp ?? '');
    const response = await handle(
      request('POST', path, { headers: { 'content-type': 'application/sdp' }, body }),
    );
    if (response.status === 201) this.#pc.setRemoteDescription(response.body, 'answer');
    return response;
  }

  close(): void {
    this.#pc.close();
    setImmediate(() => this.#tracks.forEach((track) => track.close()));
  }

  #receive(bytes: Buffer): void {
    if (isRtcp(bytes)) return;
    if (payloadTypeOf(bytes) === VIDEO_TYPE) this.video.push(bytes);
    else if (payloadTypeOf(bytes) === AUDIO_TYPE) this.audio.push(bytes);
  }
}
