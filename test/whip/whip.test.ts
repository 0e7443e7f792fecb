/** Chromium as a WHIP client, with pages of CASTO that watch it. */

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { launchBrowser, type BrowserPage, type RunningBrowser } from '../harness/browsers.ts';
import { expectPicturesAdvance, expectTone, measureLipSync } from '../harness/expectations.ts';
import type { PageServer } from '../harness/page-server.ts';
import { startRelay, type RelayProcess } from '../harness/relay-process.ts';
import { openPage, startStage, stats, VIDEO, waitForEvent, watch } from '../broadcast/stage.ts';
import { chooseLayer, play, publish, receivedWidth, setEncoding } from './clients.ts';

let relay: RelayProcess;
let server: PageServer;
let browser: RunningBrowser;
const pages: BrowserPage[] = [];

beforeAll(async () => {
  relay = await startRelay();
  server = await startStage(relay);
  browser = await launchBrowser('chromium');
});

afterEach(async () => {
  await Promise.all(pages.splice(0).map((page) => page.close()));
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
  await relay?.stop();
});

async function newPage(): Promise<BrowserPage> {
  const page = await openPage(browser, server.origin);
  pages.push(page);
  return page;
}

for (const codec of ['vp8', 'h264'] as const) {
  test(`${codec}: pages see the pictures and hear the tone of a WHIP publisher, late ones too`, async () => {
    const relays = [relay.http];
    const publisher = await newPage();
    const session = await publish(publisher, `${relay.http}/whip/${codec}`, { codec });
    expect(session.status).toBe(201);
    const { channel } = session;

    const early = await newPage();
    await watch(early, { relays, channel });
    await expectPicturesAdvance(early, VIDEO, { atLeast: 20, withinMs: 20_000 });
    await expectTone(early, VIDEO, { withinMs: 10_000 });
    const late = await newPage();
    await watch(late, { relays, channel });
    await expectPicturesAdvance(late, VIDEO, { atLeast: 20, withinMs: 20_000 });

    await late.waitFor(async () => (await stage.casto.stats()).latencyMs !== null, {
      timeoutMs: 15_000,
      what: 'latency is known',
    });
    const seen = await stats(late);
    expect(seen.path).toHaveLength(seen.depth === null ? 0 : seen.depth + 1);
    expect(seen.video?.codec).toBe(codec);
    expect(seen.latencyMs).toBeGreaterThanOrEqual(0);
    expect(seen.latencyMs).toBeLessThan(2_000);
    expect(early.errors).toEqual([]);
    expect(late.errors).toEqual([]);

    await publisher.evaluate(async (location) => fetch(location, { method: 'DELETE' }), session.location);
    await waitForEvent(late, 'ended');
  });
}

test('lips of a WHIP publisher stay in sync', async () => {
  const publisher = await newPage();
  const url = `${relay.http}/whip/lips`;
  const { channel } = await publish(publisher, url, { codec: 'vp8' }, { flashEveryMs: 1_000 });
  const viewer = await newPage();
  await watch(viewer, { relays: [relay.http], channel });
  await expectPicturesAdvance(viewer, VIDEO, { atLeast: 40, withinMs: 20_000 });
  const { medianMs } = await measureLipSync(viewer, VIDEO, { pairs: 5, withinMs: 30_000 });
  expect(Math.abs(medianMs ?? Infinity)).toBeLessThan(250);
});

test('simulcast: pages see the highest layer that a WHIP publisher sends, and players the one that they ask for', async () => {
  const encodings = [
    { rid: 'lo', scaleResolutionDownBy: 4, maxBitrate: 100_000 },
    { rid: 'mid', scaleResolutionDownBy: 2, maxBitrate: 250_000 },
    { rid: 'hi', scaleResolutionDownBy: 1, maxBitrate: 600_000 },
  ];
  const publisher = await newPage();
  const url = `${relay.http}/whip/layers`;
  // Of smaller pictures Chromium makes two layers at most, whatever it is asked for.
  const picture = { width: 960, height: 540, framesPerSecond: 15 };
  const { channel, status } = await publish(publisher, url, { codec: 'vp8', encodings }, picture);
  expect(status).toBe(201);
  const viewer = await newPage();
  await watch(viewer, { relays: [relay.http], channel });
  const player = await newPage();
  const session = await play(player, `${relay.http}/whep/layers`);
  expect(session.status).toBe(201);
  const within = { timeout: 15_000, interval: 100 };
  await expect.poll(() => receivedWidth(player), within).toBe(960);
  await expect.poll(() => receivedWidth(viewer), within).toBe(960);
  expect(await chooseLayer(player, session.layers, '2')).toBe(200);
  await expect.poll(() => receivedWidth(player), within).toBe(240);
  await setEncoding(publisher, 'hi', 'off');
  await expect.poll(() => receivedWidth(viewer), within).toBe(480);
  await expectPicturesAdvance(viewer, VIDEO, { atLeast: 10, withinMs: 10_000 });
  await setEncoding(publisher, 'hi', 'on');
  await expect.poll(() => receivedWidth(viewer), within).toBe(960);
  await expectTone(viewer, VIDEO, { withinMs: 10_000 });
  expect(viewer.errors).toEqual([]);
});
