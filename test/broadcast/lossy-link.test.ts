/** A viewer whose link to the relay loses packets and lets them overtake each other. */

import { afterEach, expect, test } from 'vitest';
import type { BrowserPage } from '../harness/browsers.ts';
import { expectPicturesAdvance, expectTone } from '../harness/expectations.ts';
import { startLinkProxy, type LinkProxy } from '../harness/link-proxy.ts';
import type { StreamStats } from '../harness/page/connection-stats.ts';
import { useOwnRelay } from './relay-stage.ts';
import { goLive, VIDEO, watch } from './stage.ts';

const TEST_MS = 120_000;
/** Pictures of several packets each, so that a repair has something to put together. */
const PICTURE = { width: 640, height: 360, framesPerSecond: 20 } as const;
const FAULTS = { lost: 0.05, overtaken: 0.05, seed: 1 } as const;

const own = useOwnRelay();
let proxy: LinkProxy;

afterEach(async () => {
  await proxy?.close();
});

/** What comes in: sound, then pictures. */
async function received(page: BrowserPage): Promise<StreamStats[]> {
  const connections = await page.evaluate(() => castoHarness.summariseConnections());
  const streams = connections.flatMap(({ streams }) => streams);
  return streams
    .filter(({ direction }) => direction === 'inbound')
    .sort((a, b) => a.kind.localeCompare(b.kind));
}

test(
  'what a link loses, one packet in twenty, is sent again before it is missed',
  async () => {
    await own.start({ flags: ['--no-mdns'] });
    proxy = await startLinkProxy();
    const relays = [own.relay.http];
    const streamer = await own.newPage();
    const { channel } = await goLive(streamer, { relays, relay: false }, PICTURE);
    const viewer = await own.newPage();
    await viewer.evaluate((url) => castoHarness.useLinkProxy(url), proxy.url);
    await watch(viewer, { relays, channel, relay: false });
    await expectPicturesAdvance(viewer, VIDEO, { atLeast: 40, withinMs: 20_000 });

    const before = proxy.dropped;
    const [, smooth] = await received(viewer);
    proxy.setFaults(FAULTS);
    await expectPicturesAdvance(viewer, VIDEO, { atLeast: 200, withinMs: 40_000 });
    await expectTone(viewer, VIDEO, { withinMs: 10_000 });
    proxy.setFaults({ ...FAULTS, lost: 0, overtaken: 0 });
    const dropped = proxy.dropped - before;
    expect(dropped).toBeGreaterThan(20);

    // What was lost last is asked for once something comes after it.
    await expect
      .poll(async () => (await received(viewer)).map(({ kind, packetsLost }) => ({ kind, packetsLost })), {
        timeout: 10_000,
      })
      .toEqual([
        { kind: 'audio', packetsLost: 0 },
        { kind: 'video', packetsLost: 0 },
      ]);
    const [audio, video] = await received(viewer);
    expect(audio?.nackCount).toBeGreaterThan(0);
    expect(video?.nackCount).toBeGreaterThan(0);
    expect(video?.pliCount).toBe(smooth?.pliCount);
    // In ten seconds: repairs take a round trip each, and a busy machine's pictures are not smooth either.
    expect((video?.freezeCount ?? Infinity) - (smooth?.freezeCount ?? 0)).toBeLessThanOrEqual(3);
  },
  TEST_MS,
);
