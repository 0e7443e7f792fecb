/**
 * The encoder of a broadcast: each layer once, whatever the number of children. It encodes for a connection of the page
 * with itself, which no other peer can end, and the hub takes the frames from there.
 *
 *   tracks ──▶ encoder ──▶ worker: trailer, hub ──▶ children
 *                               └──▶ the page's own connection, which keeps the encoder going
 */

import type { VideoCodec } from '@casto/core';
import { parseSessionDescription, renderSessionDescription } from '@casto/host';
import { childSections } from './child-media.ts';
import { encodedStreamsOf } from './encoded-media.ts';
import { EncodedSections, type EncoderLimits } from './encoded-sections.ts';
import { withBitrates } from './link-bitrates.ts';
import { createPeerConnection, PageChildEnd, PageParentEnd } from './page-link.ts';
import type { PageWorker } from './page-worker.ts';
import { FairRate, type UplinkReport } from './uplink-estimate.ts';
import type { UplinkShares } from './uplink-shares.ts';

/** The page's own connection carries whatever the encoder is allowed to give. */
const LOOPBACK_BITRATES = { start: 6_000, least: 6_000, most: 50_000 } as const;
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
  /** What the video of one child may take. */
  readonly shares: UplinkShares;
}

export class BroadcastEncoder {
  readonly #options: BroadcastEncoderOptions;
  #parent: PageParentEnd | null = null;
  #child: PageChildEnd | null = null;
  readonly #sections: EncodedSections;
  /** What the uplink carries for one child. */
  readonly #fairRate = new FairRate();
  #bytes = 0;
  readonly #leaveShares: () => void;
  #isClosed = false;

  constructor(options: BroadcastEncoderOptions) {
    this.#options = options;
    const { worker, layers } = options;
    this.#sections = new EncodedSections({ clock: worker.clock, layers, limits: this.#limits() });
    this.#leaveShares = options.shares.follow(() => this.#limit());
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
    return this.#sections.wantKeyFrame(layer);
  }

  /** Gives what the links of the children carry. */
  followUplink(reports: readonly UplinkReport[]): void {
    const before = this.#fairRate.bps;
    this.#fairRate.follow(reports);
    if (this.#fairRate.bps !== before) this.#limit();
  }

  close(): void {
    this.#isClosed = true;
    this.#leaveShares();
    this.#release();
  }

  #release(): void {
    this.#sections.close();
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
    for (const section of childSections(pc, all)) {
      const { transceiver, kind, layer } = section;
      const track = stream.getTracks().find((candidate) => candidate.kind === kind);
      transceiver.direction = track === undefined ? 'inactive' : 'sendonly';
      if (track === undefined) continue;
      const tap = worker.encode(transceiver.sender, { operation: 'encode', kind, layer, epoch });
      this.#sections.add(section, tap, ({ bytes }) => {
        if (layer === 0) this.#bytes += bytes;
      });
      attachments.push(transceiver.sender.replaceTrack(track));
    }
    await Promise.all(attachments);
  }

  async #begin(): Promise<void> {
    await Promise.all(this.#sections.senders.map(({ sender, kind }) => scale(sender, kind)));
    await this.#sections.begin();
  }

  #limit(): void {
    void this.#sections.limit(this.#limits());
  }

  #limits(): EncoderLimits {
    const { videoBps: shareBps } = this.#options.shares;
    const videoBps =
      this.#fairRate.bps === null ? shareBps : Math.min(shareBps ?? Infinity, this.#fairRate.bps);
    return { videoBps, isActive: true };
  }
}

/** Temporal layers are what a slow link can do without. An encoder that has none still encodes. */
async function scale(sender: RTCRtpSender, kind: 'audio' | 'video'): Promise<void> {
  if (kind === 'audio') return;
  for (const scalabilityMode of SCALABILITY_MODES) {
    const parameters = sender.getParameters();
    const [encoding] = parameters.encodings;
    if (encoding === undefined) return;
    Object.assign(encoding, { scalabilityMode });
    const isTaken = await sender.setParameters(parameters).then(
      () => true,
      () => false,
    );
    if (isTaken) return;
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
