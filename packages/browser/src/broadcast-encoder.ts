/**
 * The encoder of a broadcast: each layer once, whatever the number of children. It encodes for a connection of the page
 * with itself, which no other peer can end, and the hub takes the frames from there.
 *
 *   tracks ──▶ encoder ──▶ worker: trailer, hub ──▶ children
 *                               └──▶ the page's own connection, which keeps the encoder going
 */

import { KEY_FRAME_INTERVAL_MS, type VideoCodec } from '@casto/core';
import { parseSessionDescription, renderSessionDescription } from '@casto/host';
import { childSections, type ChildSection } from './child-media.ts';
import { encodedStreamsOf } from './encoded-media.ts';
import { AUDIO_BITS_PER_SECOND, layerBps } from './layer-limits.ts';
import { withBitrates } from './link-bitrates.ts';
import { createPeerConnection, PageChildEnd, PageParentEnd } from './page-link.ts';
import type { FrameTap, PageWorker } from './page-worker.ts';

/** The page's own connection carries whatever the encoder is allowed to give. */
const LOOPBACK_BITRATES = { start: 6_000, least: 6_000, most: 50_000 } as const;
/** A key frame that came by itself within this time makes the regular one unnecessary. */
const KEY_FRAME_CHECK_MS = 250;
/** Children ask for key frames at the same time when a frame was lost above them all. */
const KEY_FRAME_GAP_MS = 200;
/** Three temporal layers, or what the codec has of them (W3C WebRTC-SVC, section 5). */
const SCALABILITY_MODES = ['L1T3', 'L1T2'] as const;
/** How soon a connection that the browser gave up, as at a change of networks, is made anew. */
const RESTART_MS = 250;

export interface BroadcastEncoderOptions {
  readonly worker: PageWorker;
  readonly stream: MediaStream;
  readonly codec: VideoCodec;
  readonly layers: number;
  readonly epoch: number;
  /** Bits per second for all video that the owner allows; `null`: no limit. */
  readonly maxBps: number | null;
}

interface EncodedSection extends ChildSection {
  readonly tap: FrameTap | null;
  lastKeyFrameAt: number;
}

export class BroadcastEncoder {
  readonly #options: BroadcastEncoderOptions;
  #parent: PageParentEnd | null = null;
  #child: PageChildEnd | null = null;
  #sections: EncodedSection[] = [];
  #cancelKeyFrames: () => void = () => {};
  #uplinkBps: number | null = null;
  #bytes = 0;
  #isClosed = false;

  constructor(options: BroadcastEncoderOptions) {
    this.#options = options;
  }

  /** The connection that encodes, for its statistics. */
  get pc(): RTCPeerConnection | null {
    return this.#parent?.pc ?? null;
  }

  /** Bytes that were encoded of the full size and the sound: what one child gets. */
  get bytes(): number {
    return this.#bytes;
  }

  async start(): Promise<void> {
    const { worker, codec, layers } = this.#options;
    const child = new PageChildEnd(createPeerConnection([], worker.connectionOptions), { layers });
    this.#child = child;
    keepQuiet(child.pc);
    const offer = parseSessionDescription('offer', await child.offer());
    const media = offer.media.map((section) => ({
      ...section,
      codecs: section.codecs.filter(
        ({ mimeType }) => section.kind === 'audio' || mimeType === `video/${codec}`,
      ),
    }));
    const own = withBitrates({ ...offer, media }, LOOPBACK_BITRATES);
    const parent = new PageParentEnd(createPeerConnection([], worker.connectionOptions), own, {
      attach: () => this.#attach(parent.pc),
      begin: () => this.#begin(),
    });
    this.#parent = parent;
    child.onCandidate = (candidate) => parent.addCandidate(candidate);
    const answer = parseSessionDescription('answer', await parent.answer());
    parent.onCandidate = (candidate) => child.addCandidate(candidate);
    parent.onStateChange = (state) => {
      if (state === 'closed') this.#restart(parent);
    };
    await child.accept(renderSessionDescription('answer', answer));
  }

  /** A key frame of this layer, at once. @returns Whether it is made; one that has just been made is enough. */
  wantKeyFrame(layer: number): boolean {
    const now = this.#options.worker.clock.now();
    const section = this.#sections.find((each) => each.kind === 'video' && each.layer === layer);
    if (section === undefined || now - section.lastKeyFrameAt <= KEY_FRAME_GAP_MS) return false;
    void this.#forceKeyFrame(section);
    return true;
  }

