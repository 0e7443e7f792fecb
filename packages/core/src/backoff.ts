/** First wait after a lost relay. A restarted relay is back within about a second. */
const FIRST_WAIT_MS = 250;
/** Longest wait, so that a page left open finds a relay that returns after hours soon enough. */
const LONGEST_WAIT_MS = 8_000;

/**
 * How long to wait before attempt number `attempt` (0 is the first) to reach a relay again.
 *
 * @param random - A number in [0, 1). Half of the wait is drawn, so that the viewers of a lost relay do not
 * return all at once.
 * @returns Milliseconds.
 */
export function reconnectWaitMs(attempt: number, random: number): number {
  const doubled = FIRST_WAIT_MS * (1 << Math.min(attempt, 10));
  const ceiling = Math.min(LONGEST_WAIT_MS, doubled);
  return ceiling / 2 + (random * ceiling) / 2;
}
