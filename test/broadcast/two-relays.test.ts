/** Relays that know each other: a viewer of one watches a streamer of the other. */

import { expect, test } from 'vitest';
import { expectPicturesAdvance, expectTone } from '../harness/expectations.ts';
import type { RelayProcess } from '../harness/relay-process.ts';
import type { BrowserPage } from '../harness/browsers.ts';
import { useNeighbour, useRelayStage } from './relay-stage.ts';
import { goLive, stats, stop, VIDEO, watch } from './stage.ts';

const relayStage = useRelayStage();
const neighbour = useNeighbour(relayStage);
const { newPage } = relayStage;

interface Health {
  channels: { channel: string; live: boolean; viewers: number }[];
}

/** Viewers that a relay counts on a channel, itself or through another relay; `null` when it does not have it. */
async function viewersAt(relay: RelayProcess, channel: string): Promise<number | null> {
  const health = (await (await fetch(`${relay.http}/health`)).json()) as Health;
  return health.channels.find((entry) => entry.channel === channel)?.viewers ?? null;
}

/**
 * Watches until the second relay is the parent. One that a busy machine holds up is passed over (PROTOCOL.md, J5), and
 * the first relay, or a page, may be quicker.
 */
async function watchThroughNeighbour(viewer: BrowserPage, channel: string): Promise<void> {
  for (let tries = 0; tries < 3; tries++) {
    await watch(viewer, { relays: [neighbour.relay.http], channel, relay: false });
    await expectPicturesAdvance(viewer, VIDEO, { atLeast: 20, withinMs: 20_000 });
    const { parents } = await stats(viewer);
    if (parents[0]?.peerId === neighbour.relay.peerId) return;
    await stop(viewer);
  }
}

test('the second relay pulls the channel once for all its viewers, and stops after the last', async () => {
  const streamer = await newPage();
  // One child, so that the second relay cannot be another one.
  const relays = [relayStage.relay.http];
  const { channel } = await goLive(streamer, { relays, codec: 'h264', relay: { maxChildren: 1 } });

  const viewers = [await newPage(), await newPage()];
  for (const viewer of viewers) {
    await watchThroughNeighbour(viewer, channel);
    await expectTone(viewer, VIDEO, { withinMs: 10_000 });
  }
  for (const viewer of viewers) {
    const { depth, parents } = await stats(viewer);
    expect({ depth, parents: parents.map(({ peerId }) => peerId) }).toEqual({
      depth: 3,
      parents: [neighbour.relay.peerId],
    });
  }
  await expect.poll(() => viewersAt(relayStage.relay, channel), { timeout: 15_000 }).toBe(2);
  const { children } = await stats(streamer);
  expect(children.map(({ peerId }) => peerId)).toEqual([relayStage.relay.peerId]);

  for (const viewer of viewers) await stop(viewer);
  await expect.poll(() => viewersAt(neighbour.relay, channel), { timeout: 20_000 }).toBeNull();
  await expect.poll(() => viewersAt(relayStage.relay, channel), { timeout: 20_000 }).toBe(0);
});
