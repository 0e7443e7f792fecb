/** One relay's list over real streams, as the page follows it. */

import { afterEach, describe, expect, test } from 'vitest';
import { type Listing } from '@casto/core';
import { refusalCounter, verifySnapshot, type BrowseQuery, type SignedSnapshot } from '@casto/host';
import { TestPeers, until, type TestPeer } from '@casto/host/conformance/loopback-peers';
import { turn, VirtualClock } from '@casto/host/conformance/virtual-clock';
import { FollowedRelay } from '../../src/listing/followed-relay.ts';
import { SnapshotFetcher } from '../../src/listing/snapshot-fetcher.ts';
import { listingOf, ListingRelay, newStreamer, snapshotOf } from './listings.ts';

const QUERY: BrowseQuery = { app: '', own: false, most: 100 };
const peers = new TestPeers();
const endings: AbortController[] = [];

afterEach(async () => {
  for (const ending of endings.splice(0)) ending.abort();
  await peers.stop();
});

async function world() {
  const clock = new VirtualClock();
  const relay = await ListingRelay.start(peers, clock);
  const page = await peers.create();
  const streamer = await newStreamer();
  relay.set(await listingOf(streamer));
  return { clock, relay, page, streamer, ...follow(page, relay, clock) };
}

function follow(page: TestPeer, relay: ListingRelay, clock: VirtualClock, others: FollowedRelay[] = []) {
  const ending = new AbortController();
  endings.push(ending);
  let changes = 0;
  let dials = 0;
  const refused = refusalCounter();
  const followed = new FollowedRelay({
    query: QUERY,
    clock,
    refused,
    signal: ending.signal,
    connect: async () => {
      dials++;
      const connection = await peers.connect(page, relay.peer);
      return { connection, relayId: relay.peer.id, close: () => connection.close() };
    },
    followedOver: (relayId) => others.find((other) => other.relayId === relayId)?.connection ?? null,
    onChange: () => changes++,
  });
  const running = followed.run();
  return { followed, running, ending, refused, changes: () => changes, dials: () => dials };
}

function all({ lists }: FollowedRelay): Listing[] {
  return lists.flatMap((list) => [...list]);
}

describe('a relay that is followed', () => {
  test('tells its list and what becomes of it', async () => {
    const { followed, relay, streamer, clock, changes } = await world();
    await until(() => followed.isOpen);
    expect(all(followed)).toMatchObject([{ parsed: { channel: streamer.id } }]);
    const before = changes();

    relay.listings.clear();
    clock.advance(1_000);
    await until(() => changes() > before);
    expect(all(followed)).toEqual([]);
    expect(followed.isOpen).toBe(true);
  });

  test('that is lost keeps its channels for 30 s, and is followed again', async () => {
    const { followed, page, clock, relay, streamer } = await world();
    await until(() => followed.isOpen);
    await relay.peer.libp2p.unhandle('/casto/listing/1');
    for (const connection of page.libp2p.getConnections()) await connection.close();
    await until(() => !followed.isOpen);

    clock.advance(29_999);
    expect(all(followed)).toMatchObject([{ parsed: { channel: streamer.id } }]);
    clock.advance(1);
    expect(all(followed)).toEqual([]);
  });

  test('and says that a channel has ended is believed more than what it said before it was lost', async () => {
    const { followed, page, clock, relay } = await world();
    await until(() => followed.isOpen);
    for (const connection of page.libp2p.getConnections()) await connection.close();
    await until(() => !followed.isOpen);
    await until(() => followed.isOpen);
    relay.listings.clear();
    clock.advance(1_000);

    await until(() => all(followed).length === 0);
  });

  test('under two names is followed once', async () => {
    const { followed, page, relay, clock } = await world();
    await until(() => followed.isOpen);
    const twin = follow(page, relay, clock, [followed]);
    await until(() => twin.dials() === 1);
    await turn(50);

    expect(twin.followed.isOpen).toBe(false);
    expect(followed.isOpen).toBe(true);
    expect(twin.followed.relayId).toBeNull();
  });

  test('is left when the page has enough', async () => {
    const { followed, ending, running, relay, page } = await world();
    await until(() => followed.isOpen);
    ending.abort();
    await page.libp2p.stop();
    await running;

    await until(() => relay.peer.libp2p.getConnections().length === 0);
  });
});

describe('snapshots', () => {
  async function fetching(wants: (listing: Listing) => boolean = () => true) {
    const all = await world();
    await until(() => all.followed.isOpen);
    const got: SignedSnapshot[] = [];
    const refused = refusalCounter();
    const fetcher = new SnapshotFetcher({
      clock: all.clock,
      refused,
      underWay: new Set(),
      client: () => all.followed.client,
      listed: () => all.followed.listed,
      wants: (listing) =>
        wants(listing) && !got.some(({ snapshot }) => snapshot.channel === listing.parsed.channel),
      onSnapshot: (signed) => {
        got.push(signed);
        return true;
      },
    });
    return { ...all, fetcher, got, refused };
  }

  test('are fetched of the channels that lack one, once', async () => {
    const { relay, streamer, fetcher, got } = await fetching();
    const signed = await snapshotOf(streamer, { takenAt: 5 });
    relay.snapshots.set(streamer.id, signed);
    await Promise.all([fetcher.fetchAll(), fetcher.fetchAll()]);
    await fetcher.fetchAll();

    const { snapshot, type } = await verifySnapshot(signed);
    expect(got).toMatchObject([{ snapshot, type }]);
    expect(relay.fetched).toEqual([streamer.id]);
  });

  test('that are older than was said are not asked for without end', async () => {
    const { relay, streamer, clock, followed } = await fetching();
    const fetcher = new SnapshotFetcher({
      clock,
      refused: refusalCounter(),
      underWay: new Set(),
      client: () => followed.client,
      listed: () => followed.listed,
      wants: () => true,
      onSnapshot: () => true,
    });
    relay.snapshots.set(streamer.id, await snapshotOf(streamer, { takenAt: 5 }));
    await fetcher.fetchAll();
    await fetcher.fetchAll();
    expect(relay.fetched).toHaveLength(1);
  });

  test('that do not come, or are of another channel, are asked for again after 30 s', async () => {
    const { relay, streamer, fetcher, got, clock, refused } = await fetching();
    await fetcher.fetchAll();
    await fetcher.fetchAll();
    expect(relay.fetched).toHaveLength(1);

    clock.advance(30_000);
    relay.snapshots.set(streamer.id, await snapshotOf(await newStreamer(), { takenAt: 5 }));
    await fetcher.fetchAll();
    clock.advance(30_000);
    relay.snapshots.set(streamer.id, new Uint8Array([1]));
    await fetcher.fetchAll();

    expect(relay.fetched).toHaveLength(3);
    expect(got).toEqual([]);
    expect(refused.counts).toEqual({ 'snapshot:wrong-shape': 1 });
  });
});
