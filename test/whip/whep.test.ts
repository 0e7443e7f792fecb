/** Chromium as a WHEP client of broadcasts from a page of CASTO and from a WHIP publisher, at one relay and at another. */

import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectPicturesAdvance, expectTone, measureLipSync } from '../harness/expectations.ts';
import { startRelay, type RelayProcess } from '../harness/relay-process.ts';
import { useRelayStage } from '../broadcast/relay-stage.ts';
import { goLive, stop, VIDEO } from '../broadcast/stage.ts';
import { play, publish } from './clients.ts';

const relayStage = useRelayStage();
const { newPage } = relayStage;
let other: RelayProcess;

beforeAll(async () => {
  other = await startRelay({ peers: [...relayStage.relay.multiaddrs] });
});

afterAll(async () => {
  await other?.stop();
});

interface Health {
  channels: { channel: string; viewers: number }[];
}

async function viewersAt({ http }: RelayProcess, channel: string): Promise<number> {
  const health = (await (await fetch(`${http}/health`)).json()) as Health;
  return health.channels.find((entry) => entry.channel === channel)?.viewers ?? 0;
}

for (const codec of ['vp8', 'h264'] as const) {
  test(`${codec}: a player sees and hears the broadcast of a page`, async () => {
    const streamer = await newPage();
    const { channel } = await goLive(streamer, { relays: [relayStage.relay.http], codec });
    const player = await newPage();
    const session = await play(player, `${relayStage.relay.http}/whep/${channel}`);
    expect(session).toMatchObject({ status: 201, channel });
    await expectPicturesAdvance(player, VIDEO, { atLeast: 20, withinMs: 20_000 });
    await expectTone(player, VIDEO, { withinMs: 10_000 });
    expect(await viewersAt(relayStage.relay, channel)).toBe(1);
    await player.evaluate(async (location) => fetch(location, { method: 'DELETE' }), session.location);
    await expect.poll(() => viewersAt(relayStage.relay, channel), { timeout: 10_000 }).toBe(0);
    await stop(streamer);
  });
}

test('a relay that does not carry the channel pulls it for its player', async () => {
  const publisher = await newPage();
  const { channel } = await publish(publisher, `${relayStage.relay.http}/whip/away`, { codec: 'vp8' });
  const player = await newPage();
  // The other relay hears of the channel by gossip.
  await expect
    .poll(async () => (await play(player, `${other.http}/whep/${channel}`)).status, { timeout: 30_000 })
    .toBe(201);
  await expectPicturesAdvance(player, VIDEO, { atLeast: 20, withinMs: 20_000 });
  await expectTone(player, VIDEO, { withinMs: 10_000 });
  expect(await viewersAt(other, channel)).toBe(1);
  await expect.poll(() => viewersAt(relayStage.relay, channel), { timeout: 10_000 }).toBe(1);
});

test('lips stay in sync from WHIP to WHEP', async () => {
  const publisher = await newPage();
  await publish(publisher, `${relayStage.relay.http}/whip/lips`, { codec: 'vp8' }, { flashEveryMs: 1_000 });
  const player = await newPage();
  await expect
    .poll(async () => (await play(player, `${relayStage.relay.http}/whep/lips`)).status, { timeout: 20_000 })
    .toBe(201);
  await expectPicturesAdvance(player, VIDEO, { atLeast: 40, withinMs: 20_000 });
  const { medianMs } = await measureLipSync(player, VIDEO, { pairs: 5, withinMs: 30_000 });
  expect(Math.abs(medianMs ?? Infinity)).toBeLessThan(250);
});
