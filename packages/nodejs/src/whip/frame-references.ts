/**
 * Which frames each frame of a publisher needs, as far as its packets tell (PROTOCOL.md, T1.3). VP8 names the temporal layer
 * of a frame, and marks those that need the base alone (RFC 7741, section 4.2); a frame needs nothing of a higher layer than
 * its own. So the last frame of each layer up to its own is named, whether or not the encoder looks at all of them.
 *
 * Without temporal layers each frame needs the one before it.
 */

/** The mask tells of the four frames before. */
const MAX_BACK = 4;
const PREDECESSOR = 0b0001;

export interface SentFrame {
  /** Rises by one per frame, modulo 2^32. */
  readonly number: number;
  readonly isKey: boolean;
  /** 0 where there are none. */
  readonly temporalLayer: number;
  /** It needs none of the layers above the base. */
  readonly isLayerSync: boolean;
}

export class FrameReferences {
  /** The last frame of each temporal layer since the key frame. */
  #last: (number | undefined)[] = [];
  /** A frame is missing, and nobody knows who needs it: all do that follow it up to the next key frame. */
  #isBroken = true;

  /** @returns The mask for the trailer of a frame; they come in their order. */
  of({ number, isKey, temporalLayer, isLayerSync }: SentFrame): number {
    if (isKey) {
      this.#isBroken = false;
      this.#last = [number];
      return 0;
    }
    const mask = this.#isBroken ? PREDECESSOR : this.#mask(number, isLayerSync ? 0 : temporalLayer);
    this.#last[temporalLayer] = number;
    return mask;
  }

  /** A frame is lost for good. */
  lose(): void {
    this.#isBroken = true;
  }

  #mask(number: number, highest: number): number {
    let mask = 0;
    for (const needed of this.#last.slice(0, highest + 1)) {
      if (needed === undefined) continue;
      const back = (number - needed) >>> 0;
      if (back > MAX_BACK) return PREDECESSOR;
      mask |= 1 << (back - 1);
    }
    return mask;
  }
}
