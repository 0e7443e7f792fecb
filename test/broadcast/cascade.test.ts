/** Relays that have a channel from each other, and what is left of it when one of them is killed. */

import { afterEach, expect, test } from 'vitest';
import { launchBrowser, type BrowserPage, type RunningBrowser } from '../harness/browsers.ts';
import { expectPicturesAdvance, expectTone } from '../harness/expectations.ts';
import type { PageServer } from '../harness/page-server.ts';
import { startRelay, type RelayProcess } from '../harness/relay-process.ts';
import { countEvents, goLive, openPage, startStage, stats, VIDEO, watch } from './stage.ts';

const TEST_MS = 150_000;
const PICTURE = { width: 320, height: 180, framesPerSecond: 15 } as const;
/**
 * A relay notices the loss of its parent by silence, and looks for another one. Where the only place is that of the relay
 * that is gone, it is free only after the 8 s in which nothing was heard of that.
 */
const REPAIR_MS = 45_000;

const relays: RelayProcess[] = [];
let server: PageServer;
let browser: RunningBrowser;

afterEach(async () => {
  await browser?.close();
  await server?.close();
  await Promise.all(relays.splice(0).map((relay) => relay.stop()));
});

async function relay(peers: readonly RelayProcess[], ...flags: string[]): Promise<RelayProcess> {
  const addresses = peers.map(({ multiaddrs }) => multiaddrs.find((one) => /\/tcp\/\d+\/p2p\//.test(one)));
  const started = await startRelay({ flags, peers: addresses.filter((one) => one !== undefined) });
  relays.push(started);
  return started;
}

/** Opens a page that watches at one relay and passes nothing on. */
async function viewerAt({ http }: RelayProcess, channel: string): Promise<BrowserPage> {
  const page = await openPage(browser, server.origin);
  await watch(page, { relays: [http], channel, relay: false });
  return page;
}

/** The parents of a page, as far as they deliver. */
async function parentsOf(page: BrowserPage): Promise<string[]> {
  const { parents } = await stats(page);
  return parents.filter(({ role }) => role === 'active').map(({ peerId }) => peerId);
}

async function expectAllWell(page: BrowserPage): Promise<void> {
  await expectPicturesAdvance(page, VIDEO, { atLeast: 30, withinMs: REPAIR_MS });
  await expectTone(page, VIDEO, { withinMs: 10_000 });
  expect(page.errors).toEqual([]);
}

test(
  'three relays in a row: the last one goes on when the middle one is killed',
  async () => {
    const a = await relay([], '--max-viewers', '1');
    const b = await relay([a], '--max-viewers', '2');
    const c = await relay([b]);
    server = await startStage(a);
    browser = await launchBrowser('chromium');
    const streamer = await openPage(browser, server.origin);
    const { channel } = await goLive(streamer, { relays: [a.http], relay: false }, PICTURE);
    // The second relay gets the only place of the first, and the third is sent on.
    await viewerAt(b, channel);
    const far = await viewerAt(c, channel);
    await expectAllWell(far);
    expect(await stats(far)).toMatchObject({ depth: 4 });

    await b.kill();
    await expectAllWell(far);
    // The place at the first relay is free now.
    await expect.poll(async () => (await stats(far)).depth, { timeout: REPAIR_MS }).toBe(3);
    expect(await parentsOf(far)).toEqual([c.peerId]);
    expect(await countEvents(far, 'parent-changed')).toBe(0);
  },
  TEST_MS,
);

test(
  'the relay that a broadcast comes in at is killed: another one takes over, and viewers keep theirs',
  async () => {
    const entries = [await relay([], '--max-viewers', '1'), await relay([], '--max-viewers', '1')];
    const last = await relay(entries);
    server = await startStage(last);
    browser = await launchBrowser('chromium');
    const streamer = await openPage(browser, server.origin);
    const options = { relays: entries.map(({ http }) => http), relay: false } as const;
    const { channel } = await goLive(streamer, options, PICTURE);
    const viewer = await viewerAt(last, channel);
    await expectAllWell(viewer);
    const taking = (await stats(streamer)).children.map(({ peerId }) => peerId);
    const ingest = entries.find(({ peerId }) => taking.includes(peerId));
    expect(taking).toEqual([ingest?.peerId]);

    await ingest?.kill();
    await expectAllWell(viewer);
    expect(await parentsOf(viewer)).toEqual([last.peerId]);
    expect(await countEvents(viewer, 'parent-changed')).toBe(0);
  },
  TEST_MS,
);
