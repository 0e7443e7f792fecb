/**
 * Offset between the clocks of a link's two ends, from pings (PROTOCOL.md, K3).
 *
 * Of the last samples the one with the shortest round trip counts: queues only ever lengthen a trip, and what
 * they add is the error of the offset.
 *
 * @see RFC 5905, section 10: the same choice in NTP's clock filter.
 */

const SAMPLES = 8;

interface ClockSample {
  rttMs: number;
  offsetMs: number;
}

export interface ClockEstimate {
  readonly samples: readonly ClockSample[];
  /** Round trip of the best sample in milliseconds. */
  readonly rttMs: number;
  /** What to add to the own clock to get the other end's, in milliseconds. */
  readonly offsetMs: number;
}

/**
 * Folds one ping into the estimate.
 *
 * @param sentAt - When the ping left, own clock. @param receivedAt - When the other end read it, its clock.
 * @param now - When the answer came, own clock.
 * @returns A new estimate, or the old one when the times cannot be true.
 */
export function measureClock(
  estimate: ClockEstimate | null,
  ping: { sentAt: number; receivedAt: number; now: number },
): ClockEstimate | null {
  const rttMs = ping.now - ping.sentAt;
  if (!(rttMs >= 0 && rttMs < 60_000)) return estimate;
  const sample = { rttMs, offsetMs: ping.receivedAt - (ping.sentAt + ping.now) / 2 };
  const samples = [...(estimate?.samples ?? []), sample].slice(-SAMPLES);
  const best = samples.reduce((a, b) => (b.rttMs < a.rttMs ? b : a));
  return { samples, rttMs: best.rttMs, offsetMs: best.offsetMs };
}
