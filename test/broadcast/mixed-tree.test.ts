/**
 * A tree of relays and pages in any order: the streamer, a relay, two pages, a relay that knows none of that, and a
 * page that knows this relay alone. All of it passes on what the streamer encoded.
 */

import { afterEach, expect, test } from 'vitest';
import { launchBrowser, type BrowserPage, type RunningBrowser } from '../harness/browsers.ts';
import { expectPicturesAdvance, expectTone } from '../harness/expectations.ts';
import type { PageServer } from '../harness/page-server.ts';
import { startRelay, type RelayProcess } from '../harness/relay-process.ts';
import { beginWatching, encodedHeights, goLive, openPage, startStage, stats, VIDEO, watch } from './stage.ts';

const TEST_MS = 180_000;
const PICTURE = { width: 320, height: 180, framesPerSecond: 15 } as const;
/** A page reaches its second relay once it has a picture, and reserves a circuit there before it offers places. */
const OFFER_MS = 60_000;
const PLACE_MS = 30_000;

const relays: RelayProcess[] = [];
let server: PageServer;
let browser: RunningBrowser;

afterEach(async () => {
  await browser?.close();
  await server?.close();
  await Promise.all(relays.splice(0).map((relay) => relay.stop()));
});

async function relay(...flags: string[]): Promise<RelayProcess> {
  const started = await startRelay({ flags });
  relays.push(started);
  return started;
}

interface Health {
  channels: { channel: string; live: boolean; viewers: number }[];
}

/** Whether a relay can have a channel: a page offers places there. */
async function isKnownAt({ http }: RelayProcess, channel: string): Promise<boolean> {
  const { channels } = (await (await fetch(`${http}/health`)).json()) as Health;
  return channels.some((entry) => entry.channel === channel && entry.live);
}

interface Place {
  depth: number | null;
  hops: number;
  parent: string | undefined;
}

async function placeOf(page: BrowserPage): Promise<Place> {
  const { depth, path, parents } = await stats(page);
  const parent = parents.find(({ role }) => role === 'active')?.peerId;
  return { depth, hops: path.length - 1, parent };
}

/** Waits for it: a page that has just come may change its parent, and later the tree becomes flatter. */
async function expectPlace(page: BrowserPage, depth: number, parent: string): Promise<void> {
  const place = { depth, hops: depth, parent };
  await expect.poll(() => placeOf(page), { timeout: PLACE_MS, interval: 100 }).toEqual(place);
}

test(
  'a relay that knows no other takes the channel from a page, for a page five hops from the streamer',
  async () => {
    const [a, b] = [await relay('--max-viewers', '1'), await relay()];
    server = await startStage(a);
    browser = await launchBrowser('chromium');
    const open = (): Promise<BrowserPage> => openPage(browser, server.origin);
    const one = { relay: { maxChildren: 1 } };
    const streamer = await open();
    // It serves relays and no pages.
    const { channel } = await goLive(streamer, { relays: [a.http], codec: 'h264', relay: false }, PICTURE);
    const first = await open();
    await watch(first, { relays: [a.http], channel, ...one });
    await expectPlace(first, 2, a.peerId);
    const second = await open();
    await watch(second, { relays: [a.http, b.http], channel, ...one });
    await expectPlace(second, 3, (await stats(first)).peerId);
    await expect.poll(() => isKnownAt(b, channel), { timeout: OFFER_MS }).toBe(true);

    const last = await open();
    await beginWatching(last, { relays: [b.http], channel, relay: false });
    await expectPlace(last, 5, b.peerId);
    expect((await stats(second)).children.map(({ peerId }) => peerId)).toEqual([b.peerId]);

    await expectPicturesAdvance(last, VIDEO, { atLeast: 60, withinMs: 30_000 });
    await expectTone(last, VIDEO, { withinMs: 10_000 });
    for (const page of [first, second, last]) expect(await encodedHeights(page)).toEqual([]);
    expect(await encodedHeights(streamer)).toEqual([PICTURE.height]);
  },
  TEST_MS,
);
