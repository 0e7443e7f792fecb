/** One end of a link on node-datachannel, without media handlers: packets come and go as they are. */

import { Audio, PeerConnection, Video } from 'node-datachannel';
import type { DataChannel, Track } from 'node-datachannel';

import type { VideoCodec } from '@casto/core';
import {
  assertAnswers,
  CandidateIntake,
  parseSessionDescription,
  renderSessionDescription,
  rewriteAnswer,
  rewriteOffer,
  type MediaKind,
  type SessionParameters,
} from '@casto/host';

/** The payload types of every link, written out: a test that took them from the code would follow a mistake. */
const PAYLOAD_TYPES = { opus: 111, vp8: 96, h264: 102 };

export class NativeEnd {
  /** What the packets said that arrived, e.g. `0: 111`. */
  readonly arrived = new Set<string>();
  /** Whether any packet carried a header extension. */
  hasExtensions = false;
  onPacket: ((mid: string, packet: Buffer) => void) | null = null;
  onFeedback: ((mid: string, packet: Buffer) => void) | null = null;
  /** SSRCs of the parent's answer, by mid. */
  readonly ssrcs = new Map<string, number>();

  // The tracks and the channel die with their last reference, and so does the connection.
  readonly #pc = new PeerConnection('link', { iceServers: [], disableAutoNegotiation: true });
  readonly #tracks = new Map<string, Track>();
  readonly #intake = new CandidateIntake();
  readonly #found: string[] = [];
  readonly #echoes: string[] = [];
  #control: DataChannel | null = null;
  #offer: SessionParameters | null = null;
  #firstMid = '';

  constructor() {
    this.#pc.onLocalCandidate((candidate) => this.#found.push(candidate));
  }

  /** As the child. The offer has no candidates: see {@link candidates}. */
  offer(codec: VideoCodec, layers: number): string {
    this.#addTrack('0', 'audio', codec, null);
    for (let layer = 0; layer < layers; layer += 1) this.#addTrack(String(layer + 1), 'video', codec, null);
    this.#openControl();
    this.#pc.setLocalDescription('offer');
    this.#offer = { ...rewriteOffer(this.#native(), { video: codec, audio: true }), candidates: [] };
    this.#firstMid = '0';
    return renderSessionDescription('offer', this.#offer);
  }

  accept(sdp: string): void {
    const answer = parseSessionDescription('answer', sdp);
    if (this.#offer === null) throw new Error('accept() before offer()');
    assertAnswers(this.#offer, answer);
    for (const { mid, source } of answer.media) if (source !== undefined) this.ssrcs.set(mid, source.ssrc);
    this.#pc.setRemoteDescription(renderSessionDescription('answer', answer), 'answer');
  }

  /** As the parent, sending under the given SSRCs. */
  answer(sdp: string, codec: VideoCodec, ssrcs: ReadonlyMap<string, number>): string {
    const offer = parseSessionDescription('offer', sdp);
    for (const { mid, kind } of offer.media) this.#addTrack(mid, kind, codec, ssrcs.get(mid) ?? null);
    this.#openControl();
    // As DTLS server we let Chromium choose AES-GCM; as client we would get AES-CM.
    const passive = { ...offer, dtls: { ...offer.dtls, setup: 'active' as const } };
    this.#pc.setRemoteDescription(renderSessionDescription('offer', passive), 'offer');
    this.#pc.setLocalDescription('answer');
    this.#firstMid = offer.media[0]?.mid ?? offer.controlMid;
    return renderSessionDescription('answer', { ...rewriteAnswer(this.#native(), offer), candidates: [] });
  }

  /**
   * All candidates of this end. As the child, give them away only after {@link accept}: with checks that come
   * before it, libdatachannel starts DTLS without knowing the fingerprint, and fails.
   */
  async candidates(): Promise<string[]> {
    await until(() => this.#pc.gatheringState() === 'complete');
    return this.#found;
  }

  addCandidates(candidates: readonly string[]): void {
    for (const text of candidates) {
      const candidate = this.#intake.take(text);
      if (candidate !== null) this.#pc.addRemoteCandidate(candidate, this.#firstMid);
    }
    if (this.#intake.refused > 0) throw new Error(`real candidates refused: ${candidates.join(' | ')}`);
  }

  async echo(text: string): Promise<string> {
    await until(() => this.#control?.isOpen() === true);
    this.#control?.sendMessage(`?${text}`);
    await until(() => this.#echoes.length > 0);
    return this.#echoes.shift() ?? '';
  }

  send(mid: string, packet: Buffer): void {
    const track = this.#tracks.get(mid);
    if (track?.isOpen() === true) track.sendMessageBinary(packet);
  }

  close(): void {
    this.#pc.close();
  }

  #native(): string {
    const description = this.#pc.localDescription();
    if (description === null) throw new Error('libdatachannel has no local description');
    return description.sdp;
  }

  #openControl(): void {
    const control = this.#pc.createDataChannel('control', { negotiated: true, id: 0 });
    control.onMessage((message) => {
      const text = typeof message === 'string' ? message : '';
      if (text.startsWith('?')) control.sendMessage(`!${text.slice(1)}`);
      else this.#echoes.push(text);
    });
    this.#control = control;
  }

  #addTrack(mid: string, kind: MediaKind, codec: VideoCodec, ssrc: number | null): void {
    const track = this.#pc.addTrack(describe(mid, kind, codec, ssrc));
    this.#tracks.set(mid, track);
    track.onMessage((packet) => {
      // RFC 5761: RTCP packet types 192 to 223 look like payload types 64 to 95.
      const payloadType = packet.readUInt8(1) & 0x7f;
      if (payloadType >= 64 && payloadType < 96) return this.onFeedback?.(mid, packet);
      this.arrived.add(`${mid}: ${payloadType}`);
      this.hasExtensions ||= (packet.readUInt8(0) & 0x10) !== 0;
      this.onPacket?.(mid, packet);
    });
  }
}

const H264_PROFILE = 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f';

function describe(mid: string, kind: MediaKind, codec: VideoCodec, ssrc: number | null): Audio | Video {
  const direction = ssrc === null ? 'RecvOnly' : 'SendOnly';
  const media = kind === 'audio' ? audio(mid, direction) : video(mid, direction, codec);
  if (ssrc !== null) media.addSSRC(ssrc, 'casto', 'casto', mid);
  return media;
}

function audio(mid: string, direction: 'RecvOnly' | 'SendOnly'): Audio {
  const media = new Audio(mid, direction);
  media.addOpusCodec(PAYLOAD_TYPES.opus);
  return media;
}

function video(mid: string, direction: 'RecvOnly' | 'SendOnly', codec: VideoCodec): Video {
  const media = new Video(mid, direction);
  if (codec === 'h264') media.addH264Codec(PAYLOAD_TYPES.h264, H264_PROFILE);
  else media.addVP8Codec(PAYLOAD_TYPES.vp8);
  return media;
}

const UNTIL_MS = 10_000;

async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + UNTIL_MS;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`not within ${UNTIL_MS} ms: ${holds.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
