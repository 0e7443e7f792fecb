/** Workers that fail, in real processes, on a clock of the test. */

import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { processClock, refusalCounter } from '@casto/host';
import { VirtualClock } from '@casto/host/conformance/virtual-clock';
import { createMediaLinks } from '../../src/media/media-links.ts';
import { WorkerKeeper } from '../../src/processes/worker-keeper.ts';
import { HOST, until } from './channel-world.ts';

const feedLinks = createMediaLinks({ host: HOST, clock: processClock });
const file = fileURLToPath(new URL('faulty-worker.ts', import.meta.url));
const keepers: WorkerKeeper[] = [];
let clock: VirtualClock;

afterEach(async () => {
  for (const keeper of keepers.splice(0)) {
    const stopped = keeper.stop();
    clock.advance(10_000);
    await stopped;
  }
});

interface Kept {
  keeper: WorkerKeeper;
  logged: { event: string; fields: Record<string, unknown> }[];
  /** How often it was ready, and how often it was lost. */
  count: (event: 'worker-started' | 'worker-lost') => number;
}

function keep(fault: 'never-ready' | 'crash' | 'silent'): Kept {
  clock = new VirtualClock();
  const logged: Kept['logged'] = [];
  const keeper = new WorkerKeeper({
    name: 'worker-1',
    entry: { file, execArgv: ['--conditions=casto-source'] },
    settings: { host: HOST, mediaPort: 1, announce: [fault] },
    clock,
    log: (_level, event, fields) => void logged.push({ event, fields }),
    counts: refusalCounter(),
    feedLinks,
  });
  keepers.push(keeper);
  return { keeper, logged, count: (event) => logged.filter((one) => one.event === event).length };
}

test('one that does not start fails with what it said last', async () => {
  const { keeper, logged } = keep('never-ready');

  await expect(keeper.start()).rejects.toThrow('worker-1 did not start: it exited with 7: the reason');

  clock.advance(60_000);
  expect(logged).toEqual([]);
  expect(keeper.links).toBeNull();
});

test('one that crashes again and again is replaced after ever longer delays', async () => {
  const { keeper, logged, count } = keep('crash');
  await keeper.start();
  for (const [index, delayMs] of [250, 500, 1_000, 2_000].entries()) {
    await until(() => count('worker-lost') === index + 1, 'the crash');
    expect(logged.at(-1)?.fields).toMatchObject({ why: 'crashed', detail: 'it exited with 3' });
    expect(keeper.links).toBeNull();
    clock.advance(delayMs - 1);
    // It takes more than this turn to start a process, but it is counted at once.
    await Promise.resolve();
    expect(keeper.metrics.restarts).toBe(index);
    clock.advance(1);
    await until(() => keeper.metrics.restarts === index + 1, 'another process');
    await until(() => count('worker-started') === index + 2, 'the worker');
  }
});

test('one that does not answer, or stop, is ended', async () => {
  const { keeper, logged } = keep('silent');
  await keeper.start();
  const { pid } = keeper.metrics;
  clock.advance(4_000);
  expect(logged.map(({ event }) => event)).toEqual(['worker-started']);
  clock.advance(1_500);
  expect(logged.at(-1)).toMatchObject({
    event: 'worker-lost',
    fields: { why: 'hung', detail: 'it did not answer for 5 s' },
  });
  await until(() => !isThere(pid), 'its end');
  clock.advance(250);
  await until(() => keeper.links !== null, 'another one');

  const next = keeper.metrics.pid;
  const stopped = keeper.stop();
  clock.advance(2_000);
  await stopped;
  expect(isThere(next)).toBe(false);
});

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
