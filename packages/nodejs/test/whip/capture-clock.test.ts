/** When frames were captured, in the clock of the relay. */

import { expect, test } from 'vitest';
import type { SenderReport } from '../../src/media/rtcp-packet.ts';
import { CaptureClock, PublisherClock } from '../../src/whip/capture-clock.ts';

const START = 1_700_000_000_000;

function report(ntpMs: number, timestamp: number): SenderReport {
  const ntpSeconds = Math.floor(ntpMs / 1000);
  const ntpFraction = ((ntpMs % 1000) / 1000) * 2 ** 32;
  return { ssrc: 1, ntpSeconds, ntpFraction, ntpMiddle: 0, timestamp, arrivedAt: START };
}

test('frames keep the distance of their timestamps, also where these wrap', () => {
  const clock = new CaptureClock(90_000, new PublisherClock());
  const first = clock.capturedAt(2 ** 32 - 900, START);
  // Ten milliseconds before and after the wrap, with different delays on the way.
  expect(clock.capturedAt(0, START + 25) - first).toBeCloseTo(10);
  expect(clock.capturedAt(900, START + 60) - first).toBeCloseTo(20);
});

test('a frame was never captured after it came, and not long before either', () => {
  const clock = new CaptureClock(90_000, new PublisherClock());
  clock.capturedAt(0, START);
  expect(clock.capturedAt(90_000 * 3600, START + 10)).toBe(START + 10);
  expect(clock.capturedAt(0, START + 8_000)).toBe(START + 3_000);
});

test('what belongs together by the reports of the publisher has one time, whatever its own clock says', () => {
  const publisher = new PublisherClock();
  const [picture, sound] = [new CaptureClock(90_000, publisher), new CaptureClock(48_000, publisher)];
  const years = 3.2e11;
  picture.takeReport(report(START - years, 5_000));
  sound.takeReport(report(START - years + 500, 77_000));
  // Both were captured a second after the first report; sound comes 20 ms after that, the picture 80.
  const heard = sound.capturedAt(77_000 + 48 * 500, START + 1_020);
  const seen = picture.capturedAt(5_000 + 90 * 1_000, START + 1_080);
  expect(heard).toBeCloseTo(START + 1_020, 0);
  expect(seen).toBeCloseTo(heard, 0);
});

test('a way that has become longer is noticed after a while', () => {
  const publisher = new PublisherClock();
  expect(publisher.measure(10, START)).toBe(10);
  expect(publisher.measure(50, START + 5_000)).toBe(10);
  expect(publisher.measure(50, START + 12_000)).toBe(10);
  expect(publisher.measure(50, START + 23_000)).toBe(50);
});
