/** The ways in which a page passes a broadcast on: each between two pages of Chromium. */

import { afterEach, describe, expect, test } from 'vitest';
import { launchBrowser, skipReason, type BrowserPage, type RunningBrowser } from '../harness/browsers.ts';
import { expectPicturesAdvance, expectTone } from '../harness/expectations.ts';
import { lanAddress } from '../harness/page-server.ts';
import { startRelay, type RelayProcess } from '../harness/relay-process.ts';
import { goLive, openPage, startStage, stats, VIDEO, watch } from './stage.ts';

const TEST_MS = 120_000;

const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Stage {
  readonly relay: RelayProcess;
  readonly origin: string;
  readonly chromium: RunningBrowser;
}

async function setStage(host: string): Promise<Stage> {
  const relay = await startRelay({ host, flags: ['--max-viewers', '0'] });
  closers.push(() => relay.stop());
  const server = await startStage(relay);
  closers.push(() => server.close());
  return { relay, origin: server.origin, chromium: await browserOf('chromium') };
}

async function browserOf(name: 'chromium' | 'firefox'): Promise<RunningBrowser> {
  const browser = await launchBrowser(name);
  closers.push(() => browser.close());
  return browser;
}

/** Takes from a page what newer browsers have; called before the page makes a CASTO object. */
async function takeAway(page: BrowserPage, what: 'encoded streams' | 'all access to frames'): Promise<void> {
  await page.evaluate((taken) => {
    for (const { prototype } of [RTCRtpSender, RTCRtpReceiver]) {
      Reflect.deleteProperty(prototype, 'createEncodedStreams');
    }
    if (taken === 'all access to frames') Reflect.deleteProperty(globalThis, 'RTCRtpScriptTransform');
  }, what);
}

/** Streamer, the page in the middle, and a viewer below it. */
async function openThrough(
  { relay, origin, chromium }: Stage,
  middle: BrowserPage,
  relays: string[],
): Promise<{ viewer: BrowserPage; streamer: BrowserPage }> {
  const streamer = await openPage(chromium, origin);
  const one = { relay: { maxChildren: 1 } };
  const { channel } = await goLive(streamer, { relays: [relay.http], ...one }, { framesPerSecond: 15 });
  await watch(middle, { relays, channel, ...one });
  const viewer = await openPage(chromium, origin);
  await watch(viewer, { relays: [relay.http], channel });
  return { viewer, streamer };
}

async function expectPassedOn(middle: BrowserPage, viewer: BrowserPage): Promise<void> {
  await expectPicturesAdvance(viewer, VIDEO, { atLeast: 45, withinMs: 40_000 });
  await expectTone(viewer, VIDEO, { withinMs: 15_000 });
  await expectPicturesAdvance(middle, VIDEO, { atLeast: 15, withinMs: 20_000 });
  const { depth, parents } = await stats(viewer);
  expect(depth).toBe(2);
  expect(parents[0]?.peerId).toBe((await stats(middle)).peerId);
}

test(
  'script-transform: frames replace those of a dummy track',
  async () => {
    const stage = await setStage('127.0.0.1');
    const middle = await openPage(stage.chromium, stage.origin);
    await takeAway(middle, 'encoded streams');
    const { viewer } = await openThrough(stage, middle, [stage.relay.http]);
    await expectPassedOn(middle, viewer);
    const { forwarding, latencyMs } = await stats(viewer);
    expect(forwarding).toBe('encoded-streams');
    expect((await stats(middle)).forwarding).toBe('script-transform');
    // The trailer came through, so what the streamer encoded did.
    expect(latencyMs).not.toBeNull();
  },
  TEST_MS,
);

test(
  'track: a page that sees no frames encodes again for one child, and is a leaf like any other',
  async () => {
    const stage = await setStage('127.0.0.1');
    const middle = await openPage(stage.chromium, stage.origin);
    await takeAway(middle, 'all access to frames');
    const { viewer } = await openThrough(stage, middle, [stage.relay.http]);
    await expectPassedOn(middle, viewer);
    expect(await stats(middle)).toMatchObject({ forwarding: 'track', slots: 1 });
  },
  TEST_MS,
);

test(
  'a page that sees no frames streams to pages that do',
  async () => {
    const { relay, origin, chromium } = await setStage('127.0.0.1');
    const streamer = await openPage(chromium, origin);
    await takeAway(streamer, 'all access to frames');
    const relays = [relay.http];
    const { channel } = await goLive(streamer, { relays });
    const viewer = await openPage(chromium, origin);
    await watch(viewer, { relays, channel });
    await expectPicturesAdvance(viewer, VIDEO, { atLeast: 30, withinMs: 30_000 });
    expect((await stats(streamer)).forwarding).toBe('encoders');
  },
  TEST_MS,
);

const lan = lanAddress();
const noFirefox = skipReason('firefox') ?? (lan === null ? 'no network address' : null);
describe.skipIf(noFirefox !== null)(`firefox${noFirefox === null ? '' : ` (${noFirefox})`}`, () => {
  test(
    'relays between two pages of Chromium',
    async () => {
      const stage = await setStage('0.0.0.0');
      const firefox = await browserOf('firefox');
      const middle = await openPage(firefox, stage.origin);
      const onLan = `http://${lan}:${new URL(stage.relay.http).port}`;
      const { viewer } = await openThrough(stage, middle, [onLan]);
      await expectPassedOn(middle, viewer);
      expect((await stats(middle)).forwarding).toBe('script-transform');
    },
    TEST_MS,
  );
});
