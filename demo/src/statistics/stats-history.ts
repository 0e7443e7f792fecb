/** The figures of the last minutes, one sample a second, as graphs and files want them. */

import type { CastoStats } from 'casto';

/** Ten minutes at a sample a second. */
export const SAMPLES_KEPT = 600;

export interface StatsSample {
  /** Milliseconds since 1970. */
  atMs: number;
  /** Received by a viewer, sent by a streamer; bits per second. */
  bitrateBps: number;
  /** From capture to arrival; `null` where it is not known. */
  latencyMs: number | null;
  /** Packets that were lost since the sample before. */
  packetsLost: number;
  depth: number | null;
  framesPerSecond: number | null;
  viewers: number;
  children: number;
}

export class StatsHistory {
  readonly #samples: StatsSample[] = [];
  #latest: CastoStats | null = null;
  #lostBefore: number | null = null;

  get samples(): readonly StatsSample[] {
    return this.#samples;
  }

  /** The last look at all figures. */
  get latest(): CastoStats | null {
    return this.#latest;
  }

  add(stats: CastoStats, viewers: number, atMs: number): void {
    const lost = (stats.video?.packetsLost ?? 0) + (stats.audio?.packetsLost ?? 0);
    // The count begins anew with another parent, and lost packets may turn up after all.
    const packetsLost = Math.max(0, lost - (this.#lostBefore ?? lost));
    this.#lostBefore = lost;
    this.#latest = stats;
    this.#samples.push({
      atMs,
      bitrateBps: stats.role === 'viewer' ? stats.download.bitsPerSecond : stats.upload.bitsPerSecond,
      latencyMs: stats.latencyMs,
      packetsLost,
      depth: stats.depth,
      framesPerSecond: stats.video?.framesPerSecond ?? null,
      viewers,
      children: stats.children.length,
    });
    if (this.#samples.length > SAMPLES_KEPT) this.#samples.shift();
  }

  clear(): void {
    this.#samples.length = 0;
    this.#latest = null;
    this.#lostBefore = null;
  }
}

/** What can be plotted. */
export type Measure = 'bitrateBps' | 'latencyMs' | 'packetsLost' | 'depth';

/**
 * @returns Times in seconds since 1970, and the values at these times; `null` is a gap. A second of silence in the
 * samples, as in a tab that slept, is a gap too.
 */
export function plotData(
  samples: readonly StatsSample[],
  measure: Measure,
): [times: number[], values: (number | null)[]] {
  const times: number[] = [];
  const values: (number | null)[] = [];
  for (const [index, sample] of samples.entries()) {
    const previous = samples[index - 1];
    if (previous !== undefined && sample.atMs - previous.atMs > GAP_MS) {
      times.push((previous.atMs + sample.atMs) / 2000);
      values.push(null);
    }
    times.push(sample.atMs / 1000);
    values.push(sample[measure]);
  }
  return [times, values];
}

const GAP_MS = 5000;
