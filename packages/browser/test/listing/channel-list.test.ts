/** What a page gets from `CASTO.channels()`, with relays on loopback. The same in Chromium: test/broadcast/listing.test.ts. */

import { afterEach, expect, test } from 'vitest';
import { processClock } from '@casto/host';
import { TestPeers, until } from '@casto/host/conformance/loopback-peers';
import { turn } from '@casto/host/conformance/virtual-clock';
import { CastoChannels, type CastoChannel, type CastoChannelsOptions } from '../../src/channel-list.ts';
import { listingOf, ListingRelay, newStreamer, snapshotOf } from './listings.ts';

const WITHIN_MS = 20_000;
const peers = new TestPeers();
const lists: CastoChannels[] = [];

afterEach(async () => {
  for (const list of lists.splice(0)) list.close();
  await peers.stop();
});

function startRelay(): Promise<ListingRelay> {
  return ListingRelay.start(peers, processClock);
}

function addressOf({ peer }: ListingRelay): string {
  return peer.libp2p.getMultiaddrs().map(String)[0] ?? '';
}

function open(relays: readonly ListingRelay[], options: CastoChannelsOptions = {}) {
  const list = new CastoChannels({ relays: relays.map(addressOf), ...options });
  lists.push(list);
  const events: [string, CastoChannel][] = [];
  const states: string[] = [];
  for (const type of ['added', 'changed', 'removed'] as const) {
    list.addEventListener(type, ({ detail }) => events.push([type, detail]));
  }
  list.addEventListener('state', ({ detail }) => states.push(detail.state));
  return { list, events, states };
}

function future(record = {}): object {
  return { expiresAt: Math.floor(processClock.now()) + 3_600_000, ...record };
}

test('a list connects in the background, and tells what two relays list', { timeout: 40_000 }, async () => {
  const [one, other] = [await startRelay(), await startRelay()];
  const [first, second, foreign] = [await newStreamer(), await newStreamer(), await newStreamer()];
  one.set(await listingOf(first, { viewers: 1, snapshotAt: 5 }, future({ title: 'first' })));
  one.snapshots.set(first.id, await snapshotOf(first, { takenAt: 5 }));
  one.set(await listingOf(foreign, { viewers: 9 }, future({ app: 'another namespace' })));
  other.set(await listingOf(second, { viewers: 7 }, future({ title: 'second' })));
  const { list, events, states } = open([one, other]);
  expect(list.state).toBe('connecting');
  expect(list.channels).toEqual([]);

  await until(() => list.channels.length === 2, 'both channels', WITHIN_MS);
  expect(list.channels.map(({ title }) => title)).toEqual(['second', 'first']);
  await until(() => list.channels[1]?.snapshot?.takenAt === 5, 'the snapshot', WITHIN_MS);
  expect(events.map(([type]) => type)).toEqual(['added', 'added', 'changed']);
  expect(states).toEqual(['connected']);

  one.listings.clear();
  await until(() => list.channels.length === 1, 'the end', WITHIN_MS);
  expect(events.at(-1)).toMatchObject(['removed', { channel: first.id, snapshot: { takenAt: 5 } }]);
  await one.peer.libp2p.stop();
  await other.peer.libp2p.stop();
  await until(() => list.state === 'reconnecting', 'the loss', WITHIN_MS);
  expect(list.channels).toHaveLength(1);
});

test('a closed list stays as it is, and tells nothing more', { timeout: 40_000 }, async () => {
  const relay = await startRelay();
  relay.set(await listingOf(await newStreamer(), {}, future()));
  const ending = new AbortController();
  const { list, events, states } = open([relay], { signal: ending.signal });
  await until(() => list.channels.length === 1, 'the channel', WITHIN_MS);
  ending.abort();
  list.close();
  await until(() => relay.peer.libp2p.getConnections().length === 0, 'the end', WITHIN_MS);
  await turn(50);

  expect(list.channels).toHaveLength(1);
  expect(list.state).toBe('connected');
  expect([events.length, states.length]).toEqual([1, 1]);
});

test('a list whose signal is aborted already asks nobody', async () => {
  const relay = await startRelay();
  const { list } = open([relay], { signal: AbortSignal.abort() });
  await turn(100);

  expect(list.channels).toEqual([]);
  expect(relay.peer.libp2p.getConnections()).toEqual([]);
});

test('options that are none are a mistake in the program', () => {
  expect(() => new CastoChannels({ app: 'x'.repeat(65), relays: [] })).toThrow(TypeError);
  expect(() => new CastoChannels({ relays: ['nonsense'] })).toThrow(TypeError);
});
