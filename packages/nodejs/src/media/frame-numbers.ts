/**
 * How many frames a parent left out, by the numbers in their trailers (PROTOCOL.md, T). A page that sends only some of the
 * frames numbers the packets of those without gaps, so that the packets alone do not tell.
 */

import { splitTrailer } from '@casto/core';
import { RTP_HEADER_BYTES } from './rtp-packet.ts';

/** A jump of more than a minute is another count. */
const MAX_STEP = 3_600;

export interface FrameCount {
  /** Frames that the streamer sent, from the first one on whose number was read. */
  readonly expected: number;
  /** Those of them that ended here. */
  readonly received: number;
}

export class FrameNumbers implements FrameCount {
  expected = 0;
  received = 0;
  #newest: { readonly epoch: number; readonly layer: number; readonly sequence: number } | null = null;

  /** Takes the last packet of a frame. One that has lost its trailer on a packet's edge came all the same. */
  take(packet: Buffer): void {
    const trailer = splitTrailer(packet.subarray(RTP_HEADER_BYTES))?.trailer ?? null;
    if (this.#newest !== null || trailer !== null) this.received++;
    if (trailer === null) return;
    const { epoch, layer, sequence } = trailer;
    const step = this.#step(epoch, layer, sequence);
    // A frame that was sent again was expected before.
    if (step <= 0) return;
    this.expected += step > MAX_STEP ? 1 : step;
    this.#newest = { epoch, layer, sequence };
  }

  /** Each layer of each broadcast has its own count. */
  #step(epoch: number, layer: number, sequence: number): number {
    const newest = this.#newest;
    if (newest === null || newest.epoch !== epoch || newest.layer !== layer) return 1;
    return (sequence - newest.sequence) | 0;
  }
}
