/** A streamer whose uplink becomes narrow, as a whole or towards one child. */

import { afterEach, expect, test } from 'vitest';
import type { BrowserPage } from '../harness/browsers.ts';
import { expectPicturesAdvance, expectTone } from '../harness/expectations.ts';
import { startLinkProxy, type LinkProxy } from '../harness/link-proxy.ts';
import { useOwnRelay } from './relay-stage.ts';
import { countEvents, goLive, longestGapMs, stats, VIDEO, watch } from './stage.ts';

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

/** Whoever stumbles because the machine is busy is silent for a moment, and a child changes over then as well. */
const SMALL_PICTURE = { width: 320, height: 180, framesPerSecond: 15 } as const;
/** A silence, or two reports of little in a row, 5 s each; the rest is for a machine that does other things. */
const MOVED_WITHIN_MS = 40_000;

async function activeParent(page: BrowserPage): Promise<string | undefined> {
  return (await stats(page)).parents.find(({ role }) => role === 'active')?.peerId;
}

test(
  'a child whose parent has too little for it goes to another parent, and its sibling notices nothing',
  async () => {
    await own.start({ flags: ['--max-viewers', '0'] });
    proxy = await startLinkProxy();
    const relays = [own.relay.http];
    const streamer = await own.newPage();
    const { channel } = await goLive(streamer, { relays, relay: { maxChildren: 2 } }, SMALL_PICTURE);
    // Only the link to the child leads through the proxy.
    await streamer.evaluate((url) => castoHarness.useLinkProxy(url), proxy.url);
    const child = await own.newPage();
    await watch(child, { relays, channel, relay: false });
    await streamer.evaluate(() => castoHarness.useLinkProxy(null));
    await bitsPerSecond(child);
    await expectPicturesAdvance(child, VIDEO, { atLeast: 45, withinMs: 30_000 });
    const wide = await bitsPerSecond(child);
    const sibling = await own.newPage();
    const options = { relays, channel, relay: { maxChildren: 1 } };
    // The streamer's uplink has to be measured before there is room for another, and the relay be told of it.
    await expect
      .poll(() => watch(sibling, options).then(() => 'watching', String), { timeout: 60_000 })
      .toBe('watching');
    const { peerId } = await stats(sibling);
    expect([await activeParent(child), await activeParent(sibling)]).toEqual([channel, channel]);
    const movesBefore = await countEvents(sibling, 'parent-changed');

    const watching = longestGapMs(sibling, { atLeast: 150, withinMs: MOVED_WITHIN_MS });
    proxy.setUplink(NARROW * wide);
    await expect.poll(() => activeParent(child), { timeout: MOVED_WITHIN_MS }).toBe(peerId);
    expect(await watching).toBeLessThan(1_000);

    // The way round is wide, so that the child gets all of it again.
    await bitsPerSecond(child);
    await expectPicturesAdvance(child, VIDEO, { atLeast: 45, withinMs: 20_000 });
    const after = await bitsPerSecond(child);
    expect(after).toBeGreaterThan(0.75 * wide);
    await expectTone(child, VIDEO, { withinMs: 10_000 });
    expect(await activeParent(sibling)).toBe(channel);
    expect(await countEvents(sibling, 'parent-changed')).toBe(movesBefore);
  },
  TEST_MS,
);
