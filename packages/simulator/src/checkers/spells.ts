import { PeerNumbers } from '../peer-numbers.ts';
import type { PeerIndex } from '../world-view.ts';

const NEVER = -1;

/**
 * How long each peer has been in a state that may last for a while only. Ticks see the state at their instants, so
 * that a spell counts from the first tick that saw it.
 */
export class Spells {
  readonly #limitMs: number;
  readonly #since = new PeerNumbers(NEVER);
  readonly #isTold = new PeerNumbers(0);
  #count = 0;
  #longestMs = 0;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** Spells that began, short ones too. */
  get count(): number {
    return this.#count;
  }

  get longestMs(): number {
    return this.#longestMs;
  }

  /** @returns Whether the spell has just become too long: once in each spell. */
  goesOn(peer: PeerIndex, now: number): boolean {
    const since = this.#since.get(peer);
    if (since === NEVER) {
      this.#since.set(peer, now);
      this.#count++;
      return this.#isTooLong(peer, 0);
    }
    this.#longestMs = Math.max(this.#longestMs, now - since);
    return this.#isTooLong(peer, now - since);
  }

  ends(peer: PeerIndex): void {
    if (this.#since.get(peer) === NEVER) return;
    this.#since.set(peer, NEVER);
    this.#isTold.set(peer, 0);
  }

  #isTooLong(peer: PeerIndex, lastedMs: number): boolean {
    if (lastedMs < this.#limitMs || this.#isTold.get(peer) === 1) return false;
    this.#isTold.set(peer, 1);
    return true;
  }
}
