/**
 * How much one network may have open at once, so that a single host cannot take all there is.
 *
 * Networks of private addresses are not held back: they may be a reverse proxy, or the gateway of a container, and so
 * anybody.
 */

import { networkOf, reachOf } from './network-address.ts';

export class NetworkShare {
  readonly #most: number;
  /** Bounded by what is open, of which there is a limit in all elsewhere. */
  readonly #open = new Map<string, number>();

  /** @param most - For each network of public addresses. */
  constructor(most: number) {
    this.#most = most;
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
    if (reachOf(address) !== 'public') return () => {};
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
