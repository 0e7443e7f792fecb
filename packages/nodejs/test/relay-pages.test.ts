/** Relays that take a channel in from a viewer's page, because nobody else has it. */

import { afterEach, beforeEach, expect, test } from 'vitest';
import type { PeerId } from '@casto/core';
import { RelayWorld, TestViewer, type TestRelay, type TestStreamer } from './relay/relay-world.ts';

let world: RelayWorld;

beforeEach(() => {
  world = new RelayWorld();
});
afterEach(() => world.stop());

/** A broadcast somewhere else, and a relay that knows no other. */
async function lonely(): Promise<{ relay: TestRelay; streamer: TestStreamer }> {
  const [relay, streamer] = [await world.relay(), await world.streamer()];
  relay.network.isCut = true;
  return { relay, streamer };
}

test('[D7.3, D8.2] a page that offers places here is asked, over the connection that it has', async () => {
  const { relay, streamer } = await lonely();
  const page = await world.page(streamer, [streamer.channel]);
  await page.offer(relay);
  const viewer = await world.viewer();
  await viewer.join(relay, streamer.channel);
  await world.play(500);

  expect(relay.parents).toEqual([page.peer.id]);
  expect(page.joins).toMatchObject([{ from: relay.peer.id, join: { kind: 'headless', layers: [0] } }]);
  expect(viewer.isPlaying).toBe(true);
  expect(viewer.link?.remoteState).toMatchObject({ depth: 2, flowing: true });
  expect(relay.media.pulls.map(({ options }) => options.fromRelay)).toEqual([false]);
  expect(relay.peer.libp2p.getConnections().every(({ direction }) => direction === 'inbound')).toBe(true);
  // Others are told of the channel as of any that is live.
  expect(relay.channels.status()).toMatchObject([{ title: 'Test', live: true, viewers: 1 }]);
  expect(relay.channels.carried).toEqual([]);
});

test('[D8.2] other relays come first, and pages when those do not have it', async () => {
  const [home, relay, stale] = [await world.relay(), await world.relay(), await world.relay()];
  const streamer = await world.streamer();
  await streamer.goLive(home);
  const page = await world.page(streamer, [streamer.channel]);
  await page.offer(relay);
  await (await world.viewer()).join(relay, streamer.channel);
  await world.play(500);
  expect(relay.parents).toEqual([home.peer.id]);
  expect(page.joins).toEqual([]);

  const next = await world.page(streamer, [streamer.channel]);
  await next.offer(stale);
  world.relays.splice(world.relays.indexOf(home), 1);
  stale.network.staleCarriers.push(await strangerId());
  const viewer = await world.viewer();
  for (let i = 0; i < 5 && stale.parents.length === 0; i++) await viewer.ask(stale, streamer.channel);

  expect(stale.parents).toEqual([next.peer.id]);
});

test('[D8.2] no page is asked for the sake of one that has the channel, or only seeks', async () => {
  const { relay, streamer } = await lonely();
  const page = await world.page(streamer, [streamer.channel]);
  await page.offer(relay);
  const asking = await world.viewer();
  const client = await asking.rendezvous(relay);
  let named: readonly { peerId: PeerId }[] | null = null;
  void client.seek(streamer.channel, 1).then((found) => (named = found));
  await world.until(() => named !== null, 'an answer');
  expect(named).toMatchObject([{ peerId: page.peer.id }]);

  const path = new Uint8Array(8);
  for (const changes of [{ standby: true }, { path }, { path, standby: true }]) {
    const answer = await asking.ask(relay, streamer.channel, changes);
    expect(answer).toMatchObject({ type: 'refused', reason: 'offline' });
  }

  expect([page.joins, relay.parents]).toEqual([[], []]);
  expect(relay.logged).not.toContain('pull-failed');
});

test('[J3.3, L5.2, D8.2] a relay that lost its page goes to none that stands below it', async () => {
  const { relay, streamer } = await lonely();
  const above = await world.page(streamer, [streamer.channel]);
  await above.offer(relay);
  const viewer = await world.viewer();
  await viewer.join(relay, streamer.channel);
  await world.play(500);
  const below = [streamer.channel, above.peer.id, relay.peer.id, viewer.peer.id];
  const [one, two] = [await world.page(streamer, below), await world.page(streamer, below)];
  await one.offer(relay);
  await two.offer(relay);

  await above.vanish();
  await world.play(10_000);

  expect(relay.parents).toEqual([]);
  expect([...one.ends, ...two.ends]).toEqual([]);
  expect([...one.probedBy, ...two.probedBy]).toContain(relay.peer.id);
  expect(viewer.link?.isClosed).toBe(false);
  const outside = await world.page(streamer, [streamer.channel]);
  await outside.offer(relay);
  await world.until(() => relay.parents.includes(outside.peer.id), 'the page that is not below');
  await world.play(500);
  expect(viewer.isPlaying).toBe(true);
});

