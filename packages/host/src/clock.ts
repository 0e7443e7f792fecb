/**
 * Time as a host sees it. Pages implement it in a worker, because browsers slow the timers of hidden pages to
 * one a second.
 */
export interface Clock {
  /** Milliseconds since 1970 that never run backwards, with fractions. */
  now(): number;
  /** Calls back once; the returned function cancels. */
  setTimer(callback: () => void, delayMs: number): () => void;
}

/** Clock of the process itself. */
export const processClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  setTimer: (callback, delayMs) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
