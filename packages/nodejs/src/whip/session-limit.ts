/** How many sessions there may be, in all and from one network. */

import { NetworkShare } from '../access/network-share.ts';

export interface SessionLimitOptions {
  readonly all: number;
  /** Of one address of IPv4 or /64 of IPv6, unless it is private. */
  readonly perNetwork: number;
}

export class SessionLimit {
  readonly #most: number;
  readonly #share: NetworkShare;
  #all = 0;

  constructor({ all, perNetwork }: SessionLimitOptions) {
    this.#most = all;
    this.#share = new NetworkShare(perNetwork);
  }

  /**
   * @param address - IP address of the client.
   * @returns What to call once when the session is over; `null` when there is no room.
   */
  enter(address: string): (() => void) | null {
    if (this.#all >= this.#most) return null;
    const leaveNetwork = this.#share.enter(address);
    if (leaveNetwork === null) return null;
    this.#all += 1;
    let hasLeft = false;
    return () => {
      if (hasLeft) return;
      hasLeft = true;
      this.#all -= 1;
      leaveNetwork();
    };
  }
}
