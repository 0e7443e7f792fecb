/** The frames since the last key frame, from which a newcomer starts (PROTOCOL.md, M3.2). */

import { referencesOf, type PlacedFrame } from './hub-frame.ts';

/** A streamer sends a key frame at least every 2 s; twice that at 60 pictures a second is as much as is kept. */
const MAX_FRAMES = 240;
/** 4 s at 16 Mbps. */
const MAX_BYTES = 8_000_000;

export class RecentFrames<Raw> {
  #frames: PlacedFrame<Raw>[] = [];
  #bytes = 0;

  add(placed: PlacedFrame<Raw>): void {
    if (placed.frame.isKey) this.clear();
    else if (this.#frames.length === 0) return;
    this.#frames.push(placed);
    this.#bytes += placed.frame.bytes;
    // Without its key frame the rest is of no use.
    if (this.#frames.length > MAX_FRAMES || this.#bytes > MAX_BYTES) this.clear();
  }

  clear(): void {
    this.#frames = [];
    this.#bytes = 0;
  }

  /**
   * What a newcomer needs to see the present picture: the base layer since the key frame, all since the last frame of
   * the base layer, and what these need. The other frames between add nothing that it could still show.
   */
  forNewcomer(): PlacedFrame<Raw>[] {
    const lastBase = this.#frames.findLastIndex(({ frame }) => frame.temporalLayer === 0);
    const needed = new Set<number>();
    const kept: PlacedFrame<Raw>[] = [];
    for (const [i, placed] of [...this.#frames.entries()].reverse()) {
      const { temporalLayer, sequence } = placed.frame;
      if (temporalLayer > 0 && i < lastBase && !needed.has(sequence)) continue;
      for (const reference of referencesOf(placed.frame)) needed.add(reference);
      kept.push(placed);
    }
    return kept.reverse();
  }
}
