/** What a process takes of the machine, as it is told to whoever asks. */

import { afterEach, expect, test, vi } from 'vitest';
import { usageMeter, type UsageMeter } from '../../src/processes/process-usage.ts';
import { until } from './channel-world.ts';

vi.setConfig({ testTimeout: 60_000 });

const meters: UsageMeter[] = [];

afterEach(() => {
  for (const meter of meters.splice(0)) meter.close();
});

function meterWith(options: Parameters<typeof usageMeter>[0] = {}): UsageMeter {
  const meter = usageMeter(options);
  meters.push(meter);
  return meter;
}

function block(ms: number): void {
  const blockedUntil = performance.now() + ms;
  while (performance.now() < blockedUntil);
}

test('a meter tells the time that was computed, and how late it made the event loop', async () => {
  const meter = meterWith({ windowMs: 500 });
  const before = meter.read();
  await until(() => {
    block(200);
    return meter.read().eventLoopDelayMs > 100;
  }, 'the delay');
  const after = meter.read();
  expect(after.pid).toBe(process.pid);
  expect(after.cpuSeconds).toBeGreaterThan(before.cpuSeconds);
  expect(after.residentBytes).toBeGreaterThan(10_000_000);
  // And again none when nothing is in the way; a busy machine may be in the way for a while.
  await until(() => meter.read().eventLoopDelayMs < 100, 'the quiet after it');
});

test('no delay is missed, whenever it begins', async () => {
  // One in five begins shortly before a slice of the window ends.
  const meter = meterWith({ windowMs: 100 });
  for (let round = 0; round < 15; round++) {
    await until(() => meter.read().eventLoopDelayMs < 60, 'the quiet before it');
    block(120);
    await new Promise((resolve) => setTimeout(resolve, 25));
    expect(meter.read().eventLoopDelayMs).toBeGreaterThan(80);
  }
});

test('who reads seldom is told of a delay that others have read before', async () => {
  const meter = meterWith();
  await until(() => meter.read().eventLoopDelayMs > 0, 'the first sample');
  block(1_000);
  const readUntil = performance.now() + 2_500;
  await until(() => meter.read().eventLoopDelayMs > 0 && performance.now() > readUntil, 'other readers');
  expect(meter.read().eventLoopDelayMs).toBeGreaterThan(800);
});
