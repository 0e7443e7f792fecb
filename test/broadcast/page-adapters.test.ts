/** The ways in which a page passes a broadcast on: each between two pages of Chromium. */

import { afterEach, describe, expect, test } from 'vitest';
import {
  launchBrowser,
  skipReason,
  type BrowserOptions,
  type BrowserPage,
  type RunningBrowser,
} from '../harness/browsers.ts';
import { expectPicturesAdvance, expectTone } from '../harness/expectations.ts';
import { lanAddress } from '../harness/page-server.ts';
import { startRelay, type RelayProcess } from '../harness/relay-process.ts';
import { goLive, openPage, startStage, stats, takeAway, VIDEO, watch } from './stage.ts';

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

async function browserOf(
  name: 'chromium' | 'firefox',
  options: BrowserOptions = {},
): Promise<RunningBrowser> {
  const browser = await launchBrowser(name, options);
  closers.push(() => browser.close());
  return browser;
}

/** Streamer, the page in the middle, and a viewer below it. */
async function openThrough(
  { relay, origin, chromium }: Stage,
  middle: BrowserPage,
  relays: string[],
  streamerChildren = 1,
): Promise<{ viewer: BrowserPage; streamer: BrowserPage }> {
  const streamer = await openPage(chromium, origin);
  const { channel } = await goLive(
    streamer,
    { relays: [relay.http], relay: { maxChildren: streamerChildren } },
    { framesPerSecond: 15 },
  );
  await watch(middle, { relays, channel, relay: { maxChildren: 1 } });
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

test.each([
  { adapter: 'encoded-streams', what: 'keeps serving' },
  { adapter: 'script-transform', what: 'hands its children over' },
] as const)(
  'a page in the background with $adapter $what',
  async ({ adapter }) => {
    const set = await setStage('127.0.0.1');
    const tabbed = await browserOf('chromium', { tabs: 'hide-each-other' });
    const middle = await openPage(tabbed, set.origin);
    if (adapter === 'script-transform') await takeAway(middle, 'encoded streams');
    const { viewer, streamer } = await openThrough(set, middle, [set.relay.http], 2);
    await expectPassedOn(middle, viewer);

    const front = await middle.newTab();
    await front.goto('about:blank');
    await middle.waitFor(() => document.visibilityState === 'hidden', { timeoutMs: 5_000 });

    if (adapter === 'script-transform') {
      const { peerId } = await stats(streamer);
      await viewer.waitFor(
        async (wanted) => (await stage.casto.stats()).parents[0]?.peerId === wanted,
        { timeoutMs: 60_000, what: 'the child is below the streamer' },
        peerId,
      );
      expect((await stats(middle)).slots).toBe(0);
    }
    await expectPicturesAdvance(viewer, VIDEO, { atLeast: 60, withinMs: 20_000 });
    const { parents } = await stats(viewer);
    const stays = parents[0]?.peerId === (await stats(middle)).peerId;
    expect(stays).toBe(adapter === 'encoded-streams');
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
