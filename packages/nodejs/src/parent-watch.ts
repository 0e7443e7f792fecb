/** What a relay tells its tree about the media of one parent: when they begin, and how much of them comes. */

import type { TreeInput } from '@casto/core';
import type { Clock, PeerLink } from '@casto/host';
import type { PulledMedia } from './media-links.ts';

/** How often what came is counted. */
const COUNT_MS = 5_000;
/** Of fewer packets no share is worth telling, and of so few frames neither. */
const LEAST_PACKETS = 50;
const LEAST_FRAMES = 20;

export interface ParentWatchOptions {
  readonly link: PeerLink;
  readonly media: PulledMedia;
  readonly clock: Clock;
  readonly tell: (input: TreeInput) => void;
}

export class ParentWatch {
  /** Whether media are wanted and not played yet: the first picture has to come, and the tree to choose it. */
  isAwaited = false;
  /** Packets that did not come when they were counted last, 0 to 1; `null` before. */
  lossShare: number | null = null;
  readonly #options: ParentWatchOptions;
  /** The first picture has come, and the tree was not told: no messages pass yet. */
  #isUntold = false;
  #countedAt: number;

  constructor(options: ParentWatchOptions) {
    this.#options = options;
    this.#countedAt = options.clock.now();
    options.media.onFlowing = () => {
      this.#isUntold = true;
      this.tellFlowingIfOpen();
    };
  }

  want(isWanted: boolean): void {
    if (isWanted && this.isAwaited) return;
    this.isAwaited = isWanted;
    this.#isUntold = false;
    const { media } = this.#options;
    if (isWanted) media.expect();
    else media.play(false);
  }

  /** Tells that the first picture has come, if that is yet to be told and the tree knows of the link. */
  tellFlowingIfOpen(): void {
    if (!this.#isUntold || !this.#options.link.isOpen) return;
    this.#isUntold = false;
    this.#options.tell({ type: 'flowing', peerId: this.#options.link.peerId });
  }

  play(isPlayed: boolean): void {
    const { media, clock } = this.#options;
    media.play(isPlayed);
    this.isAwaited = false;
    this.#countedAt = clock.now();
    // What came before was sent to nobody.
    media.takeArrivals();
  }

  tick(now: number, isPlayed: boolean): void {
    this.#options.media.tick(now);
    if (isPlayed && now - this.#countedAt >= COUNT_MS) this.#count(now);
  }

  #count(now: number): void {
    this.#countedAt = now;
    const { link, media, tell } = this.#options;
    const { expected, received, frames } = media.takeArrivals();
    if (expected < LEAST_PACKETS) return;
    const packetShare = Math.min(1, received / expected);
    this.lossShare = 1 - packetShare;
    // A parent that leaves frames out loses no packets.
    const frameShare = frames.expected < LEAST_FRAMES ? 1 : frames.received / frames.expected;
    const receivedShare = Math.min(packetShare, frameShare);
    tell({ type: 'measured', peerId: link.peerId, receivedShare });
  }
}
