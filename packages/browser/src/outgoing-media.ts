/**
 * What a streamer's page sends to one child where the browser lets no frame of one connection into another (Firefox,
 * Safari): its tracks, encoded for this child alone.
 */

import { childSections, type ChildMedia, type ChildSection } from './child-media.ts';
import { EncodedSections } from './encoded-sections.ts';
import type { PageWorker } from './page-worker.ts';
import type { UplinkShares } from './uplink-shares.ts';

export interface OutgoingOptions {
  stream: MediaStream;
  /** Layers of the child's video sections, in their order. */
  layers: readonly number[];
  /** Layers that this page encodes. */
  encodedLayers: number;
  /** What the video of one child may take. */
  shares: UplinkShares;
  epoch: number;
  /** Whether the child wants media at once; a standby does not. */
  isActive: boolean;
  worker: PageWorker;
}

export class OutgoingMedia implements ChildMedia {
  readonly isLimited = false;
  readonly #options: OutgoingOptions;
  readonly #sections: EncodedSections;
  readonly #leaveShares: () => void;
  #lastSentAt = 0;
  #isActive: boolean;

  constructor(options: OutgoingOptions) {
    this.#options = options;
    this.#isActive = options.isActive;
    const { worker, encodedLayers, shares, isActive } = options;
    this.#sections = new EncodedSections({
      clock: worker.clock,
      layers: encodedLayers,
      limits: { videoBps: shares.videoBps, isActive },
    });
    this.#leaveShares = shares.follow(() => this.#limit());
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

  async begin(): Promise<void> {
    await this.#sections.begin();
  }

  connected(): void {}

  setActive(isActive: boolean): void {
    if (isActive === this.#isActive) return;
    this.#isActive = isActive;
    this.#limit();
  }

  wantKeyFrame(layer: number): void {
    this.#sections.wantKeyFrame(layer);
  }

  close(): void {
    this.#leaveShares();
    this.#sections.close();
  }

  #limit(): void {
    const { videoBps } = this.#options.shares;
    void this.#sections.limit({ videoBps, isActive: this.#isActive });
  }

  #addSection(of: ChildSection): void {
    const { worker, epoch } = this.#options;
    const { transceiver, kind, layer } = of;
    const tap = worker.encode(transceiver.sender, { operation: 'stamp', kind, layer, epoch });
    this.#sections.add(of, tap, ({ at }) => (this.#lastSentAt = at));
  }
}
