/** Relays with all their parts, on a network of their own: what a page of one learns of the streamers of another. */

import { multiaddr } from '@multiformats/multiaddr';
import { afterEach, expect, test } from 'vitest';
import { decodeSignedSnapshot } from '@casto/core';
import {
  ListedChannels,
  ListingClient,
  processClock,
  refusalCounter,
  RendezvousClient,
  type BrowseQuery,
} from '@casto/host';
import { TestPeers, until, type TestPeer } from '@casto/host/conformance/loopback-peers';
import { createRelay } from '../../src/relay.ts';
import type { Relay, RelayOptions } from '../../src/relay-options.ts';
import { liveRecord } from '../relay/relay-peers.ts';
import { picture, signedPicture } from './pictures.ts';

const WITHIN_MS = 30_000;
const QUERY: BrowseQuery = { app: '', own: false, most: 100 };
const peers = new TestPeers();
const relays: Relay[] = [];

afterEach(async () => {
  await peers.stop();
  for (const relay of relays.splice(0)) await relay.stop();
});

async function start(options: RelayOptions = {}): Promise<Relay> {
  const relay = await createRelay({ host: '127.0.0.1', mdns: false, stun: false, maxViewers: 0, ...options });
  relays.push(relay);
  return relay;
}

async function page(relay: Relay) {
  const peer = await peers.create();
  const address = relay.multiaddrs.find((one) => one.includes('/ws/')) ?? '';
  return { ...peer, connection: await peer.libp2p.dial(multiaddr(address)) };
}

type Page = Awaited<ReturnType<typeof page>>;

async function announce(
  streamer: Page,
  changes: Parameters<typeof liveRecord>[2] = {},
): Promise<{
  rendezvous: RendezvousClient;
  tell: (more: Parameters<typeof liveRecord>[2]) => Promise<unknown>;
}> {
  const rendezvous = await RendezvousClient.open(streamer.connection, AbortSignal.timeout(5_000));
  const tell = async (more: Parameters<typeof liveRecord>[2]): Promise<unknown> =>
    rendezvous.announce((await liveRecord(streamer, Date.now(), { ...changes, ...more })).bytes, null);
  await tell({});
  return { rendezvous, tell };
}

async function show(streamer: Page & TestPeer, takenAt: number): Promise<ListingClient> {
  const client = await ListingClient.open(streamer.connection, AbortSignal.timeout(5_000));
  await client.show(await signedPicture(streamer, { takenAt, number: 7 }));
  return client;
}

async function browse(relay: Relay) {
  const { connection } = await page(relay);
  const client = await ListingClient.open(connection, AbortSignal.timeout(5_000));
  const channels = new ListedChannels({ query: QUERY, clock: processClock, refused: refusalCounter() });
  await client.browse(QUERY, (news) => channels.take(news));
  return { client, listed: channels.all };
}

test(
  '[V2.4, V4.3] a page of one relay sees the channels of another, and their snapshots',
  { timeout: 60_000 },
  async () => {
    const a = await start();
    const b = await start({ peers: [a.multiaddrs[0] ?? ''] });
    await until(() => b.status().peers === 1, 'the connection', WITHIN_MS);
    const [shown, hidden] = [await page(a), await page(a)];
    const { tell } = await announce(shown, { title: 'shown' });
    await announce(hidden, { title: 'hidden', listed: false });
    await show(shown, 5);
    await show(hidden, 5);

    const { client, listed } = await browse(b);
    await until(() => listed.get(shown.id)?.snapshotAt === 5, 'the channel of the other relay', WITHIN_MS);
    expect(listed.size).toBe(1);
    const bytes = await client.snapshot(shown.id, false);
    expect(decodeSignedSnapshot(bytes ?? new Uint8Array()).snapshot.image).toEqual(picture(7));
    expect(await client.snapshot(hidden.id, false)).toBeNull();

    await tell({ sequence: 2, title: 'another title' });
    await until(() => listed.get(shown.id)?.parsed.title === 'another title', 'the title', WITHIN_MS);
    await tell({ sequence: 3, live: false });
    await until(() => listed.size === 0, 'the end', WITHIN_MS);
    expect(a.status().refused).toEqual({ 'snapshot:not-listed': 1 });
  },
);

test('a streamer that goes without a word is listed no longer', async () => {
  const relay = await start();
  const streamer = await page(relay);
  await announce(streamer);
  const { listed } = await browse(relay);
  await until(() => listed.size === 1, 'the channel');
  await streamer.libp2p.stop();

  await until(() => listed.size === 0, 'the end');
});

test('[V1.2] a relay without a listing does not speak the protocol', async () => {
  const relay = await start({ listing: false });
  const { connection } = await page(relay);

  await expect(ListingClient.open(connection, AbortSignal.timeout(5_000))).rejects.toMatchObject({
    name: 'UnsupportedProtocolError',
  });
});
