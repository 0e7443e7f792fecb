/** What a headless relay does for those that it is linked to when nobody else is left, on real connections. */

import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '@casto/host/conformance/loopback-peers';
import { turn } from '@casto/host/conformance/virtual-clock';
import { NativeWorld, type NativePage } from './relay/native-pages.ts';

const FOUND_WITHIN_MS = 15_000;
const TIMEOUT = { timeout: 30_000 };

let world: NativeWorld;

beforeEach(() => {
  world = new NativeWorld();
});
afterEach(() => world.stop());

async function broadcast() {
  const [relay, streamer] = [await world.relay(), await world.page()];
  await streamer.goLive(relay);
  const isLive = (): boolean => relay.channels.view(streamer.peer.id)?.flowing === true;
  await until(isLive, 'the broadcast', FOUND_WITHIN_MS);
  return { relay, streamer };
}

async function viewers(count: number, { relay, streamer }: Awaited<ReturnType<typeof broadcast>>) {
  const pages: NativePage[] = [];
  for (let i = 0; i < count; i++) {
    const page = await world.page(streamer.peer.id);
    const { link } = await page.joinOver(relay);
    await until(() => link.isOpen, 'the link');
    page.stand([streamer.peer.id, relay.peer.id]);
    pages.push(page);
  }
  return pages;
}

test('[K7.1, L6.2] two of its children link over it, and stay linked without it', TIMEOUT, async () => {
  const relayed = await broadcast();
  const [one, other] = await viewers(2, relayed);
  if (!one || !other) throw new Error('no pages');
  const { link, end } = await one.joinOverNeighbours(other);
  await until(() => link.isOpen, 'the link');
  expect(other.joins).toEqual([one.peer.id]);
  expect(relayed.relay.refused.counts).toEqual({});

  await relayed.relay.close();
  await until(() => one.links.size === 1, 'the end of the relay');
  await until(() => link.rttMs !== null, 'a round trip');

  expect(end.state).toBe('connected');
  expect(link.remoteState?.depth).toBe(2);
});

test('[K7.6] a child asks for a place over another one, and gets pictures', TIMEOUT, async () => {
  const relayed = await broadcast();
  const [near] = await viewers(1, relayed);
  if (!near) throw new Error('no page');
  const far = await world.page(relayed.streamer.peer.id);
  const { link } = await far.joinOver(near);
  await until(() => link.isOpen, 'the link to the neighbour');

  const child = await far.joinOverNeighbours(relayed.relay);
  await until(() => child.link.isOpen, 'the link to the relay');
  await until(() => child.isFlowing, 'a picture');

  expect(child.link.kind).toBe('headless');
  expect(relayed.relay.channels.census.children).toBe(2);
});

test('[K9.1, K9.2] it names its parent and its other children, with their places', TIMEOUT, async () => {
  const relayed = await broadcast();
  const [one, other] = await viewers(2, relayed);
  if (!one || !other) throw new Error('no pages');
  // The relay names a child once it has told its place.
  const deadline = Date.now() + FOUND_WITHIN_MS;
  let named = await one.neighbours.seek(0b1);
  while (named.length < 2 && Date.now() < deadline) {
    await turn(50);
    named = await one.neighbours.seek(0b1);
  }

  const { streamer } = relayed;
  expect(named.map(({ peerId }) => peerId)).toEqual([streamer.peer.id, other.peer.id]);
  const probed = await one.neighbours.probe(other.peer.id);
  expect(probed?.standing).toMatchObject({ depth: 2, freeSlots: 2, flowing: true, kind: 'browser' });
  expect(probed?.rttMs).toBeGreaterThan(0);
});

test('[R2.2, K9.4] it finds its streamer again over a child, when libp2p is gone', TIMEOUT, async () => {
  const { relay, streamer } = await broadcast();
  const [page] = await viewers(1, { relay, streamer });
  if (!page) throw new Error('no page');
  const { link } = await page.joinOver(streamer);
  await until(() => link.isOpen, 'the link to the streamer');
  const joinsBefore = streamer.joins.filter((id) => id === relay.peer.id).length;

  await streamer.leave(relay);

  const isBack = (): boolean => relay.channels.view(streamer.peer.id)?.flowing === true;
  await until(() => !isBack(), 'the loss');
  await until(isBack, 'the streamer', FOUND_WITHIN_MS);
  expect(streamer.joins.filter((id) => id === relay.peer.id).length).toBeGreaterThan(joinsBefore);
  expect(relay.channels.view(streamer.peer.id)?.parents[0]?.peerId).toBe(streamer.peer.id);
});
