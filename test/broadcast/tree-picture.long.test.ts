/** `watchTree()` shows the same tree to the streamer and to viewers, and heals with it when a page dies. */

import { expect, test } from 'vitest';
import type { CastoTree } from 'casto';
import type { BrowserPage } from '../harness/browsers.ts';
import { useOwnRelay } from './relay-stage.ts';
import { goLive, stats, watch } from './stage.ts';

declare global {
  var treePicture: { last: CastoTree | null; count: number; stop: () => void };
}

const TEST_MS = 300_000;
const PICTURE = { width: 320, height: 180, framesPerSecond: 15 } as const;
const PLACE_MS = 90_000;
/** Each hop takes less than a second to tell; the rest is for a machine that does other things. */
const SEEN_MS = 30_000;

const own = useOwnRelay();

async function look(page: BrowserPage): Promise<void> {
  await page.evaluate(() => {
    const watching = stage.casto.watchTree((tree) => {
      treePicture.last = tree;
      treePicture.count++;
    });
    globalThis.treePicture = { last: null, count: 0, stop: () => watching.stop() };
  });
}

interface Shown {
  kind: string;
  parent: string | null;
  depth: number;
  self: boolean;
}

/** The peers that a page is shown, by their short ids. */
async function shownTo(page: BrowserPage): Promise<Record<string, Shown>> {
  const tree = await page.evaluate(() => treePicture.last);
  return Object.fromEntries(
    (tree?.peers ?? []).map(({ id, kind, parent, depth, self }) => [id, { kind, parent, depth, self }]),
  );
}

/** The tree as it is: each peer below the one before it. */
function chainOf(ids: readonly string[], own: string): Record<string, Shown> {
  const kinds = ['streamer', 'headless', 'browser', 'browser'];
  return Object.fromEntries(
    ids.map((id, depth) => [
      id,
      { kind: kinds[depth] ?? '', parent: ids[depth - 1] ?? null, depth, self: id === own },
    ]),
  );
}

async function pathOf(page: BrowserPage, depth: number): Promise<string[]> {
  await expect.poll(async () => (await stats(page)).depth, { timeout: PLACE_MS }).toBe(depth);
  return (await stats(page)).path;
}

test(
  'a map of streamer, relay, viewer, and a viewer behind it, before and after the one in the middle dies',
  async () => {
    await own.start({ flags: ['--max-viewers', '1'] });
    const options = { relays: [own.relay.http] };
    const streamer = await own.newPage();
    // It serves relays and no pages.
    const { channel } = await goLive(streamer, { ...options, relay: false }, PICTURE);
    await look(streamer);
    const middle = await own.newPage();
    await watch(middle, { ...options, channel, relay: { maxChildren: 1 } });
    await pathOf(middle, 2);
    const last = await own.newPage();
    await watch(last, { ...options, channel, relay: false });
    const path = await pathOf(last, 3);
    await look(last);

    const [root = '', , , leaf = ''] = path;
    await expect.poll(() => shownTo(last), { timeout: SEEN_MS }).toEqual(chainOf(path, leaf));
    await expect.poll(() => shownTo(streamer), { timeout: SEEN_MS }).toEqual(chainOf(path, root));
    const shown = await last.evaluate(() => treePicture.last);
    expect(shown?.hidden).toBe(0);
    expect(shown?.peers[0]).toMatchObject({ viewers: 2, rttMs: null, bitrateBps: null });
    const hasFigures = async (): Promise<boolean> =>
      last.evaluate(() =>
        (treePicture.last?.peers ?? [])
          .slice(1)
          .every(({ rttMs, bitrateBps }) => rttMs !== null && bitrateBps !== null && bitrateBps > 10_000),
      );
    await expect.poll(hasFigures, { timeout: SEEN_MS }).toBe(true);

    await middle.crash();
    const healed = path.toSpliced(2, 1);
    // Until the relay knows that its one place is free.
    expect(await pathOf(last, 2)).toEqual(healed);
    await expect.poll(() => shownTo(last), { timeout: SEEN_MS }).toEqual(chainOf(healed, leaf));
    await expect.poll(() => shownTo(streamer), { timeout: SEEN_MS }).toEqual(chainOf(healed, root));

    await last.evaluate(() => treePicture.stop());
    await streamer.evaluate(() => treePicture.stop());
    const counted = await last.evaluate(() => treePicture.count);
    // Four pictures' time by the page's own clock, which media keep going.
    const from = await last.evaluate(() => document.querySelector('video')?.currentTime ?? 0);
    await last.waitFor(
      (since) => (document.querySelector('video')?.currentTime ?? 0) > since + 4,
      { timeoutMs: SEEN_MS, what: 'four seconds of the broadcast' },
      from,
    );
    expect(await last.evaluate(() => treePicture.count)).toBe(counted);
  },
  TEST_MS,
);
