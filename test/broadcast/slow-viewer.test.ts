/** A viewer of a headless relay whose link carries less than the broadcast. */

import { afterEach, expect, test } from 'vitest';
import { launchBrowser, type RunningBrowser } from '../harness/browsers.ts';
import { expectPicturesAdvance, expectTone, readPictures } from '../harness/expectations.ts';
import { startLinkProxy, type LinkProxy } from '../harness/link-proxy.ts';
import type { PageServer } from '../harness/page-server.ts';
import { startRelay, type RelayProcess } from '../harness/relay-process.ts';
import { goLive, longestGapMs, openPage, startStage, stats, VIDEO, watch } from './stage.ts';

const TEST_MS = 240_000;
/** Less than the picture takes, and enough for its base and the sound. */
const SLOW_BPS = 300_000;

let relay: RelayProcess;
let server: PageServer;
let browser: RunningBrowser;
let proxy: LinkProxy;

afterEach(async () => {
  await browser?.close();
  await server?.close();
  await relay?.stop();
  await proxy?.close();
});

test(
  'a slow link gets fewer pictures and all the sound in time, and costs the others nothing',
  async () => {
    relay = await startRelay();
    server = await startStage(relay);
    browser = await launchBrowser('chromium');
    proxy = await startLinkProxy();
    const relays = [relay.http];
    const streamer = await openPage(browser, server.origin);
    const source = { width: 640, height: 360, framesPerSecond: 30 };
    const { channel } = await goLive(streamer, { relays, relay: false }, source);
    const [near, slow] = [await openPage(browser, server.origin), await openPage(browser, server.origin)];
    await slow.evaluate((url) => castoHarness.useLinkProxy(url), proxy.url);
    for (const page of [near, slow]) await watch(page, { relays, channel, relay: false });
    await stats(slow);
    await expectPicturesAdvance(slow, VIDEO, { atLeast: 90, withinMs: 30_000 });
    expect((await stats(slow)).download.bitsPerSecond).toBeGreaterThan(1.5 * SLOW_BPS);

    proxy.setRate(SLOW_BPS);
    const seenNear = await readPictures(near, VIDEO, { atLeast: 450, withinMs: 40_000 });
    await expectPicturesAdvance(slow, VIDEO, { atLeast: 8, withinMs: 30_000 });
    await expectTone(slow, VIDEO, { withinMs: 10_000 });
    const dropped = proxy.dropped;
    await expectPicturesAdvance(slow, VIDEO, { atLeast: 30, withinMs: 30_000 });
    // Nothing is pressed into the link that it cannot take.
    expect(proxy.dropped - dropped).toBeLessThan(100);
    expect((await stats(slow)).latencyMs).toBeLessThan(2_500);
    expect(longestGapMs(seenNear)).toBeLessThan(1_000);
  },
  TEST_MS,
);
