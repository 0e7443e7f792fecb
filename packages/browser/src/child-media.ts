/** What a page sends to one child, whatever carries it. */

import type { DummyTracks } from './dummy-tracks.ts';
import type { FrameKind } from './hub/hub-frame.ts';
import { LinkBudget } from './link-budget.ts';
import type { HubChild, PageWorker } from './page-worker.ts';
import { readMediaStats } from './stats.ts';

export interface ChildMedia {
  /** Milliseconds since 1970. */
  readonly lastSentAt: number;
  /** Whether the child gets less than all, because its link does not carry more. */
  readonly isLimited: boolean;
  /** Attaches tracks; called in the very task in which the child's offer was applied. */
  attach(pc: RTCPeerConnection): Promise<void>;
  /** The answer is applied: encoders exist. */
  begin(): Promise<void>;
  /** The link is up. */
  connected(): void;
  /** Sends media, or pauses. */
  setActive(isActive: boolean): void;
  wantKeyFrame(layer: number): void;
  close(): void;
}

/** A section of a child's offer, and the layer that it asks for. */
export interface ChildSection {
  readonly transceiver: RTCRtpTransceiver;
  readonly kind: FrameKind;
  readonly layer: number;
}

/** The sections of the offer that `pc` has just taken, with the layers that the join named for them. */
export function childSections(pc: RTCPeerConnection, layers: readonly number[]): ChildSection[] {
  let videos = 0;
  return pc.getTransceivers().map((transceiver) => {
    const kind = transceiver.receiver.track.kind === 'audio' ? 'audio' : 'video';
    return { transceiver, kind, layer: kind === 'video' ? (layers[videos++] ?? 0) : 0 };
  });
}

/**
 * How often a child's link is looked at: twice before a queue is too long. A look reads the statistics of the whole
 * connection, so a calm link is looked at less.
 */
const LOOK_MS = 200;
const CALM_LOOK_MS = 400;

export interface HubChildMediaOptions {
  readonly worker: PageWorker;
  readonly dummies: DummyTracks;
  /** Layers of the child's video sections, in their order. */
  readonly layers: readonly number[];
  /** Streams that this page has. */
  readonly has: (kind: FrameKind, layer: number) => boolean;
  readonly isActive: boolean;
  /** Bits per second of the media as they come in; `null` before that is known. */
  readonly mediaBps: () => number | null;
}

/** A child that gets the hub's frames. */
export class HubChildMedia implements ChildMedia {
  readonly #options: HubChildMediaOptions;
  readonly #child: HubChild;
  readonly #budget = new LinkBudget();
  #pc: RTCPeerConnection | null = null;
  #isActive: boolean;
  #cancelLook: () => void = () => {};

  constructor(options: HubChildMediaOptions) {
    this.#options = options;
    this.#child = options.worker.createChild();
    this.#isActive = options.isActive;
  }

  get lastSentAt(): number {
    return this.#child.lastSentAt;
  }

  get isLimited(): boolean {
    return this.#budget.isLimited;
  }

  async attach(pc: RTCPeerConnection): Promise<void> {
    this.#pc = pc;
    const { layers, has, dummies } = this.#options;
    const attachments: Promise<void>[] = [];
    for (const { transceiver, kind, layer } of childSections(pc, layers)) {
      const track = has(kind, layer) ? dummies.of(kind) : null;
      if (track === null || !this.#child.send(transceiver.sender, { kind, layer })) {
        transceiver.direction = 'inactive';
        continue;
      }
      transceiver.direction = 'sendonly';
      attachments.push(transceiver.sender.replaceTrack(track));
    }
    await Promise.all(attachments);
  }

  async begin(): Promise<void> {}

  connected(): void {
    this.#child.connected();
    this.#child.setActive(this.#isActive);
    void this.#look();
  }

  setActive(isActive: boolean): void {
    this.#isActive = isActive;
    this.#child.setActive(isActive);
  }

  wantKeyFrame(layer: number): void {
    this.#child.wantKeyFrame(layer);
  }

  close(): void {
    this.#cancelLook();
    this.#pc = null;
    this.#child.close();
  }

  /** Delay never builds up: what a link does not carry is left out before it waits. */
  async #look(): Promise<void> {
    const pc = this.#pc;
    if (pc === null) return;
    const { clock } = this.#options.worker;
    if (this.#isActive) {
      // Both at once: what is written between the one and the other would look like a queue.
      const [written, { payloadSent, availableBps }] = await Promise.all([
        this.#child.bytesWritten(),
        readMediaStats(pc),
      ]);
      const mediaBps = this.#options.mediaBps();
      const limit = this.#budget.look({ written, payloadSent, availableBps, mediaBps }, clock.now());
      if (limit !== null && this.#pc !== null) this.#child.limit(limit);
    }
    const waitMs = this.#budget.isCalm ? CALM_LOOK_MS : LOOK_MS;
    if (this.#pc !== null) this.#cancelLook = clock.setTimer(() => void this.#look(), waitMs);
  }
}

/** Sends the tracks that this page has itself: decoded and encoded again, for want of anything better. */
export class TrackChildMedia implements ChildMedia {
  readonly lastSentAt = 0;
  readonly isLimited = false;
  readonly #stream: MediaStream;
  readonly #senders: RTCRtpSender[] = [];
  #isActive: boolean;

  constructor(stream: MediaStream, options: { isActive: boolean }) {
    this.#stream = stream;
    this.#isActive = options.isActive;
  }

  async attach(pc: RTCPeerConnection): Promise<void> {
    const tracks = this.#stream.getTracks();
    const attachments: Promise<void>[] = [];
    for (const { transceiver, kind, layer } of childSections(pc, [0])) {
      const track = layer === 0 ? tracks.find((candidate) => candidate.kind === kind) : undefined;
      transceiver.direction = track === undefined ? 'inactive' : 'sendonly';
      if (track === undefined) continue;
      this.#senders.push(transceiver.sender);
      attachments.push(transceiver.sender.replaceTrack(track));
    }
    await Promise.all(attachments);
  }

  begin(): Promise<void> {
    return this.#limit();
  }

  connected(): void {}

  setActive(isActive: boolean): void {
    this.#isActive = isActive;
    void this.#limit();
  }

  /** The encoder hears of it by RTCP. */
  wantKeyFrame(): void {}

  close(): void {
    this.#senders.length = 0;
  }

  async #limit(): Promise<void> {
    for (const sender of this.#senders) {
      const parameters = sender.getParameters();
      for (const encoding of parameters.encodings) encoding.active = this.#isActive;
      await sender.setParameters(parameters).catch(() => {});
    }
  }
}
