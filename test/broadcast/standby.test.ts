/** A viewer that knows two relays keeps the second one connected, and goes on over it when the first is gone. */

import { afterEach, describe, expect, test } from 'vitest';
import { launchBrowser, skipReason, type BrowserPage, type RunningBrowser } from '../harness/browsers.ts';
import { expectPicturesAdvance, expectTone } from '../harness/expectations.ts';
import { lanAddress, type PageServer } from '../harness/page-server.ts';
import { startRelay, type RelayProcess } from '../harness/relay-process.ts';
import { goLive, longestGapMs, openPage, startStage, stats, VIDEO, waitForEvent, watch } from './stage.ts';

declare global {
  var shown: { stream: MediaProvider | null; resets: number };
}

const TEST_MS = 150_000;
/** A viewer looks for standbys a second after its first picture, and after a vain search again half a minute later. */
const STANDBY_WITHIN_MS = 60_000;
/** Silence is noticed after 100 ms, the standby sends at once; the rest is for a machine that does other things. */
const SWITCH_WITHIN_MS = 2_500;

const lan = lanAddress();
const noFirefox = skipReason('firefox') ?? (lan === null ? 'no network address' : null);

let relays: RelayProcess[] = [];
let server: PageServer | undefined;
let browsers: RunningBrowser[] = [];
let viewer: BrowserPage;

afterEach(async () => {
  await Promise.all(browsers.splice(0).map((browser) => browser.close()));
  await server?.close();
  await Promise.all(relays.splice(0).map((relay) => relay.stop()));
});

/** Two relays that have the channel from a third: neither stands below the other. The viewer watches over them. */
async function openStage(viewerIn: 'chromium' | 'firefox'): Promise<void> {
  const host = viewerIn === 'firefox' ? '0.0.0.0' : '127.0.0.1';
  const origin = await startRelay({ host });
  relays = [origin];
  const tcp = origin.multiaddrs.find((address) => /\/tcp\/\d+\/p2p\//.test(address));
  const peers = [tcp ?? ''];
  const near = await Promise.all([startRelay({ host, peers }), startRelay({ host, peers })]);
  relays.push(...near);
  server = await startStage(origin);
  const chromium = await launchBrowser('chromium');
  browsers = [chromium];
  const { channel } = await goLive(await openPage(chromium, server.origin), { relays: [origin.http] });
  if (viewerIn === 'firefox') browsers.push(await launchBrowser('firefox'));
  viewer = await openPage(browsers.at(-1) ?? chromium, server.origin);
  // Firefox offers no loopback candidates.
  const urls = near.map(({ http }) =>
    viewerIn === 'firefox' ? `http://${lan}:${new URL(http).port}` : http,
  );
  await watch(viewer, { relays: urls, channel });
  await viewer.waitFor(
    async () => (await stage.casto.stats()).parents.some(({ role }) => role === 'standby'),
    { timeoutMs: STANDBY_WITHIN_MS, what: 'a standby is connected' },
  );
}

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

test(
  'stats() tells the parent, the standby and the path',
  async () => {
    await openStage('chromium');
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
  },
  TEST_MS,
);

test(
  '[L6.3] a standby is sent no media',
  async () => {
    await openStage('chromium');
    const before = await receivedBytes();
    await expectPicturesAdvance(viewer, VIDEO, { atLeast: 40, withinMs: 20_000 });
    const grown = (await receivedBytes()).map((bytes, i) => bytes - (before[i] ?? 0));
    expect(grown.filter((bytes) => bytes > 0)).toHaveLength(1);
  },
  TEST_MS,
);

/** Notes what resets a `<video>`, and what it shows by now. */
async function watchElement(): Promise<void> {
  await viewer.evaluate(() => {
    const video = document.querySelector('video');
    if (video === null) throw new Error('no video');
    const shown = { stream: video.srcObject, resets: 0 };
    for (const type of ['emptied', 'ended', 'pause']) video.addEventListener(type, () => shown.resets++);
    Object.assign(globalThis, { shown });
  });
}

/** Whether all that was shown since {@link watchElement} was one stream, and how often it began anew. */
async function element(): Promise<{ isSame: boolean; resets: number }> {
  return viewer.evaluate(() => {
    const { stream, resets } = shown;
    return { isSame: document.querySelector('video')?.srcObject === stream, resets };
  });
}

describe.each(['chromium', 'firefox'] as const)('%s', (name) => {
  const reason = name === 'firefox' ? noFirefox : null;
  test.skipIf(reason !== null)(
    `the standby takes over when the relay is killed${reason === null ? '' : ` (${reason})`}`,
    async () => {
      await openStage(name);
      await expectPicturesAdvance(viewer, VIDEO, { atLeast: 20, withinMs: 20_000 });
      await watchElement();
      const [active, standby] = (await stats(viewer)).parents;
      // The standby begins with its last key frame, so that numbers may go back.
      const watching = longestGapMs(viewer, { atLeast: 80, withinMs: 30_000 });
      await relays.find(({ peerId }) => peerId === active?.peerId)?.kill();
      expect(await watching).toBeLessThan(SWITCH_WITHIN_MS);
      await waitForEvent(viewer, 'parent-changed', { timeoutMs: 10_000 });
      await expectTone(viewer, VIDEO, { withinMs: 10_000 });
      const { depth, parents } = await stats(viewer);
      expect(depth).toBe(3);
      expect(parents).toMatchObject([{ peerId: standby?.peerId, role: 'active' }]);
      expect(await element()).toEqual({ isSame: true, resets: 0 });
    },
    TEST_MS,
  );
});
