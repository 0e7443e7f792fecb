/** A streamer and its viewers through one relay: what the two lines promise. */

import { describe, expect, test } from 'vitest';
import type { BrowserPage } from '../harness/browsers.ts';
import { expectPicturesAdvance, expectTone, measureLipSync } from '../harness/expectations.ts';
import { useRelayStage } from './relay-stage.ts';
import { encodedHeights, goLive, stats, stop, VIDEO, waitForEvent, watch } from './stage.ts';

const relayStage = useRelayStage();
const { newPage } = relayStage;

for (const codec of ['vp8', 'h264'] as const) {
  describe(codec, () => {
    test('viewers see the pictures and hear the tone, late ones too', async () => {
      const relays = [relayStage.relay.http];
      const streamer = await newPage();
      const { channel, link } = await goLive(streamer, { relays, codec });
      expect(link).toBe(`${relayStage.origin}/#casto=${channel}`);

      const early = await newPage();
      await watch(early, { relays, channel });
      await expectPicturesAdvance(early, VIDEO, { atLeast: 20, withinMs: 20_000 });
      await expectTone(early, VIDEO, { withinMs: 10_000 });

      const late = await newPage();
      await watch(late, { relays, channel });
      await expectPicturesAdvance(late, VIDEO, { atLeast: 20, withinMs: 20_000 });
      await expectTone(late, VIDEO, { withinMs: 10_000 });

      await waitForEvent(streamer, 'viewers', { count: 2 });
      expect(streamer.errors).toEqual([]);
      expect(early.errors).toEqual([]);
      expect(late.errors).toEqual([]);
    });

    test('stats() tells codec, place in the tree, latency and viewers', async () => {
      const relays = [relayStage.relay.http];
      const streamer = await newPage();
      const { channel, peerId } = await goLive(streamer, { relays, codec });
      const viewer = await newPage();
      await watch(viewer, { relays, channel });
      await expectPicturesAdvance(viewer, VIDEO, { atLeast: 30, withinMs: 20_000 });

      await viewer.waitFor(async () => (await stage.casto.stats()).latencyMs !== null, {
        timeoutMs: 15_000,
        what: 'latency is known',
      });
      const seen = await stats(viewer);
      expect(seen.role).toBe('viewer');
      expect(seen.channel).toBe(channel);
      expect(seen.depth).toBe(2);
      expect(seen.path).toHaveLength(3);
      expect(seen.parents).toEqual([
        {
          peerId: relayStage.relay.peerId,
          kind: 'headless',
          role: 'active',
          rttMs: expect.any(Number) as number,
        },
      ]);
      expect(seen).toMatchObject({ children: [], slots: 1, freeSlots: 1, forwarding: 'encoded-streams' });
      expect(seen.video?.codec).toBe(codec);
      expect(seen.video?.frames).toBeGreaterThan(0);
      expect(seen.audio?.codec).toBe('opus');
      expect(seen.latencyMs).toBeGreaterThanOrEqual(0);
      expect(seen.latencyMs).toBeLessThan(2_000);
      expect(seen.download.bytes).toBeGreaterThan(0);

      const own = await stats(streamer);
      expect(own.role).toBe('streamer');
      expect(own.peerId).toBe(peerId);
      expect(own.children).toEqual([
        {
          peerId: relayStage.relay.peerId,
          kind: 'headless',
          role: 'active',
          rttMs: expect.any(Number) as number,
        },
      ]);
      expect(own).toMatchObject({ depth: 0, parents: [], search: null });
      expect(own.slots).toBeGreaterThan(0);
      expect(seen.path[0]).toBe(own.path[0]);
      expect(own.upload.bytes).toBeGreaterThan(0);
    });
  });
}

test('lips stay in sync', async () => {
  const relays = [relayStage.relay.http];
  const streamer = await newPage();
  const { channel } = await goLive(streamer, { relays }, { flashEveryMs: 1_000 });
  const viewer = await newPage();
  await watch(viewer, { relays, channel });
  await expectPicturesAdvance(viewer, VIDEO, { atLeast: 40, withinMs: 20_000 });
  const { medianMs } = await measureLipSync(viewer, VIDEO, { pairs: 5, withinMs: 30_000 });
  expect(Math.abs(medianMs ?? Infinity)).toBeLessThan(250);
});

test('several channels run side by side', async () => {
  const relays = [relayStage.relay.http];
  const channels: string[] = [];
  for (const tag of [1, 2]) {
    const { channel } = await goLive(await newPage(), { relays }, { tag });
    channels.push(channel);
  }
  expect(new Set(channels).size).toBe(2);
  for (const [i, channel] of channels.entries()) {
    const viewer = await newPage();
    await watch(viewer, { relays, channel });
    await expectPicturesAdvance(viewer, VIDEO, { atLeast: 15, withinMs: 20_000, tag: i + 1 });
  }
});

test('stop() ends the broadcast for its viewers, and can be called twice', async () => {
  const relays = [relayStage.relay.http];
  const streamer = await newPage();
  const { channel } = await goLive(streamer, { relays });
  const viewer = await newPage();
  await watch(viewer, { relays, channel });
  await expectPicturesAdvance(viewer, VIDEO, { atLeast: 10, withinMs: 20_000 });
  await stop(streamer);
  await waitForEvent(viewer, 'ended');
  await stop(streamer);
  await stop(viewer);
});

test('three layers reach the relay, and viewers see the highest', async () => {
  const relays = [relayStage.relay.http];
  const streamer = await newPage();
  const { channel } = await goLive(streamer, { relays, layers: 3 }, { width: 640, height: 360 });
  const viewer = await newPage();
  await watch(viewer, { relays, channel });
  await expectPicturesAdvance(viewer, VIDEO, { atLeast: 20, withinMs: 20_000 });
  // An encoder without time makes all its pictures smaller, and by as much.
  await expect
    .poll(() => layersOf(streamer, viewer), { timeout: 20_000, interval: 500 })
    .toEqual([1, 0.5, 0.25]);
});

/** The heights that the streamer encodes, each once and the largest first, by the height that the viewer sees. */
async function layersOf(streamer: BrowserPage, viewer: BrowserPage): Promise<number[]> {
  const seen = (await stats(viewer)).video?.height ?? Number.NaN;
  const heights = (await encodedHeights(streamer)).toSorted((a, b) => b - a);
  return heights.map((height) => Math.round((height / seen) * 100) / 100);
}

test('without sound the broadcast is video only', async () => {
  const relays = [relayStage.relay.http];
  const { channel } = await goLive(await newPage(), { relays }, { audio: false });
  const viewer = await newPage();
  await watch(viewer, { relays, channel });
  await expectPicturesAdvance(viewer, VIDEO, { atLeast: 20, withinMs: 20_000 });
});
