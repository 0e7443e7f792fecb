/** One timer for all deadlines of a state machine. */

import { expect, test } from 'vitest';
import { VirtualClock } from '../src/conformance/virtual-clock.ts';
import { DeadlineTimer } from '../src/deadline-timer.ts';

const clock = new VirtualClock();

/** A timer, and after how long it woke its owner. */
function createTimer(): { timer: DeadlineTimer; wokenAfter: number[]; at: (ms: number) => number } {
  const startedAt = clock.now();
  const wokenAfter: number[] = [];
  const timer = new DeadlineTimer(clock, () => void wokenAfter.push(clock.now() - startedAt));
  return { timer, wokenAfter, at: (ms) => startedAt + ms };
}

test('wakes once, at the first deadline, whatever the order in which they come', () => {
  for (const deadlines of [
    [30, 80],
    [80, 30],
  ]) {
    const { timer, wokenAfter, at } = createTimer();
    for (const ms of deadlines) timer.arm(at(ms));
    timer.arm(null);
    clock.advance(200);
    expect(wokenAfter).toEqual([30]);
    timer.arm(at(300));
    clock.advance(200);
    expect(wokenAfter).toEqual([30, 300]);
  }
});

test('wakes after a deadline between two milliseconds, and never at once', () => {
  const { timer, wokenAfter, at } = createTimer();
  timer.arm(at(10.4));
  clock.advance(50);
  timer.arm(at(20));
  expect(wokenAfter).toEqual([11]);
  clock.advance(1);
  expect(wokenAfter).toEqual([11, 51]);
});

test('wakes nobody once it is cancelled, until it is armed again', () => {
  const { timer, wokenAfter, at } = createTimer();
  timer.arm(at(10));
  timer.cancel();
  timer.cancel();
  clock.advance(50);
  expect(wokenAfter).toEqual([]);
  timer.arm(at(60));
  clock.advance(50);
  expect(wokenAfter).toEqual([60]);
});
