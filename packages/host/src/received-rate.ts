/** Bytes that are counted as they come, as a bitrate. */

/** Less would show each key frame. */
const WINDOW_MS = 1_000;
/** After a pause of this length the last value says nothing of the next. */
const LONGEST_WINDOW_MS = 5_000;

export class ReceivedRate {
  #since: { readonly bytes: number; readonly at: number } | null = null;
  #bps: number | null = null;

  /**
   * @param bytes - All so far. Fewer than before: of another source.
   * @param now - Monotonic milliseconds.
   * @returns Bits per second over the last second or more; `null` until that has passed.
   */
  read(bytes: number, now: number): number | null {
    const since = this.#since;
    const passedMs = now - (since?.at ?? -Infinity);
    if (since === null || passedMs > LONGEST_WINDOW_MS) this.#bps = null;
    else if (passedMs < WINDOW_MS) return this.#bps;
    else if (bytes >= since.bytes) this.#bps = ((bytes - since.bytes) * 8_000) / passedMs;
    this.#since = { bytes, at: now };
    return this.#bps;
  }
}
