/**
 * Which layer of a video a viewer is sent: the best one that is alive, not above the one it asked for, nor above what its
 * link carries. 0 is the highest (PROTOCOL.md, vocabulary).
 */

/**
 * A layer that is silent for so long while another delivers is not encoded any more: its publisher's uplink is too slow,
 * or its encoder. A picture of a screen that stands still is silent in all layers.
 */
const SILENT_MS = 700;
/** A layer that has just come back may be gone again at once; nobody goes up to it before. */
const STEADY_MS = 1_000;

/** What a viewer wants of the layers, and what becomes of it. */
export interface LayerWish {
  /** By the viewer. */
  asked: number;
  /** The highest that its link carries, as far as is known. */
  best: number;
  /** Whether there is a lower one than what the link carries now; kept by the hub. */
  hasLower: boolean;
}

export function wishFor(asked: number): LayerWish {
  return { asked, best: 0, hasLower: false };
}

/** One that delivers. */
export interface LiveLayer {
  readonly layer: number;
  /** It has delivered for a while. */
  readonly isSteady: boolean;
}

/** Keeps in mind since when each layer delivers. */
export class LayerActivity {
  readonly #since = new Map<number, number>();

  /**
   * @param streams - When each layer last delivered; `null`: never.
   * @param now - In the same clock, milliseconds.
   * @returns The layers that are alive, the highest first.
   */
  observe(
    streams: readonly { readonly layer: number; readonly lastUnitAt: number | null }[],
    now: number,
  ): LiveLayer[] {
    const newest = Math.max(...streams.map(({ lastUnitAt }) => lastUnitAt ?? -Infinity));
    const live = new Set<number>();
    for (const { layer, lastUnitAt } of streams) {
      if (lastUnitAt !== null && newest - lastUnitAt <= SILENT_MS) live.add(layer);
    }
    for (const layer of this.#since.keys()) if (!live.has(layer)) this.#since.delete(layer);
    for (const layer of live) if (!this.#since.has(layer)) this.#since.set(layer, now);
    return [...this.#since]
      .map(([layer, since]) => ({ layer, isSteady: now - since >= STEADY_MS }))
      .toSorted((a, b) => a.layer - b.layer);
  }
}

/**
 * @param live - The highest first.
 * @param current - What the viewer is sent now.
 * @returns What it is to be sent; where there is nothing at or below what it asked for, the lowest layer there is, because
 *   any picture is better than none.
 */
export function chooseLayer(
  live: readonly LiveLayer[],
  { asked, best }: Pick<LayerWish, 'asked' | 'best'>,
  current: number,
): number {
  const highest = Math.max(asked, best);
  const mayStay = current >= highest && live.some(({ layer }) => layer === current);
  const chosen = live.find(({ layer, isSteady }) => {
    const isHasty = mayStay && layer < current && !isSteady;
    return layer >= highest && !isHasty;
  });
  return (chosen ?? live.at(-1))?.layer ?? current;
}
