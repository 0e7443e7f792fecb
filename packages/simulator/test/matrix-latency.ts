import type { LatencyModel } from '../src/engine/latency.ts';
import type { PeerIndex } from '../src/world-view.ts';

/** Delays that a test says, one site per region, all peers of a site at the same place. */
export class MatrixLatency implements LatencyModel {
  readonly regions: number;
  readonly #delaysMs: readonly (readonly number[])[];
  readonly #sites: number[] = [];

  /** @param delaysMs - One-way delay from the row's site to the column's; the diagonal holds that within a site. */
  constructor(delaysMs: readonly (readonly number[])[]) {
    this.#delaysMs = delaysMs;
    this.regions = delaysMs.length;
    if (delaysMs.some((row) => row.length !== this.regions)) throw new RangeError('the matrix is not square');
  }

  place(peer: PeerIndex, region: number): void {
    this.#sites[peer] = region;
  }

  region(peer: PeerIndex): number {
    return this.#sites[peer] ?? 0;
  }

  delayMs(a: PeerIndex, b: PeerIndex): number {
    return this.#delaysMs[this.region(a)]?.[this.region(b)] ?? 0;
  }
}
