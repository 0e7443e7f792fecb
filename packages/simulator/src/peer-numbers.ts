import type { PeerIndex } from './world-view.ts';

const FIRST_CAPACITY = 1024;

/** One number per peer, for as many as there come to be: 8 bytes each, and no object. */
export class PeerNumbers {
  readonly #initial: number;
  #values: Float64Array;

  constructor(initial: number) {
    this.#initial = initial;
    this.#values = new Float64Array(FIRST_CAPACITY).fill(initial);
  }

  get(peer: PeerIndex): number {
    return this.#values[peer] ?? this.#initial;
  }

  set(peer: PeerIndex, value: number): void {
    if (peer >= this.#values.length) this.#grow(peer + 1);
    this.#values[peer] = value;
  }

  add(peer: PeerIndex, value: number): void {
    this.set(peer, this.get(peer) + value);
  }

  #grow(least: number): void {
    const values = new Float64Array(Math.max(least, this.#values.length * 2)).fill(this.#initial);
    values.set(this.#values);
    this.#values = values;
  }
}
