/** What a relay takes of the machine, and the places that it offers then. */

import { expect, test } from 'vitest';
import { VirtualClock } from '@casto/host/conformance/virtual-clock';
import { processorLoad } from '../src/processor-load.ts';

/** A relay on a machine of `cores`, and its load after it has used these shares of them for five seconds each. */
function loadsAfter(cores: number, shares: readonly number[]): number[] {
  const clock = new VirtualClock();
  let seconds = 100;
  const processor = processorLoad(clock, () => seconds, cores);
  return shares.map((share) => {
    clock.advance(5_000);
    seconds += share * cores * 5;
    return processor.load;
  });
}

test('is the share of all cores in the last five seconds', () => {
  for (const cores of [1, 2, 16]) {
    expect(loadsAfter(cores, [0, 0.5, 1, 0.1])).toEqual([0, 0.5, 1, 0.1]);
  }
});

test('is measured no more often, whoever asks', () => {
  const clock = new VirtualClock();
  let reads = 0;
  const processor = processorLoad(clock, () => reads++, 1);
  expect(reads).toBe(1);
  for (let ticks = 0; ticks < 400; ticks++) {
    clock.advance(25);
    expect(processor.load).toBeLessThanOrEqual(1);
  }
  expect(reads).toBe(3);
});

test('is none when a worker process began anew', () => {
  expect(loadsAfter(2, [0.8, -3, 0.8])).toEqual([0.8, 0, 0.8]);
});

test('changes in steps that matter', () => {
  expect(loadsAfter(1, [0.51, 0.52, 0.49, 0.949, 0.96])).toEqual([0.5, 0.5, 0.5, 0.95, 0.95]);
});
