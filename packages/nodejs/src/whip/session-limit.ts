/** How many sessions there may be, in all and from one address. */

export interface SessionLimitOptions {
  readonly all: number;
  readonly perAddress: number;
}

export class SessionLimit {
  readonly #options: SessionLimitOptions;
  readonly #counts = new Map<string, number>();
  #all = 0;

  constructor(options: SessionLimitOptions) {
    this.#options = options;
  }

  /**
   * @param address - IP address of the client. Those of this machine are only counted in all: behind a reverse proxy
   *   everybody comes from there.
   * @returns What to call once when the session is over; `null` when there is no room.
   */
  enter(address: string): (() => void) | null {
    const { all, perAddress } = this.#options;
    const count = this.#counts.get(address) ?? 0;
    if (this.#all >= all || (count >= perAddress && !isLoopback(address))) return null;
    this.#all += 1;
    this.#counts.set(address, count + 1);
    let hasLeft = false;
    return () => {
      if (hasLeft) return;
      hasLeft = true;
      this.#all -= 1;
      const left = (this.#counts.get(address) ?? 1) - 1;
      if (left > 0) this.#counts.set(address, left);
      else this.#counts.delete(address);
    };
  }
}

function isLoopback(address: string): boolean {
  return address === '::1' || /^(?:::ffff:)?127\./.test(address);
}
