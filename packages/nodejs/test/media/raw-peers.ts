/**
 * A streamer and viewers on bare node-datachannel, written without the relay's links, to stand at both sides of a
 * relay: they send what a test tells them to, however wrong, and keep what they receive.
 */

import { randomInt } from 'node:crypto';
import {
  matchCapabilities,
  parseSessionDescription,
  relayRtpCapabilities,
  renderSessionDescription,
} from '@casto/host';
import type { SessionParameters } from '@casto/host';
import { PeerConnection } from 'node-datachannel';
import type { DataChannel, Track } from 'node-datachannel';
import {
  nativeTrack,
  readNativeAnswer,
  readNativeOffer,
  renderNativeAnswer,
  renderNativeOffer,
} from '../../src/media/native-section.ts';
import { FEEDBACK, RTCP, rtcpBlockLength, rtcpCountOf, rtcpTypeOf } from '../../src/media/rtcp-packet.ts';
import { isRtcp, sequenceOf, ssrcOf, timestampOf } from '../../src/media/rtp-packet.ts';
import { rtp, vp8 } from './rtp-builder.ts';

const CONFIG = { iceServers: [], disableAutoNegotiation: true, bindAddress: '127.0.0.1' };

export interface SeenPacket {
  readonly bytes: Buffer;
  readonly sequence: number;
  readonly timestamp: number;
  readonly pictureId: number;
  /** The first packet of a key frame. */
  readonly isKeyStart: boolean;
}

abstract class RawPeer {
  readonly pc: PeerConnection;
  readonly track: Track;
  readonly control: DataChannel;
  readonly rtcp: Buffer[] = [];
  readonly messages: Buffer[] = [];
  readonly opened: Promise<void>;
  readonly closed: Promise<void>;

  constructor(direction: 'SendOnly' | 'RecvOnly') {
    this.pc = new PeerConnection('raw', CONFIG);
    this.track = this.pc.addTrack(nativeTrack(direction));
    this.control = this.pc.createDataChannel('control', { negotiated: true, id: 0 });
    this.opened = Promise.all([
      new Promise<void>((resolve) => this.track.onOpen(resolve)),
      new Promise<void>((resolve) => this.control.onOpen(resolve)),
    ]).then(() => undefined);
    this.closed = new Promise((resolve) => {
      this.pc.onStateChange((state) => {
        if (state === 'closed' || state === 'failed') resolve();
      });
    });
    this.control.onMessage((message) => {
      if (Buffer.isBuffer(message)) this.messages.push(message);
    });
    this.track.onMessage((bytes) => {
      if (isRtcp(bytes)) this.rtcp.push(bytes);
      else this.receive(bytes);
    });
  }

  /** Sends any bytes that the library lets pass. */
  send(bytes: Buffer): void {
    try {
      this.track.sendMessageBinary(bytes);
    } catch {
      // The other side has closed the link, as some tests want it.
    }
  }

  close(): void {
    this.control.close();
    this.pc.close();
    setImmediate(() => this.track.close());
  }

  /** How many blocks of feedback of one kind have come. */
  feedback(type: number, kind: number): number {
    let count = 0;
    for (const packet of this.rtcp) {
      for (let at = 0, length = 0; at < packet.length; at += length) {
        length = rtcpBlockLength(packet, at);
        if (length === 0) break;
        if (rtcpTypeOf(packet, at) === type && rtcpCountOf(packet, at) === kind) count += 1;
      }
    }
    return count;
  }

  protected abstract receive(bytes: Buffer): void;
}

/** Answers the relay's offer and sends it VP8 and Opus. */
export class RawStreamer extends RawPeer {
  readonly videoSsrc = randomInt(1, 2 ** 31);
  readonly audioSsrc = randomInt(1, 2 ** 31);
  sequence = randomInt(0, 2 ** 16);
  timestamp = randomInt(0, 2 ** 32);
  pictureId = randomInt(0, 2 ** 15);
  audioSequence = randomInt(0, 2 ** 16);
  /** Packets sent, for repeating them. */
  readonly sent = new Map<number, Buffer>();
  /** Came before the offer, of which the library would know nothing. */
  readonly #early: string[] = [];

  constructor() {
    super('SendOnly');
  }

  addCandidate(candidate: string): void {
    if (this.pc.remoteDescription() === null) this.#early.push(candidate);
    else this.pc.addRemoteCandidate(candidate, 'media');
  }

  get pictureLosses(): number {
    return this.feedback(RTCP.payloadFeedback, FEEDBACK.pictureLoss);
  }

  get nacks(): number {
    return this.feedback(RTCP.transportFeedback, FEEDBACK.nack);
  }

