/** A viewer that knows two relays keeps the second one connected, and goes on over it when the first is gone. */

import { afterEach, beforeEach, expect, test } from 'vitest';
import { launchBrowser, type BrowserPage, type RunningBrowser } from '../harness/browsers.ts';
import { expectPicturesAdvance, expectTone, readPictures } from '../harness/expectations.ts';
import type { PageServer } from '../harness/page-server.ts';
import { startRelay, type RelayProcess } from '../harness/relay-process.ts';
import { goLive, longestGapMs, openPage, startStage, stats, VIDEO, waitForEvent, watch } from './stage.ts';

/** A viewer looks for standbys a second after its first picture, and after a vain search again half a minute later. */
const STANDBY_WITHIN_MS = 60_000;
/** Silence is noticed after 100 ms, the standby sends at once; the rest is for a machine that does other things. */
const SWITCH_WITHIN_MS = 2_500;

let relays: RelayProcess[] = [];
let server: PageServer;
let browser: RunningBrowser;
let viewer: BrowserPage;

/** Two relays that have the channel from a third: neither stands below the other. */
beforeEach(async () => {
  const origin = await startRelay();
  relays = [origin];
  const tcp = origin.multiaddrs.find((address) => /\/tcp\/\d+\/p2p\//.test(address));
  const near = await Promise.all([startRelay({ peers: [tcp ?? ''] }), startRelay({ peers: [tcp ?? ''] })]);
  relays.push(...near);
  server = await startStage(origin);
  browser = await launchBrowser('chromium');
  const { channel } = await goLive(await openPage(browser, server.origin), { relays: [origin.http] });
  viewer = await openPage(browser, server.origin);
  await watch(viewer, { relays: near.map(({ http }) => http), channel });
  await viewer.waitFor(
    async () => (await stage.casto.stats()).parents.some(({ role }) => role === 'standby'),
    { timeoutMs: STANDBY_WITHIN_MS, what: 'a standby is connected' },
  );
}, 120_000);

afterEach(async () => {
  await browser?.close();
  await server?.close();
  await Promise.all(relays.map((relay) => relay.stop()));
});

/** Bytes of media that each connection of the page has received. */
async function receivedBytes(): Promise<number[]> {
  return viewer.evaluate(async () => {
    const sums: number[] = [];
    for (const pc of castoHarness.openConnections()) {
      let bytes = 0;
      (await pc.getStats()).forEach((entry: { type: string; bytesReceived?: number }) => {
        if (entry.type === 'inbound-rtp') bytes += entry.bytesReceived ?? 0;
      });
      sums.push(bytes);
    }
    return sums;
  });
}

test('stats() tells the parent, the standby and the path', async () => {
  const { depth, path, parents } = await stats(viewer);
  expect(depth).toBe(3);
  expect(path).toHaveLength(4);
  expect(path.every((id) => /^[0-9a-f]{8}$/.test(id))).toBe(true);
  expect(parents).toMatchObject([
    { kind: 'headless', role: 'active' },
    { kind: 'headless', role: 'standby' },
  ]);
  expect(parents.map(({ peerId }) => peerId).sort()).toEqual(
    relays
      .slice(1)
      .map(({ peerId }) => peerId)
      .sort(),
  );
});

test('[L6.3] a standby is sent no media', async () => {
  const before = await receivedBytes();
  await expectPicturesAdvance(viewer, VIDEO, { atLeast: 40, withinMs: 20_000 });
  const grown = (await receivedBytes()).map((bytes, i) => bytes - (before[i] ?? 0));
  expect(grown.filter((bytes) => bytes > 0)).toHaveLength(1);
});

test('the standby takes over when the relay is killed', async () => {
  await expectPicturesAdvance(viewer, VIDEO, { atLeast: 20, withinMs: 20_000 });
  const [active, standby] = (await stats(viewer)).parents;
  // The standby begins with its last key frame, so that numbers may go back.
  const watching = readPictures(viewer, VIDEO, { atLeast: 80, withinMs: 40_000 });
  await relays.find(({ peerId }) => peerId === active?.peerId)?.kill();
  const gapMs = longestGapMs(await watching);
  await waitForEvent(viewer, 'parent-changed', { timeoutMs: 10_000 });
  expect(gapMs).toBeLessThan(SWITCH_WITHIN_MS);
  await expectTone(viewer, VIDEO, { withinMs: 10_000 });
  const { depth, parents } = await stats(viewer);
  expect(depth).toBe(3);
  expect(parents).toMatchObject([{ peerId: standby?.peerId, role: 'active' }]);
  expect(
    await viewer.evaluate(async () => document.querySelector('video')?.srcObject === (await stage.started)),
  ).toBe(true);
}, 90_000);
