import { expect, test } from 'vitest';
import type { ReportBlock } from '../../src/media/rtcp-packet.ts';
import { ReportRoundTrip } from '../../src/media/report-round-trip.ts';

const UNITS_PER_MS = 65.536;

function block(lastReport: number, heldMs: number): ReportBlock {
  const counts = { ssrc: 1, fractionLost: 0, lost: 0, highestSequence: 0, jitter: 0 };
  return { ...counts, lastReport, sinceLastReport: Math.round(heldMs * UNITS_PER_MS) };
}

/** One sender report a second, named by its number, from 1 on. */
function reportsFor(seconds: number): ReportRoundTrip {
  const roundTrip = new ReportRoundTrip();
  for (let second = 1; second <= seconds; second += 1) roundTrip.sent(second, 1_000 * second);
  return roundTrip;
}

test('the round trip is what has passed since the report, without what the viewer held it', () => {
  expect(reportsFor(3).measure(block(2, 500), 2_540)).toBeCloseTo(40, 0);
});

test('a queue of ten seconds is measured as such, whatever was sent meanwhile', () => {
  expect(reportsFor(12).measure(block(2, 0), 12_000)).toBe(10_000);
});

test('a report that is not remembered, or was never sent, tells nothing', () => {
  const roundTrip = reportsFor(100);
  expect(roundTrip.measure(block(0, 0), 101_000)).toBeNull();
  expect(roundTrip.measure(block(2, 0), 101_000)).toBeNull();
});
