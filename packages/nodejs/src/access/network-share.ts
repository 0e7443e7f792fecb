/**
 * How much one network may have open at once, so that a single host cannot take all there is.
 *
 * Private addresses are not held back: they may be a reverse proxy, or the gateway of a container, and so anybody.
 */

import { networkOf, reachOf } from './network-address.ts';

export class NetworkShare {
  readonly #most: number;
  readonly #isAnybody: (address: string) => boolean;
  /** Bounded by what is open, of which there is a limit in all elsewhere. */
  readonly #open = new Map<string, number>();

  /**
   * @param most - For each network.
   * @param isAnybody - Whose addresses are not held back.
   */
  constructor(most: number, isAnybody = (address: string): boolean => reachOf(address) !== 'public') {
    this.#most = most;
    this.#isAnybody = isAnybody;
  }

  /** Networks that have something open. */
  get networks(): number {
    return this.#open.size;
  }

  /**
   * @param address - IP address of the client, as its socket tells it.
   * @returns What to call once when it is over; `null` when the network has its share already.
   */
  enter(address: string): (() => void) | null {
    if (this.#isAnybody(address)) return () => {};
    const network = networkOf(address);
    const open = this.#open.get(network) ?? 0;
    if (open >= this.#most) return null;
    this.#open.set(network, open + 1);
    let hasLeft = false;
    return () => {
      if (hasLeft) return;
      hasLeft = true;
      const left = (this.#open.get(network) ?? 1) - 1;
      if (left > 0) this.#open.set(network, left);
      else this.#open.delete(network);
    };
  }
}
