/** Relays that know each other: a viewer of one watches a streamer of the other. */

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { launchBrowser, type BrowserPage, type RunningBrowser } from '../harness/browsers.ts';
import { expectPicturesAdvance, expectTone } from '../harness/expectations.ts';
import type { PageServer } from '../harness/page-server.ts';
import { startRelay, type RelayProcess } from '../harness/relay-process.ts';
import { goLive, openPage, startStage, stats, stop, VIDEO, watch } from './stage.ts';

let a: RelayProcess;
let b: RelayProcess;
let server: PageServer;
let browser: RunningBrowser;
const pages: BrowserPage[] = [];

beforeAll(async () => {
  a = await startRelay({ flags: ['--no-mdns'] });
  const tcp = a.multiaddrs.find((address) => /\/tcp\/\d+\/p2p\//.test(address));
  b = await startRelay({ flags: ['--no-mdns'], peers: [tcp ?? ''] });
  server = await startStage(a);
  browser = await launchBrowser('chromium');
});

afterEach(async () => {
  await Promise.all(pages.splice(0).map((page) => page.close()));
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
  await Promise.all([a?.stop(), b?.stop()]);
});

async function newPage(): Promise<BrowserPage> {
  const page = await openPage(browser, server.origin);
  pages.push(page);
  return page;
}

interface Health {
  channels: { channel: string; live: boolean; viewers: number }[];
}

/** Viewers that a relay counts on a channel, itself or through another relay; `null` when it does not have it. */
async function viewersAt(relay: RelayProcess, channel: string): Promise<number | null> {
  const health = (await (await fetch(`${relay.http}/health`)).json()) as Health;
  return health.channels.find((entry) => entry.channel === channel)?.viewers ?? null;
}

test('the second relay pulls the channel once for all its viewers, and stops after the last', async () => {
  const streamer = await newPage();
  const { channel } = await goLive(streamer, { relays: [a.http], codec: 'h264' });

  const viewers = [await newPage(), await newPage()];
  for (const viewer of viewers) {
    await watch(viewer, { relays: [b.http], channel });
    await expectPicturesAdvance(viewer, VIDEO, { atLeast: 20, withinMs: 20_000 });
    await expectTone(viewer, VIDEO, { withinMs: 10_000 });
  }
  for (const viewer of viewers) {
    const { depth, parents } = await stats(viewer);
    expect(depth).toBe(3);
    expect(parents.map(({ peerId }) => peerId)).toEqual([b.peerId]);
  }
  await expect.poll(() => viewersAt(a, channel), { timeout: 15_000 }).toBe(2);
  const { children } = await stats(streamer);
  expect(children.map(({ peerId }) => peerId)).toEqual([a.peerId]);

  for (const viewer of viewers) await stop(viewer);
  await expect.poll(() => viewersAt(b, channel), { timeout: 20_000 }).toBeNull();
  await expect.poll(() => viewersAt(a, channel), { timeout: 20_000 }).toBe(0);
});
