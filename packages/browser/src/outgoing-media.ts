/**
 * What a streamer's page sends to one child where the browser lets no frame of one connection into another (Firefox,
 * Safari): its tracks, encoded for this child alone.
 */

import { KEY_FRAME_INTERVAL_MS } from '@casto/core';
import type { Clock } from '@casto/host';
import { childSections, type ChildMedia, type ChildSection } from './child-media.ts';
import { AUDIO_BITS_PER_SECOND, layerBps } from './layer-limits.ts';
import type { FrameTap, PageWorker } from './page-worker.ts';

/** A key frame that came by itself within this time makes the regular one unnecessary. */
const KEY_FRAME_CHECK_MS = 250;

export interface OutgoingOptions {
  stream: MediaStream;
  /** Layers of the child's video sections, in their order. */
  layers: readonly number[];
  /** Layers that this page encodes. */
  encodedLayers: number;
  /** Bits per second for all video to this child; `null`: only the layers' own limits. */
  maxBps: number | null;
  epoch: number;
  /** Whether the child wants media at once; a standby does not. */
  isActive: boolean;
  worker: PageWorker;
}

interface OutgoingSection extends ChildSection {
  tap: FrameTap | null;
  lastKeyFrameAt: number;
}

export class OutgoingMedia implements ChildMedia {
  readonly isLimited = false;
  readonly #options: OutgoingOptions;
  readonly #clock: Clock;
  #sections: OutgoingSection[] = [];
  #cancelKeyFrames: () => void = () => {};
  #lastSentAt = 0;
  #isActive: boolean;

  constructor(options: OutgoingOptions) {
    this.#options = options;
    this.#isActive = options.isActive;
    this.#clock = options.worker.clock;
  }

  /** When the last frame left, milliseconds since 1970. */
  get lastSentAt(): number {
    return this.#lastSentAt;
  }

  /**
   * Attaches the tracks; the child's offer is the remote description since this very task: Chromium lets the frames
   * of a sender pass untouched for good, unless its transform is set in the task that made the sender.
   */
  async attach(pc: RTCPeerConnection): Promise<void> {
    const { stream, layers, encodedLayers } = this.#options;
    const attachments: Promise<void>[] = [];
    for (const section of childSections(pc, layers)) {
      const { transceiver, kind, layer } = section;
      const track = stream.getTracks().find((candidate) => candidate.kind === kind);
      if (track === undefined || layer >= encodedLayers) {
        transceiver.direction = 'inactive';
        continue;
      }
      transceiver.direction = 'sendonly';
      this.#addSection(section);
      attachments.push(transceiver.sender.replaceTrack(track));
    }
    await Promise.all(attachments);
  }

  /** Limits the encoders, once the answer has created them, and starts the regular key frames. */
  async begin(): Promise<void> {
    await Promise.all(this.#sections.map((section) => this.#limit(section)));
    this.#keepKeyFrames();
  }

  connected(): void {}

  /** Sends media, or pauses. An encoder that was paused begins with a key frame. */
  setActive(isActive: boolean): void {
    if (isActive === this.#isActive) return;
    this.#isActive = isActive;
    for (const section of this.#sections) void this.#limit(section);
  }

  wantKeyFrame(layer: number): void {
    for (const section of this.#sections) {
      if (section.kind === 'video' && section.layer === layer) void this.#forceKeyFrame(section);
    }
  }

  close(): void {
    this.#cancelKeyFrames();
    for (const { tap } of this.#sections) tap?.close();
    this.#sections = [];
  }

  #addSection(of: ChildSection): void {
    const { worker, epoch } = this.#options;
    const { transceiver, kind, layer } = of;
    const tap = worker.encode(transceiver.sender, { operation: 'stamp', kind, layer, epoch });
    const section: OutgoingSection = { ...of, tap, lastKeyFrameAt: 0 };
    this.#sections.push(section);
    if (tap === null) return;
    tap.onReport = (report) => {
      this.#lastSentAt = report.at;
      if (report.keyFrames > 0) section.lastKeyFrameAt = report.at;
    };
  }

  async #limit({ transceiver, kind, layer }: OutgoingSection): Promise<void> {
    const { sender } = transceiver;
    const parameters = sender.getParameters();
    const encoding = parameters.encodings[0];
    if (encoding === undefined) return;
    encoding.active = this.#isActive;
    if (kind === 'audio') {
      encoding.maxBitrate = AUDIO_BITS_PER_SECOND;
      encoding.priority = 'high';
    } else {
      encoding.maxBitrate = layerBps(layer, this.#options.encodedLayers, this.#options.maxBps);
      encoding.scaleResolutionDownBy = 1 << layer;
    }
    // An encoder that refuses a limit still sends.
    await sender.setParameters(parameters).catch(() => {});
  }

  #keepKeyFrames(): void {
    const now = this.#clock.now();
    for (const section of this.#sections) {
      const isDue = now - section.lastKeyFrameAt > KEY_FRAME_INTERVAL_MS - 2 * KEY_FRAME_CHECK_MS;
      if (section.kind === 'video' && isDue && this.#isActive) void this.#forceKeyFrame(section);
    }
    this.#cancelKeyFrames = this.#clock.setTimer(() => this.#keepKeyFrames(), KEY_FRAME_CHECK_MS);
  }

  /** Chromium takes the wish with the parameters, Firefox and Safari in the worker. */
  async #forceKeyFrame(section: OutgoingSection): Promise<void> {
    // Not again before the encoder could answer.
    section.lastKeyFrameAt = this.#clock.now();
    section.tap?.wantKeyFrame();
    const { sender } = section.transceiver;
    await sender
      .setParameters(sender.getParameters(), { encodingOptions: [{ keyFrame: true }] })
      .catch(() => {});
  }
}
