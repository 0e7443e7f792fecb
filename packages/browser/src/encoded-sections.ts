/** The encoders behind a connection's sections: how much they may give, and their key frames. */

import { KEY_FRAME_INTERVAL_MS } from '@casto/core';
import type { Clock } from '@casto/host';
import type { ChildSection } from './child-media.ts';

import { AUDIO_BITS_PER_SECOND, layerBps } from './layer-limits.ts';
import type { FrameTap } from './page-worker.ts';
import type { FrameReport } from './worker-messages.ts';

/** A key frame that came by itself within this time makes the regular one unnecessary. */
const KEY_FRAME_CHECK_MS = 250;
/** Children ask for key frames at the same time when a frame was lost above them all. */
const KEY_FRAME_GAP_MS = 200;

export interface EncoderLimits {
  /** For the video of all layers together; `null`: only the layers' own limits. */
  readonly videoBps: number | null;
  /** An encoder that is paused begins with a key frame. */
  readonly isActive: boolean;
}

interface EncodedSection extends ChildSection {
  readonly tap: FrameTap | null;
  lastKeyFrameAt: number;
}

export class EncodedSections {
  readonly #clock: Clock;
  readonly #layers: number;
  readonly #sections = new Set<EncodedSection>();
  #limits: EncoderLimits;
  #cancelKeyFrames: () => void = () => {};

  constructor({ clock, layers, limits }: { clock: Clock; layers: number; limits: EncoderLimits }) {
    this.#clock = clock;
    this.#layers = layers;
    this.#limits = limits;
  }

  /** @param onReport - Hears of the frames that the section's encoder made. */
  add(of: ChildSection, tap: FrameTap | null, onReport: (report: FrameReport) => void): void {
    const section: EncodedSection = { ...of, tap, lastKeyFrameAt: 0 };
    this.#sections.add(section);
    if (tap === null) return;
    tap.onReport = (report) => {
      if (report.keyFrames > 0) section.lastKeyFrameAt = report.at;
      onReport(report);
    };
  }

  get senders(): { readonly sender: RTCRtpSender; readonly kind: ChildSection['kind'] }[] {
    return [...this.#sections].map(({ transceiver: { sender }, kind }) => ({ sender, kind }));
  }

  /** The answer is applied, so that encoders exist: limits them, and starts the regular key frames. */
  async begin(): Promise<void> {
    await this.limit(this.#limits);
    this.#keepKeyFrames();
  }

  async limit(limits: EncoderLimits): Promise<void> {
    this.#limits = limits;
    await Promise.all([...this.#sections].map((section) => this.#limit(section)));
  }

  /** A key frame of this layer, at once. @returns Whether it is made; one that has just been made is enough. */
  wantKeyFrame(layer: number): boolean {
    const now = this.#clock.now();
    const section = [...this.#sections].find((each) => each.kind === 'video' && each.layer === layer);
    if (section === undefined || now - section.lastKeyFrameAt <= KEY_FRAME_GAP_MS) return false;
    void this.#forceKeyFrame(section);
    return true;
  }

  close(): void {
    this.#cancelKeyFrames();
    for (const { tap } of this.#sections) tap?.close();
    this.#sections.clear();
  }

  async #limit({ kind, layer, transceiver: { sender } }: EncodedSection): Promise<void> {
    const { videoBps, isActive } = this.#limits;
    const parameters = sender.getParameters();
    const [encoding] = parameters.encodings;
    if (encoding === undefined) return;
    encoding.active = isActive;
    if (kind === 'audio') {
      encoding.maxBitrate = AUDIO_BITS_PER_SECOND;
      encoding.priority = 'high';
    } else {
      encoding.maxBitrate = layerBps(layer, this.#layers, videoBps);
      encoding.scaleResolutionDownBy = 1 << layer;
    }
    // An encoder that refuses a limit still encodes.
    await sender.setParameters(parameters).catch(() => {});
  }

  #keepKeyFrames(): void {
    const now = this.#clock.now();
    for (const section of this.#sections) {
      const isDue = now - section.lastKeyFrameAt > KEY_FRAME_INTERVAL_MS - 2 * KEY_FRAME_CHECK_MS;
      if (section.kind === 'video' && isDue && this.#limits.isActive) void this.#forceKeyFrame(section);
    }
    this.#cancelKeyFrames = this.#clock.setTimer(() => this.#keepKeyFrames(), KEY_FRAME_CHECK_MS);
  }

  /** Chromium takes the wish with the parameters, Firefox and Safari in the worker. */
  async #forceKeyFrame(section: EncodedSection): Promise<void> {
    // Not again before the encoder could answer.
    section.lastKeyFrameAt = this.#clock.now();
    section.tap?.wantKeyFrame();
    const { sender } = section.transceiver;
    await sender
      .setParameters(sender.getParameters(), { encodingOptions: [{ keyFrame: true }] })
      .catch(() => {});
  }
}
