/** What a relay shows to its operator. */

import { afterEach, beforeEach, expect, test } from 'vitest';
import { RelayWorld } from './relay/relay-world.ts';

let world: RelayWorld;

beforeEach(() => {
  world = new RelayWorld();
});
afterEach(() => world.stop());

test('lists the channels that it carries, the most viewed first, and who they come from', async () => {
  const [home, relay] = [await world.relay(), await world.relay()];
  const [one, other] = [await world.streamer(), await world.streamer()];
  await one.goLive(home);
  await other.goLive(home);
  for (let i = 0; i < 2; i++) await (await world.viewer()).join(relay, other.channel);
  await world.play(4_000);

  const { channels, moreChannels } = home.channels.census.overview();
  expect(moreChannels).toBe(0);
  expect(channels).toMatchObject([
    {
      channel: other.channel,
      title: 'Test',
      live: true,
      origin: 'streamer',
      depth: 1,
      viewers: 2,
      served: 1,
    },
    { channel: one.channel, origin: 'streamer', viewers: 0, served: 0, players: 0 },
  ]);
  expect(channels[0]).toMatchObject({ video: 'vp8', parent: other.peer.id });
  expect(channels[0]?.receivedBytes).toBeGreaterThan(0);
  expect(channels[0]?.startedAt).toBeGreaterThan(0);
  expect(relay.channels.census.overview().channels).toMatchObject([
    { channel: other.channel, origin: 'peer', parent: home.peer.id, depth: 2, viewers: 2, served: 2 },
  ]);
});

test('tells of one channel who is above, who is below, and who has room', async () => {
  const [relay, streamer] = [await world.relay(), await world.streamer()];
  await streamer.goLive(relay);
  const viewer = await world.viewer();
  await viewer.join(relay, streamer.channel);
  const standby = await world.viewer();
  await standby.ask(relay, streamer.channel, { standby: true });
  await world.play(1_000);

  const tree = relay.channels.census.tree(streamer.channel, world.clock.now());
  expect(tree).toMatchObject({
    channel: streamer.channel,
    phase: 'attached',
    parents: [{ peerId: streamer.peer.id, kind: 'browser', role: 'active' }],
    children: [
      { peerId: viewer.peer.id, kind: 'browser', role: 'active', viewers: 1, layer: 0 },
      { peerId: standby.peer.id, kind: 'browser', role: 'standby', layer: null, temporalLayer: null },
    ],
    moreChildren: 0,
    moreOffers: 0,
  });
  expect(tree?.path).toHaveLength(2);
  // The relay itself is named to joiners as long as it has room.
  expect(tree?.offers).toMatchObject([{ peerId: relay.peer.id, kind: 'headless', depth: 1 }]);
  expect(JSON.stringify(tree)).not.toMatch(/\/ip4\/|127\.0\.0\.1/);
});

test('has no tree of a channel that it does not carry, whatever it is asked for', async () => {
  const relay = await world.relay();
  for (const channel of ['', 'x', '__proto__', relay.peer.id, 'é'.repeat(10_000)]) {
    expect(relay.channels.census.tree(channel, world.clock.now())).toBeNull();
  }
  expect(relay.channels.census.overview()).toEqual({ channels: [], moreChannels: 0 });
});
