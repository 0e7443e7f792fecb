/**
 * Merges the wishes of all viewers for a key frame into few requests upstream.
 *
 * Requests are merged at the trailing edge: one that comes too soon after the last is sent when its time has come,
 * because a plainly suppressed request left late joiners black for seconds.
 */

/** An encoder that makes key frames more often than this only wastes bits. */
const MIN_INTERVAL_MS = 200;
/** A request that no key frame answers was lost on its way, and is repeated, ever more slowly. */
const FIRST_REPEAT_MS = 500;
const MAX_REPEAT_MS = 4000;
/** The streamer makes a key frame every 2 s; a tenth more, so that its own timer is not anticipated. */
const MAX_KEY_FRAME_AGE_MS = 2200;

export interface KeyFrameRequests {
  /** When the last key frame came, `null` before the first. */
  readonly lastKeyFrameAt: number | null;
  /** Somebody needs a key frame. @returns Whether to send a request at once. */
  request(now: number): boolean;
  keyFrameArrived(now: number): void;
  /**
   * @param isWatched - Whether packets arrive and somebody watches, so that key frames must not get too old.
   * @returns Whether to send a request now.
   */
  tick(now: number, isWatched: boolean): boolean;
}

export function createKeyFrameRequests(): KeyFrameRequests {
  return new MergedRequests();
}

class MergedRequests implements KeyFrameRequests {
  lastKeyFrameAt: number | null = null;
  #sentAt = -Infinity;
  /** A request waits for the interval to pass. */
  #isWaiting = false;
  /** A request was sent and no key frame has come since. */
  #isUnanswered = false;
  #repeatMs = FIRST_REPEAT_MS;

  request(now: number): boolean {
    this.#isWaiting = true;
    return this.#sendIfDue(now);
  }

  keyFrameArrived(now: number): void {
    this.lastKeyFrameAt = now;
    this.#isWaiting = false;
    this.#isUnanswered = false;
    this.#repeatMs = FIRST_REPEAT_MS;
  }

  tick(now: number, isWatched: boolean): boolean {
    if (this.#isUnanswered) {
      if (now - this.#sentAt >= this.#repeatMs) {
        this.#repeatMs = Math.min(this.#repeatMs * 2, MAX_REPEAT_MS);
        this.#isWaiting = true;
      }
    } else if (isWatched && now - (this.lastKeyFrameAt ?? -Infinity) > MAX_KEY_FRAME_AGE_MS) {
      this.#isWaiting = true;
    }
    return this.#sendIfDue(now);
  }

  #sendIfDue(now: number): boolean {
    if (!this.#isWaiting || now - this.#sentAt < MIN_INTERVAL_MS) return false;
    this.#isWaiting = false;
    this.#isUnanswered = true;
    this.#sentAt = now;
    return true;
  }
}
