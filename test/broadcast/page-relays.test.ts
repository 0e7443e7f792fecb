/** Pages that pass the broadcast on to pages, several hops deep, without encoding it again. */

import { afterEach, expect, test } from 'vitest';
import { launchBrowser, type BrowserPage, type RunningBrowser } from '../harness/browsers.ts';
import { expectPicturesAdvance, expectTone, measureLipSync } from '../harness/expectations.ts';
import type { PageServer } from '../harness/page-server.ts';
import { startRelay, type RelayProcess } from '../harness/relay-process.ts';
import { goLive, openPage, startStage, stats, VIDEO, watch } from './stage.ts';

const TEST_MS = 120_000;
const PICTURE = { width: 320, height: 180, framesPerSecond: 15, flashEveryMs: 1_000 } as const;

let relay: RelayProcess;
let server: PageServer;
let browser: RunningBrowser;

afterEach(async () => {
  await browser?.close();
  await server?.close();
  await relay?.stop();
});

/** A relay that introduces pages to each other and carries nothing. */
async function introduce(): Promise<void> {
  relay = await startRelay({ flags: ['--max-viewers', '0'] });
  server = await startStage(relay);
  browser = await launchBrowser('chromium');
}

/** Opens a page that remembers the frames that pass it. */
async function openRecorded(): Promise<BrowserPage> {
  const page = await openPage(browser, server.origin);
  await page.evaluate(() => castoHarness.recordEncodedFrames());
  return page;
}

/** A streamer, and viewers that have one child each: every one watches the one before it. */
async function openChain(length: number, codec: 'vp8' | 'h264'): Promise<BrowserPage[]> {
  const options = { relays: [relay.http], relay: { maxChildren: 1 } };
  const streamer = await openRecorded();
  const { channel } = await goLive(streamer, { ...options, codec }, PICTURE);
  const pages = [streamer];
  for (let depth = 1; depth <= length; depth++) {
    const page = await openRecorded();
    await watch(page, { ...options, channel });
    expect((await stats(page)).depth).toBe(depth);
    pages.push(page);
  }
  return pages;
}

/** Pictures larger than the dummies that senders carry. */
async function encodedHeights(page: BrowserPage): Promise<number[]> {
  return page.evaluate(async () => {
    const heights: number[] = [];
    for (const pc of castoHarness.openConnections()) {
      (await pc.getStats()).forEach(
        (entry: { type: string; frameHeight?: number; framesEncoded?: number }) => {
          const isEncoded = entry.type === 'outbound-rtp' && (entry.framesEncoded ?? 0) > 0;
          if (isEncoded && (entry.frameHeight ?? 0) > 16) heights.push(entry.frameHeight ?? 0);
        },
      );
    }
    return heights;
  });
}

test.each(['vp8', 'h264'] as const)(
  '%s: what the streamer encodes reaches the fourth page as it was',
  async (codec) => {
    await introduce();
    const pages = await openChain(4, codec);
    const [streamer, ...viewers] = pages;
    const leaf = viewers.at(-1);
    if (!streamer || !leaf) throw new Error('no pages');
    await expectPicturesAdvance(leaf, VIDEO, { atLeast: 60, withinMs: 30_000 });
    await expectTone(leaf, VIDEO, { withinMs: 10_000 });

    const received = await leaf.evaluate(() => castoHarness.recordedFrames().received);
    const sent = await streamer.evaluate(() => castoHarness.recordedFrames().sent);
    for (const kind of ['video', 'audio'] as const) {
      const known = new Set(sent[kind]);
      const strange = received[kind].filter((hash) => !known.has(hash)).length;
      expect({ kind, enough: received[kind].length > 60, strange }).toEqual({
        kind,
        enough: true,
        strange: 0,
      });
    }
    for (const page of viewers) expect(await encodedHeights(page)).toEqual([]);
    expect(await encodedHeights(streamer)).toEqual([PICTURE.height]);
    const { latencyMs, forwarding, path } = await stats(leaf);
    expect({ forwarding, hops: path.length - 1 }).toEqual({ forwarding: 'encoded-streams', hops: 4 });
    expect(latencyMs).toBeLessThan(2_000);
    const { medianMs } = await measureLipSync(leaf, VIDEO, { pairs: 5, withinMs: 30_000 });
    console.log('lip sync', medianMs, 'latency', latencyMs);
    expect(Math.abs(medianMs ?? Infinity)).toBeLessThan(250);
  },
  TEST_MS,
);