  async answer(
    sdp: string,
    tamper: (answer: SessionParameters) => SessionParameters = (same) => same,
  ): Promise<string> {
    const offer = parseSessionDescription('offer', sdp);
    const rendered = renderNativeOffer(offer);
    this.pc.setRemoteDescription(rendered.sdp, 'offer');
    for (const candidate of this.#early.splice(0)) this.addCandidate(candidate);
    this.pc.setLocalDescription('answer');
    await gathered(this.pc);
    const native = readNativeAnswer(this.pc.localDescription()?.sdp ?? '', rendered.parameters);
    const media = offer.media.map((section, index) => ({
      ...section,
      direction: 'sendonly' as const,
      codecs: section.codecs.slice(0, 1),
      headerExtensions: [],
      source: {
        ssrc: section.kind === 'audio' ? this.audioSsrc : this.videoSsrc + index,
        cname: 'raw',
      },
    }));
    const { controlMid } = offer;
    return renderSessionDescription('answer', tamper({ ...native, media, controlMid }));
  }

  /** SSRC of the video section; sections are numbered behind the audio. */
  ssrcOfSection(index: number): number {
    return this.videoSsrc + index;
  }

  /** Sends a frame; `lose` says which of its packets never leave. */
  frame(options: { key?: boolean; packets?: number; lose?: readonly number[]; section?: number } = {}): void {
    const { key = false, packets = 5, lose = [], section = 1 } = options;
    for (let index = 0; index < packets; index += 1) {
      const packet = rtp({
        payloadType: 96,
        ssrc: this.ssrcOfSection(section),
        sequence: this.sequence,
        timestamp: this.timestamp,
        marker: index === packets - 1,
        payload: vp8({
          key,
          start: index === 0,
          pictureId: this.pictureId & 0x7fff,
          tl0: this.pictureId & 0xff,
          body: Buffer.alloc(200, this.sequence & 0xff),
        }),
      });
      this.sent.set(this.sequence & 0xffff, packet);
      if (!lose.includes(index)) this.send(packet);
      this.sequence = (this.sequence + 1) & 0xffff;
    }
    this.timestamp = (this.timestamp + 3000) >>> 0;
    this.pictureId += 1;
  }

  sound(): void {
    this.send(
      rtp({
        payloadType: 111,
        ssrc: this.audioSsrc,
        sequence: this.audioSequence,
        timestamp: this.audioSequence * 960,
        payload: Buffer.alloc(80, 7),
      }),
    );
    this.audioSequence = (this.audioSequence + 1) & 0xffff;
  }

  protected override receive(): void {
    // Nobody sends media to a streamer.
  }
}

/** Offers to receive sound and one picture, as a page does. */
export class RawViewer extends RawPeer {
  readonly video: SeenPacket[] = [];
  readonly audio: SeenPacket[] = [];
  #offer: SessionParameters | null = null;
  #native: SessionParameters | null = null;
  videoSsrc = 0;
  audioSsrc = 0;

  constructor() {
    super('RecvOnly');
  }

  offer(): string {
    this.pc.setLocalDescription('offer');
    this.#native = readNativeOffer(this.pc.localDescription()?.sdp ?? '');
    const capabilities = relayRtpCapabilities();
    const { audio, video } = matchCapabilities(capabilities, capabilities, { video: 'vp8', audio: true });
    if (audio === null || video === null) throw new Error('no codecs');
    const { ice, dtls } = this.#native;
    this.#offer = {
      ice,
      dtls: { ...dtls, setup: 'passive' },
      candidates: [],
      media: [
        { mid: 'a', kind: 'audio', direction: 'recvonly', ...audio },
        { mid: 'v', kind: 'video', direction: 'recvonly', ...video },
      ],
      controlMid: 'c',
    };
    return renderSessionDescription('offer', this.#offer);
  }

  /** Applies the answer and gives the own candidates to the relay. */
  accept(sdp: string, addCandidate: (candidate: string) => void): void {
    const answer = parseSessionDescription('answer', sdp);
    for (const { kind, source } of answer.media) {
      if (kind === 'audio') this.audioSsrc = source?.ssrc ?? 0;
      else this.videoSsrc = source?.ssrc ?? 0;
    }
    if (this.#native === null) throw new Error('no offer');
    this.pc.setRemoteDescription(renderNativeAnswer(this.#native, answer), 'answer');
    for (const candidate of answer.candidates) this.pc.addRemoteCandidate(candidate, 'media');
    const own = this.pc.localDescription()?.sdp.match(/candidate:[^\r\n]+/g) ?? [];
    // Later than the first checks, as in a link of the relay.
    setTimeout(() => own.forEach(addCandidate), 50);
  }

  protected override receive(bytes: Buffer): void {
    const packet = {
      bytes,
      sequence: sequenceOf(bytes),
      timestamp: timestampOf(bytes),
      pictureId: bytes.length > 18 ? bytes.readUInt16BE(14) & 0x7fff : 0,
      isKeyStart: ((bytes[12] ?? 0) & 0x10) !== 0 && ((bytes[18] ?? 1) & 1) === 0,
    };
    if (ssrcOf(bytes) === this.audioSsrc) this.audio.push(packet);
    else if (ssrcOf(bytes) === this.videoSsrc) this.video.push(packet);
  }
}

export function gathered(pc: PeerConnection): Promise<void> {
  if (pc.gatheringState() === 'complete') return Promise.resolve();
  return new Promise((resolve) => {
    pc.onGatheringStateChange((state) => {
      if (state === 'complete') resolve();
    });
  });
}
