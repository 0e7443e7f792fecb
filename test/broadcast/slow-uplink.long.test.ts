/** A streamer whose link to the relay becomes narrow. */

import { afterEach, expect, test } from 'vitest';
import type { BrowserPage } from '../harness/browsers.ts';
import { expectPicturesAdvance, expectTone } from '../harness/expectations.ts';
import { startLinkProxy, type LinkProxy } from '../harness/link-proxy.ts';
import { useOwnRelay } from './relay-stage.ts';
import { goLive, stats, VIDEO, watch } from './stage.ts';

const TEST_MS = 180_000;
const PICTURE = { width: 640, height: 360, framesPerSecond: 20 } as const;
/** What is left of the link, as share of what this picture takes. */
const NARROW = 0.5;

const own = useOwnRelay();
let proxy: LinkProxy;

afterEach(async () => {
  await proxy?.close();
});

/** Of what came in since the last look of this page. */
async function bitsPerSecond(page: BrowserPage): Promise<number> {
  return (await stats(page)).download.bitsPerSecond;
}

test(
  'a streamer behind a narrow uplink is asked for less before anything waits long',
  async () => {
    await own.start({ flags: ['--no-mdns'] });
    proxy = await startLinkProxy();
    const relays = [own.relay.http];
    const streamer = await own.newPage();
    await streamer.evaluate((url) => castoHarness.useLinkProxy(url), proxy.url);
    const { channel } = await goLive(streamer, { relays, relay: false }, PICTURE);
    const viewer = await own.newPage();
    await watch(viewer, { relays, channel, relay: false });
    await expectPicturesAdvance(viewer, VIDEO, { atLeast: 100, withinMs: 30_000 });
    await bitsPerSecond(viewer);
    await expectPicturesAdvance(viewer, VIDEO, { atLeast: 60, withinMs: 30_000 });
    const wide = await bitsPerSecond(viewer);
    const narrow = NARROW * wide;
    expect(narrow).toBeGreaterThan(150_000);

    proxy.setUplink(narrow);
    // What the encoder makes comes down to what the link carries.
    await expectPicturesAdvance(viewer, VIDEO, { atLeast: 100, withinMs: 60_000 });
    const dropped = proxy.dropped;
    await bitsPerSecond(viewer);
    await expectPicturesAdvance(viewer, VIDEO, { atLeast: 120, withinMs: 60_000 });
    expect(await bitsPerSecond(viewer)).toBeLessThan(narrow);
    // A sender that is told nothing goes on losing a hundred packets a second.
    expect(proxy.dropped - dropped).toBeLessThan(100);
    await expectTone(viewer, VIDEO, { withinMs: 10_000 });
    expect((await stats(viewer)).latencyMs).toBeLessThan(1_500);
    expect((await stats(viewer)).parents).toHaveLength(1);
  },
  TEST_MS,
);