  /** What the uplink carries for one child; `null`: not known. */
  followUplink(bps: number | null): void {
    if (bps === this.#uplinkBps) return;
    this.#uplinkBps = bps;
    for (const section of this.#sections) void this.#limit(section);
  }

  close(): void {
    this.#isClosed = true;
    this.#release();
  }

  #release(): void {
    this.#cancelKeyFrames();
    for (const { tap } of this.#sections) tap?.close();
    this.#sections = [];
    const [parent, child] = [this.#parent, this.#child];
    this.#parent = this.#child = null;
    parent?.close();
    child?.close();
  }

  /** The numbers of the frames begin anew, and so does everybody's picture, at the new encoder's first key frame. */
  #restart(parent: PageParentEnd): void {
    if (this.#isClosed || this.#parent !== parent) return;
    this.#release();
    this.#options.worker.clock.setTimer(() => {
      if (!this.#isClosed) void this.start().catch(() => {});
    }, RESTART_MS);
  }

  async #attach(pc: RTCPeerConnection): Promise<void> {
    const { worker, stream, epoch, layers } = this.#options;
    const attachments: Promise<void>[] = [];
    const all = Array.from({ length: layers }, (_, layer) => layer);
    for (const { transceiver, kind, layer } of childSections(pc, all)) {
      const track = stream.getTracks().find((candidate) => candidate.kind === kind);
      transceiver.direction = track === undefined ? 'inactive' : 'sendonly';
      if (track === undefined) continue;
      const tap = worker.encode(transceiver.sender, { operation: 'encode', kind, layer, epoch });
      const section: EncodedSection = { transceiver, kind, layer, tap, lastKeyFrameAt: 0 };
      this.#sections.push(section);
      this.#listen(section);
      attachments.push(transceiver.sender.replaceTrack(track));
    }
    await Promise.all(attachments);
  }

  #listen(section: EncodedSection): void {
    const { tap, layer } = section;
    if (tap === null) return;
    tap.onReport = ({ at, keyFrames, bytes }) => {
      if (keyFrames > 0) section.lastKeyFrameAt = at;
      if (layer === 0) this.#bytes += bytes;
    };
  }

  async #begin(): Promise<void> {
    await Promise.all(this.#sections.map((section) => this.#scale(section)));
    await Promise.all(this.#sections.map((section) => this.#limit(section)));
    this.#keepKeyFrames();
  }

  /** Temporal layers are what a slow link can do without. An encoder that has none still encodes. */
  async #scale({ kind, transceiver }: EncodedSection): Promise<void> {
    if (kind === 'audio') return;
    for (const scalabilityMode of SCALABILITY_MODES) {
      const parameters = transceiver.sender.getParameters();
      const [encoding] = parameters.encodings;
      if (encoding === undefined) return;
      Object.assign(encoding, { scalabilityMode });
      const isTaken = await transceiver.sender.setParameters(parameters).then(
        () => true,
        () => false,
      );
      if (isTaken) return;
    }
  }

  async #limit({ kind, layer, transceiver }: EncodedSection): Promise<void> {
    const parameters = transceiver.sender.getParameters();
    const [encoding] = parameters.encodings;
    if (encoding === undefined) return;
    if (kind === 'audio') {
      encoding.maxBitrate = AUDIO_BITS_PER_SECOND;
    } else {
      encoding.maxBitrate = layerBps(layer, this.#options.layers, this.#videoBps());
      encoding.scaleResolutionDownBy = 1 << layer;
    }
    // An encoder that refuses a limit still encodes.
    await transceiver.sender.setParameters(parameters).catch(() => {});
  }

  #videoBps(): number | null {
    const { maxBps } = this.#options;
    if (this.#uplinkBps === null) return maxBps;
    return Math.min(maxBps ?? Infinity, this.#uplinkBps);
  }

  #keepKeyFrames(): void {
    const { clock } = this.#options.worker;
    const now = clock.now();
    for (const section of this.#sections) {
      const isDue = now - section.lastKeyFrameAt > KEY_FRAME_INTERVAL_MS - 2 * KEY_FRAME_CHECK_MS;
      if (section.kind === 'video' && isDue) void this.#forceKeyFrame(section);
    }
    this.#cancelKeyFrames = clock.setTimer(() => this.#keepKeyFrames(), KEY_FRAME_CHECK_MS);
  }

  async #forceKeyFrame(section: EncodedSection): Promise<void> {
    // Not again before the encoder could answer.
    section.lastKeyFrameAt = this.#options.worker.clock.now();
    const { sender } = section.transceiver;
    await sender
      .setParameters(sender.getParameters(), { encodingOptions: [{ keyFrame: true }] })
      .catch(() => {});
  }
}

/**
 * The page's own connection only has to take what it gets. Its decoder is given the key frames: one that is given
 * nothing asks for key frames without end, and one that is given all costs as much as the encoder.
 */
function keepQuiet(pc: RTCPeerConnection): void {
  for (const { receiver } of pc.getTransceivers()) {
    const { readable, writable } = encodedStreamsOf(receiver);
    readable
      .pipeThrough(
        new TransformStream<RTCEncodedVideoFrame | RTCEncodedAudioFrame>({
          transform: (frame, controller) => {
            if ('type' in frame && frame.type === 'key') controller.enqueue(frame);
          },
        }),
      )
      .pipeTo(writable)
      .catch(() => {});
  }
}
