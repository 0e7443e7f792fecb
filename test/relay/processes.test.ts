/** A relay in several processes as it is published: the program of the workers must be in the bundle, and be found. */

import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { goLive, openPage, startStage, VIDEO, watch } from '../broadcast/stage.ts';
import { launchBrowser } from '../harness/browsers.ts';
import { expectPicturesAdvance } from '../harness/expectations.ts';
import { startRelay, type RelayProcess } from '../harness/relay-process.ts';

const WITHIN_MS = 20_000;

let relay: RelayProcess | null = null;
/** What a test has opened, the latest first. */
const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await relay?.stop();
  relay = null;
});

interface Process {
  name: string;
  pid: number;
  residentBytes: number;
  restarts: number;
}

async function processes(of: RelayProcess): Promise<Process[]> {
  const response = await fetch(`${of.http}/health`);
  return ((await response.json()) as { processes: Process[] }).processes;
}

test('its worker runs, is replaced when it is killed, and ends with the relay', async () => {
  relay = await startRelay({ flags: ['--processes', '2'] });
  const [main, worker, ...others] = await processes(relay);
  expect([main?.name, worker?.name, others]).toEqual(['main', 'worker-1', []]);
  expect(main?.pid).toBe(relay.pid);
  const killed = worker?.pid ?? 0;
  expect(killed).toBeGreaterThan(0);

  process.kill(killed, 'SIGKILL');
  const deadline = Date.now() + WITHIN_MS;
  let next = worker;
  while ((next?.residentBytes === 0 || next?.restarts !== 1) && Date.now() < deadline) {
    await delay(50);
    next = (await processes(relay))[1];
  }
  expect(next).toMatchObject({ restarts: 1 });
  const pid = next?.pid ?? 0;
  expect([0, killed]).not.toContain(pid);

  expect(await relay.stop()).toBe(0);
  relay = null;
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});

test('a page goes on watching when the worker that sends it the pictures is killed', async () => {
  relay = await startRelay({ flags: ['--processes', '2'] });
  const server = await startStage(relay);
  closing.unshift(() => server.close());
  const browser = await launchBrowser('chromium');
  closing.unshift(() => browser.close());
  const relays = [relay.http];
  const { channel } = await goLive(await openPage(browser, server.origin), { relays });
  const viewer = await openPage(browser, server.origin);
  await watch(viewer, { relays, channel });
  await expectPicturesAdvance(viewer, VIDEO, { atLeast: 20, withinMs: WITHIN_MS });

  // The only worker serves all pages that watch.
  const [, worker] = await processes(relay);
  process.kill(worker?.pid ?? 0, 'SIGKILL');

  await expectPicturesAdvance(viewer, VIDEO, { atLeast: 40, withinMs: WITHIN_MS });
  expect((await processes(relay))[1]).toMatchObject({ restarts: 1 });
  expect(viewer.errors).toEqual([]);
});
