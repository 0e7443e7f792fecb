/** How long packets travel between two peers. */

import type { PeerIndex } from '../world-view.ts';
import { gaussian, type Draw } from './draws.ts';

/** One-way delays. A place is given to each peer before its delays are asked for. */
export interface LatencyModel {
  readonly regions: number;
  /** Gives a peer a place in a region. */
  place(peer: PeerIndex, region: number, draw: Draw): void;
  region(peer: PeerIndex): number;
  /** Milliseconds from one peer to the other, the same both ways. */
  delayMs(a: PeerIndex, b: PeerIndex): number;
}

/** Centres of five regions of the world, laid out so that their distances are one-way delays in milliseconds. */
const CENTRES: readonly (readonly [number, number])[] = [
  [0, 0],
  [60, 15],
  [35, 70],
  [110, 60],
  [150, 10],
];
/** How far peers of a region lie apart, one standard deviation. */
const SPREAD_MS = 9;
/** What everyone's access line adds: a fixed part, and the absolute value of a normal draw times this. */
const ACCESS_MS = 2;
const ACCESS_SPREAD_MS = 6;
const FIRST_CAPACITY = 1024;

/** Peers lie on a plane around the centres of five regions, each behind an access line of its own. */
export class PlaneLatency implements LatencyModel {
  readonly regions = CENTRES.length;
  #x = new Float64Array(FIRST_CAPACITY);
  #y = new Float64Array(FIRST_CAPACITY);
  #access = new Float64Array(FIRST_CAPACITY);
  #region = new Uint8Array(FIRST_CAPACITY);

  place(peer: PeerIndex, region: number, draw: Draw): void {
    if (peer >= this.#x.length) this.#grow(peer + 1);
    const [x, y] = CENTRES[region] ?? [0, 0];
    this.#x[peer] = x + gaussian(draw) * SPREAD_MS;
    this.#y[peer] = y + gaussian(draw) * SPREAD_MS;
    this.#access[peer] = ACCESS_MS + Math.abs(gaussian(draw)) * ACCESS_SPREAD_MS;
    this.#region[peer] = region;
  }

  region(peer: PeerIndex): number {
    return this.#region[peer] ?? 0;
  }

  delayMs(a: PeerIndex, b: PeerIndex): number {
    const dx = (this.#x[a] ?? 0) - (this.#x[b] ?? 0);
    const dy = (this.#y[a] ?? 0) - (this.#y[b] ?? 0);
    const accessMs = (this.#access[a] ?? 0) + (this.#access[b] ?? 0);
    return Math.sqrt(dx * dx + dy * dy) + accessMs;
  }

  #grow(least: number): void {
    const capacity = Math.max(least, this.#x.length * 2);
    this.#x = grown(this.#x, new Float64Array(capacity));
    this.#y = grown(this.#y, new Float64Array(capacity));
    this.#access = grown(this.#access, new Float64Array(capacity));
    this.#region = grown(this.#region, new Uint8Array(capacity));
  }
}

function grown<T extends Float64Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