test('[F6.1, D8.2] a page that lost its place and a relay that would have it from there do not wait for each other', async () => {
  const { relay, streamer } = await lonely();
  const page = await world.page(streamer, [streamer.channel]);
  await page.offer(relay);
  page.judge = async () => ({ type: 'refuse', reason: 'busy', retryAfterMs: 1_000 });
  const asksItself = new TestViewer(world, page.peer);

  const answer = await asksItself.ask(relay, streamer.channel);

  expect(answer).toMatchObject({ type: 'refused', reason: 'offline' });
  expect(page.joins).toMatchObject([{ from: relay.peer.id }]);
  expect(relay.parents).toEqual([]);
});

test('[L5.4] a page that takes the relay in although it stands below it is left', async () => {
  const { relay, streamer } = await lonely();
  const page = await world.page(streamer, [streamer.channel, relay.peer.id]);
  page.judge = null;
  await page.offer(relay);

  const answer = await (await world.viewer()).ask(relay, streamer.channel);
  await world.play(1_000);

  expect(answer).toMatchObject({ type: 'refused', reason: 'offline' });
  expect(page.joins).not.toEqual([]);
  expect(relay.parents).toEqual([]);
});

test('[D9.5, S1.1] another page is probed over its stream, and stands by', async () => {
  const { relay, streamer } = await lonely();
  const [near, far] = [
    await world.page(streamer, [streamer.channel]),
    await world.page(streamer, [streamer.channel, await strangerId()]),
  ];
  await near.offer(relay);
  await far.offer(relay);
  const viewer = await world.viewer();
  await viewer.join(relay, streamer.channel);
  for (let i = 0; i < 60 && relay.parents.length < 2; i++) await world.play(1_000);

  expect(relay.playedParent(streamer.channel)).toBe(near.peer.id);
  expect(relay.parents).toContain(far.peer.id);
  expect(far.probedBy).toContain(relay.peer.id);
  await near.vanish();
  await world.play(1_000);
  expect(relay.playedParent(streamer.channel)).toBe(far.peer.id);
  expect(viewer.isPlaying).toBe(true);
});

test('[D6.1, D7.2] who waits for the channel is told when a page has it, until that is gone', async () => {
  const { relay, streamer } = await lonely();
  const news = await (await world.viewer()).watch(relay, streamer.channel);
  await world.until(() => news.length === 1, 'the first news');
  expect(news[0]).toMatchObject({ record: null, live: false });

  const page = await world.page(streamer, [streamer.channel]);
  await page.offer(relay);
  await world.until(() => news.at(-1)?.record !== null, 'the record');
  expect(news.at(-1)).toMatchObject({ live: true });

  await page.takeBack(relay);
  await world.until(() => news.at(-1)?.live === false, 'the end');
});

test('[D7.2] a channel of which only pages tell is forgotten with the last of them', async () => {
  const { relay, streamer } = await lonely();
  const [one, other] = [
    await world.page(streamer, [streamer.channel]),
    await world.page(streamer, [streamer.channel]),
  ];
  await one.offer(relay);
  await other.offer(relay);
  expect(relay.channels.status()).toMatchObject([{ live: true, viewers: 0 }]);

  await one.takeBack(relay);
  expect(relay.knows(streamer.channel)).toBe(true);
  await other.loseConnection();
  await world.until(() => !relay.knows(streamer.channel), 'the end');
  await one.takeBack(relay);
  expect(relay.channels.status()).toEqual([]);
});

test('[D7.3] a record that is none is counted, and the offer stands', async () => {
  const { relay, streamer } = await lonely();
  const page = await world.page(streamer, [streamer.channel]);
  await page.offer(relay, {}, new Uint8Array([1, 2, 3]));
  await world.until(() => Object.keys(relay.refused.counts).length > 0, 'the count');

  expect(relay.refused.counts).toEqual({ 'report:not-decodable': 1 });
  expect(relay.records.get(streamer.channel)).toBeNull();
  expect(relay.knows(streamer.channel)).toBe(true);
});

test('[D7.3, L4.1] a page whose channel has no record is of no use', async () => {
  const { relay, streamer } = await lonely();
  const page = await world.page(streamer, [streamer.channel]);
  await page.offer(relay, {}, new Uint8Array([1, 2, 3]));

  const answer = await (await world.viewer()).ask(relay, streamer.channel);

  expect(answer).toMatchObject({ type: 'refused', reason: 'not-found' });
  expect(page.joins).toEqual([]);
});

async function strangerId(): Promise<PeerId> {
  return (await world.peers.create()).id;
}
