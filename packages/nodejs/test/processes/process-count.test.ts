/** How many processes a relay runs, and what they take. */

import { availableParallelism } from 'node:os';
import { expect, test, vi } from 'vitest';
import { defaultMaxViewers, processCount } from '../../src/processes/process-count.ts';
import { usageMeter } from '../../src/processes/process-usage.ts';
import { until } from './channel-world.ts';

test('is one unless told otherwise, and one per core when that is left to it', () => {
  expect(processCount({})).toBe(1);
  expect(processCount({ processes: 3 })).toBe(3);
  expect(processCount({ processes: 'auto' })).toBe(Math.min(64, availableParallelism()));
});

test('is one where there are no children to serve', () => {
  expect(processCount({ processes: 8, maxViewers: 0 })).toBe(1);
});

test('all but the first serve six hundred viewers, and the first where it is alone', () => {
  expect([1, 2, 3, 8].map(defaultMaxViewers)).toEqual([600, 600, 1_200, 4_200]);
});

vi.setConfig({ testTimeout: 60_000 });

test('a meter tells the time that was computed, and how late it made the event loop', async () => {
  const meter = usageMeter();
  try {
    const before = meter.read();
    await until(() => {
      const blockedUntil = performance.now() + 200;
      while (performance.now() < blockedUntil);
      return meter.read().eventLoopDelayMs > 100;
    }, 'the delay');
    const after = meter.read();
    expect(after.pid).toBe(process.pid);
    expect(after.cpuSeconds).toBeGreaterThan(before.cpuSeconds);
    expect(after.residentBytes).toBeGreaterThan(10_000_000);
    // And again none when nothing is in the way; a busy machine may be in the way for a while.
    await until(() => meter.read().eventLoopDelayMs < 100, 'the quiet after it');
  } finally {
    meter.close();
  }
});
