/** Chromium as a WHEP client of broadcasts from a page of CASTO and from a WHIP publisher, at one relay and at another. */

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { launchBrowser, type BrowserPage, type RunningBrowser } from '../harness/browsers.ts';
import { expectPicturesAdvance, expectTone, measureLipSync } from '../harness/expectations.ts';
import type { PageServer } from '../harness/page-server.ts';
import { startRelay, type RelayProcess } from '../harness/relay-process.ts';
import { goLive, openPage, startStage, stop, VIDEO } from '../broadcast/stage.ts';
import { play, publish } from './clients.ts';

let relay: RelayProcess;
let other: RelayProcess;
let server: PageServer;
let browser: RunningBrowser;
const pages: BrowserPage[] = [];

beforeAll(async () => {
  relay = await startRelay();
  other = await startRelay({ peers: [...relay.multiaddrs] });
  server = await startStage(relay);
  browser = await launchBrowser('chromium');
});

afterEach(async () => {
  await Promise.all(pages.splice(0).map((page) => page.close()));
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
  await other?.stop();
  await relay?.stop();
});

async function newPage(): Promise<BrowserPage> {
  const page = await openPage(browser, server.origin);
  pages.push(page);
  return page;
}

interface Health {
  channels: { channel: string; viewers: number }[];
}

async function viewersAt({ http }: RelayProcess, channel: string): Promise<number> {
  const health = (await (await fetch(`${http}/health`)).json()) as Health;
  return health.channels.find((entry) => entry.channel === channel)?.viewers ?? 0;
}

for (const codec of ['vp8', 'h264'] as const) {
  test(`${codec}: a player sees and hears the broadcast of a page`, async () => {
    const streamer = await newPage();
    const { channel } = await goLive(streamer, { relays: [relay.http], codec });
    const player = await newPage();
    const session = await play(player, `${relay.http}/whep/${channel}`);
    expect(session).toMatchObject({ status: 201, channel });
    await expectPicturesAdvance(player, VIDEO, { atLeast: 20, withinMs: 20_000 });
    await expectTone(player, VIDEO, { withinMs: 10_000 });
    expect(await viewersAt(relay, channel)).toBe(1);
    await player.evaluate(async (location) => fetch(location, { method: 'DELETE' }), session.location);
    await expect.poll(() => viewersAt(relay, channel), { timeout: 10_000 }).toBe(0);
    await stop(streamer);
  });
}

test('a relay that does not carry the channel pulls it for its player', async () => {
  const publisher = await newPage();
  const { channel } = await publish(publisher, `${relay.http}/whip/away`, { codec: 'vp8' });
  const player = await newPage();
  // The other relay hears of the channel by gossip.
  await expect
    .poll(async () => (await play(player, `${other.http}/whep/${channel}`)).status, { timeout: 30_000 })
    .toBe(201);
  await expectPicturesAdvance(player, VIDEO, { atLeast: 20, withinMs: 20_000 });
  await expectTone(player, VIDEO, { withinMs: 10_000 });
  expect(await viewersAt(other, channel)).toBe(1);
  await expect.poll(() => viewersAt(relay, channel), { timeout: 10_000 }).toBe(1);
});

test('lips stay in sync from WHIP to WHEP', async () => {
  const publisher = await newPage();
  await publish(publisher, `${relay.http}/whip/lips`, { codec: 'vp8' }, { flashEveryMs: 1_000 });
  const player = await newPage();
  await expect
    .poll(async () => (await play(player, `${relay.http}/whep/lips`)).status, { timeout: 20_000 })
    .toBe(201);
  await expectPicturesAdvance(player, VIDEO, { atLeast: 40, withinMs: 20_000 });
  const { medianMs } = await measureLipSync(player, VIDEO, { pairs: 5, withinMs: 30_000 });
  expect(Math.abs(medianMs ?? Infinity)).toBeLessThan(250);
});
