import { generateKeyPair } from '@libp2p/crypto/keys';
import type { Connection, PrivateKey } from '@libp2p/interface';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { afterEach, describe, expect, test } from 'vitest';
import {
  compareListings,
  LIST_MS,
  LISTING_PROTOCOL,
  listingCodec,
  type ChannelId,
  type ChannelRecord,
  type Listing,
  type ListedChannel,
  type ListingMessage,
  type PeerId,
} from '@casto/core';
import { turn, VirtualClock } from '../src/conformance/virtual-clock.ts';
import { freshId, TestPeers, until } from '../src/conformance/loopback-peers.ts';
import {
  ListedChannels,
  ListingClient,
  messageChannel,
  peerIdOf,
  refusalCounter,
  serveListing,
  signRecord,
  signSnapshot,
  verifySnapshot,
  type BrowseQuery,
  type ListedNews,
  type ListingHandlers,
  type MessageChannel,
  type SnapshotRefusal,
} from '../src/index.ts';

const peers = new TestPeers();

afterEach(() => peers.stop());

const ALL: BrowseQuery = { app: null, own: false, most: 100 };

/** A relay's list that a test writes. */
class List implements ListingHandlers {
  readonly listings = new Map<ChannelId, Listing>();
  readonly asked: BrowseQuery[] = [];
  readonly snapshots = new Map<ChannelId, Uint8Array>();
  readonly fetched: { channel: ChannelId; own: boolean }[] = [];
  readonly shown: { signed: Uint8Array; from: PeerId }[] = [];
  refusal: SnapshotRefusal | null = null;
  /** Snapshots wait for this. */
  fetching: Promise<void> | null = null;

  list(query: BrowseQuery): readonly Listing[] {
    this.asked.push(query);
    return [...this.listings.values()].sort(compareListings).slice(0, query.most);
  }

  async snapshot(channel: ChannelId, own: boolean): Promise<Uint8Array | null> {
    this.fetched.push({ channel, own });
    await this.fetching;
    return this.snapshots.get(channel) ?? null;
  }

  async show(signed: Uint8Array, from: PeerId): Promise<SnapshotRefusal | null> {
    this.shown.push({ signed, from });
    return this.refusal;
  }

  set(listing: Listing): void {
    this.listings.set(listing.parsed.channel, listing);
  }
}

async function world() {
  const clock = new VirtualClock();
  const list = new List();
  const refused = refusalCounter();
  const [relay, page] = [await peers.create(), await peers.create()];
  await serveListing(relay.libp2p, list, { refused, clock });
  const connection = await peers.connect(page, relay);
  return { clock, list, refused, relay, page, connection };
}

function open(connection: Connection, clock?: VirtualClock): Promise<ListingClient> {
  return ListingClient.open(connection, AbortSignal.timeout(5_000), clock);
}

async function rawStream(connection: Connection): Promise<MessageChannel<ListingMessage>> {
  return messageChannel(await connection.newStream(LISTING_PROTOCOL), listingCodec);
}

/** Browses and keeps what is told. */
async function browse(client: ListingClient, query: BrowseQuery = ALL) {
  const told: ListedNews[] = [];
  const channels = new Map<string, ListedChannel>();
  await client.browse(query, async (news) => {
    told.push(news);
    for (const listed of news.channels) channels.set(listed.channel, listed);
  });
  return { told, channels };
}

async function listing(
  changes: Partial<Pick<Listing, 'viewers' | 'snapshotAt'>> = {},
  record: Partial<ChannelRecord> = {},
  key?: PrivateKey,
): Promise<Listing> {
  const signer = key ?? (await generateKeyPair('Ed25519'));
  const signed = await signRecord(signer, {
    channel: peerIdOf(peerIdFromPrivateKey(signer)),
    epoch: 1_700_000_000,
    sequence: 1,
    expiresAt: new VirtualClock().now() + 3_600_000,
    title: '',
    app: '',
    video: 'vp8',
    layers: 1,
    audio: true,
    live: true,
    listed: true,
    ...record,
  });
  return { record: signed.bytes, parsed: signed.record, viewers: 0, snapshotAt: null, ...changes };
}

describe('browsing', () => {
  test('[V1.4] is answered by the list as it is, and by an empty one where there is nothing', async () => {
    const { list, connection, clock } = await world();
    const client = await open(connection);
    const empty = await browse(client);
    await until(() => empty.told.length === 1);
    expect(empty.told[0]).toMatchObject({ channels: [], removed: [] });

    for (let i = 0; i < 30; i++) list.set(await listing({ viewers: i }));
    const query = { app: 'games', own: true, most: 25 };
    const { told, channels } = await browse(client, query);
    await until(() => channels.size === 25);

    expect(told).toHaveLength(3);
    expect(list.asked.at(-1)).toEqual(query);
    expect([...channels.values()].map(({ viewers }) => viewers)).toEqual(
      Array.from({ length: 25 }, (_, i) => 29 - i),
    );
    await client.close();
    await until(() => connection.streams.every(({ protocol }) => protocol !== LISTING_PROTOCOL));
    clock.advance(2 * LIST_MS);
    expect(clock.pending).toBe(0);
  });

  test('[V2.1, V2.2] is told of changes once a second, gathered', async () => {
    const { list, connection, clock } = await world();
    const { told } = await browse(await open(connection));
    await until(() => told.length === 1);
    const [one, other] = [await listing(), await listing()];
    list.set(one);
    for (let viewers = 1; viewers <= 5; viewers++) list.set({ ...other, viewers });
    await turn(20);
    expect(told).toHaveLength(1);

    clock.advance(LIST_MS);
    await until(() => told.length === 2);
    expect(told[1]?.channels.map(({ viewers }) => viewers)).toEqual([5, 0]);

    list.listings.delete(one.parsed.channel);
    list.set({ ...other, viewers: 5, snapshotAt: 7 });
    clock.advance(LIST_MS);
    await until(() => told.length === 3);
    expect(told[2]?.removed).toEqual([one.parsed.channel]);
    expect(told[2]?.channels.map(({ snapshotAt }) => snapshotAt)).toEqual([7]);

    clock.advance(10 * LIST_MS);
    await turn(20);
    expect(told).toHaveLength(3);
  });

  test('[V2.1, V2.2] is told of numbers of viewers alone every 2 s, without the record', async () => {
    const { list, connection, clock } = await world();
    const one = await listing();
    list.set(one);
    const { told: news } = await browse(await open(connection));
    await until(() => news.length === 1);
    expect(news[0]?.channels[0]?.record).toEqual(Uint8Array.from(one.record));
    list.set({ ...one, viewers: 1 });
    clock.advance(LIST_MS);
    await turn(20);
    expect(news).toHaveLength(1);

    list.set({ ...one, viewers: 2 });
    clock.advance(LIST_MS);
    await until(() => news.length === 2);
    expect(news[1]?.channels).toEqual([{ ...told(one), record: null, viewers: 2 }]);
  });

  test('[V2.2] by somebody who does not read costs no more memory than a list', async () => {
    const { list, connection, clock, refused } = await world();
    const stream = await connection.newStream(LISTING_PROTOCOL);
    const raw = messageChannel(stream, listingCodec);
    await raw.write({ type: 'browse', ...ALL });
    await until(() => list.asked.length > 0);
    stream.pause();
    const many = await Promise.all(
      Array.from({ length: 100 }, () => listing({}, { title: '語'.repeat(120) })),
    );
    for (let viewers = 0; viewers < 60; viewers++) {
      for (const each of many) list.set({ ...each, viewers });
      clock.advance(LIST_MS);
      if (viewers % 10 === 0) await turn();
    }
    const asked = list.asked.length;
    clock.advance(LIST_MS);

    // It is asked of the list again only when the last word has left.
    expect(list.asked.length).toBe(asked);
    expect(refused.counts).toEqual({});
  });

  test('ends with the connection, and leaves no timer', async () => {
    const { connection, clock, list } = await world();
    const { told } = await browse(await open(connection));
    await until(() => told.length === 1);
    await connection.close();
    await turn(50);
    clock.advance(3 * LIST_MS);

    expect(clock.pending).toBe(0);
    expect(list.asked).toHaveLength(1);
  });
});

describe('snapshots', () => {
  test('[V4.3] are fetched, and there may be none', async () => {
    const { list, connection, relay } = await world();
    const client = await open(connection);
    list.snapshots.set(relay.id, new Uint8Array([1, 2, 3]));

    expect(await client.snapshot(relay.id, true)).toEqual(new Uint8Array([1, 2, 3]));
    expect(await client.snapshot(await freshId(), false)).toBeNull();
    expect(list.fetched.map(({ own }) => own)).toEqual([true, false]);
  });

  test('are asked for once, however many wait for the answer', async () => {
    const { list, connection, relay } = await world();
    const client = await open(connection);
    list.snapshots.set(relay.id, new Uint8Array([1]));
    const answers = await Promise.all([client.snapshot(relay.id, true), client.snapshot(relay.id, true)]);

    expect(answers).toEqual([new Uint8Array([1]), new Uint8Array([1])]);
    expect(list.fetched).toHaveLength(1);
  });

  test('are not waited for without end', async () => {
    const { list, connection, relay, clock } = await world();
    const client = await open(connection, clock);
    list.fetching = new Promise(() => {});
    const fetching = client.snapshot(relay.id, true);
    await until(() => list.fetched.length === 1);
    clock.advance(8_000);
    expect(await fetching).toBeNull();

    const another = client.snapshot(relay.id, true);
    await relay.libp2p.stop();
    expect(await another).toBeNull();
    expect(await client.snapshot(relay.id, true)).toBeNull();
    expect(clock.pending).toBe(0);
  });

  test('[V4.2] are given by the peer at the other end, and refusals counted', async () => {
    const { list, connection, page, refused } = await world();
    const client = await open(connection);
    await client.show(new Uint8Array([1]));
    await until(() => list.shown.length === 1);
    list.refusal = 'not-owner';
    await client.show(new Uint8Array([2]));
    await until(() => list.shown.length === 2);

    expect(list.shown.map(({ from }) => from)).toEqual([page.id, page.id]);
    await until(() => Object.keys(refused.counts).length > 0);
    expect(refused.counts).toEqual({ 'snapshot:not-owner': 1 });
  });

  test('[V3.2] are signed by the channel over their domain', async () => {
    const key = await generateKeyPair('Ed25519');
    const channel = peerIdOf(peerIdFromPrivateKey(key));
    const image = Uint8Array.from([0xff, 0xd8, 0xff, 0xc0, 0, 17, 8, 0, 180, 1, 64, 3, 0, 0]);
    const snapshot = { channel, epoch: 7, takenAt: 8, image };
    const signed = await signSnapshot(key, snapshot);

    expect(await verifySnapshot(signed)).toEqual({ snapshot, type: 'image/jpeg', bytes: signed });
    const forged = await signSnapshot(await generateKeyPair('Ed25519'), snapshot);
    await expect(verifySnapshot(forged)).rejects.toMatchObject({ reason: 'out-of-range' });
    const changed = signed.slice();
    const at = changed.findIndex((byte, i) => byte === 0xc0 && changed[i - 1] === 0xff);
    changed[at + 6] = 179;
    await expect(verifySnapshot(changed)).rejects.toMatchObject({ reason: 'out-of-range' });
  });
});

describe('bad input at the relay', () => {
  test.each([
    ['that is no CBOR', new Uint8Array([2, 0xff, 0xff]), 'not-decodable'],
    ['that is too large', new Uint8Array([0xff, 0xff, 0x7f]), 'too-large'],
    ['for a page', framed(listingCodec.encode({ type: 'listed', channels: [], removed: [] })), 'wrong-shape'],
  ])('[X1.3] a message %s ends the stream and nothing else', async (_, bytes, reason) => {
    const { connection, refused, list } = await world();
    const { told } = await browse(await open(connection));
    const stream = await connection.newStream(LISTING_PROTOCOL);
    stream.send(bytes);
    await until(() => Object.keys(refused.counts).length > 0);

    expect(refused.counts).toEqual({ [`listing:${reason}`]: 1 });
    await until(() => stream.status !== 'open');
    await until(() => told.length === 1);
    expect(list.asked).toHaveLength(1);
  });

  test('a flood of questions ends the stream', async () => {
    const { connection, refused, list } = await world();
    const raw = await rawStream(connection);
    const flood = async (): Promise<void> => {
      for (let i = 0; i < 100; i++) await raw.write({ type: 'browse', ...ALL });
    };
    await flood().catch(() => {});
    await until(() => Object.keys(refused.counts).length > 0);

    expect(refused.counts).toEqual({ 'listing:too-large': 1 });
    expect(list.asked.length).toBeLessThanOrEqual(40);
  });

  test('more than eight snapshots at once are not looked for', async () => {
    const { connection, refused, list } = await world();
    list.fetching = new Promise(() => {});
    const raw = await rawStream(connection);
    for (let i = 0; i < 10; i++) await raw.write({ type: 'fetch', channel: await freshId(), own: false });
    await until(() => refused.counts['listing:busy'] === 2);

    // One after the other.
    expect(list.fetched).toHaveLength(1);
  });
});

describe('what a relay lists', () => {
  function checked(query: BrowseQuery = ALL) {
    const clock = new VirtualClock();
    const refused = refusalCounter();
    return { clock, refused, listed: new ListedChannels({ query, clock, refused }) };
  }

  test('[V2.3] is believed as far as the channels themselves have signed it', async () => {
    const { listed, refused } = checked();
    const [one, other] = [await listing({ viewers: 3 }), await listing()];
    const key = await generateKeyPair('Ed25519');
    const forged = await signRecord(key, { ...other.parsed, title: 'forged' });
    await listed.take({ channels: [told(one), { ...told(other), record: forged.bytes }], removed: [] });

    expect([...listed.all.values()]).toEqual([one]);
    expect(refused.counts).toEqual({ 'listing:out-of-range': 1 });
    await listed.take({ channels: [], removed: [one.parsed.channel, other.parsed.channel] });
    expect(listed.all.size).toBe(0);
  });

  test.each<[string, Partial<ChannelRecord>]>([
    ['not live', { live: false }],
    ['not to be listed', { listed: false }],
    ['of another namespace', { app: 'other' }],
    ['expired', { expiresAt: 1 }],
  ])('[V2.3] is dropped where it is %s', async (_, record) => {
    const { listed, refused } = checked({ ...ALL, app: '' });
    await listed.take({ channels: [told(await listing({}, record))], removed: [] });

    expect(listed.all.size).toBe(0);
    expect(refused.counts).toEqual({ 'listing:out-of-range': 1 });
  });

  test('[V2.3] is dropped beyond what was asked for, and where it is no record', async () => {
    const { listed, refused } = checked({ ...ALL, most: 2 });
    const channels = [await listing(), await listing(), await listing()];
    await listed.take({ channels: channels.map(told), removed: [] });
    await listed.take({
      channels: [{ ...told(await listing()), record: new Uint8Array([0x80]) }],
      removed: [],
    });

    expect(listed.all.size).toBe(2);
    expect(refused.counts).toEqual({ 'listing:too-large': 1, 'listing:wrong-shape': 1 });
  });

  test('[V2.1] without a record is of the record that was told', async () => {
    const { listed, refused } = checked();
    const [one, other] = [await listing({ viewers: 3 }), await listing()];
    await listed.take({ channels: [told(one)], removed: [] });
    const later = { viewers: 4, snapshotAt: 7, record: null };
    await listed.take({
      channels: [
        { ...told(one), ...later },
        { ...told(other), ...later },
      ],
      removed: [],
    });

    expect([...listed.all.values()]).toEqual([{ ...one, viewers: 4, snapshotAt: 7 }]);
    expect(refused.counts).toEqual({ 'listing:out-of-range': 1 });
    // Nor is one channel's record another's.
    await listed.take({ channels: [{ ...told(one), channel: other.parsed.channel }], removed: [] });
    expect(refused.counts).toEqual({ 'listing:out-of-range': 2 });
  });

  test('[D4.1] does not go back to an older record', async () => {
    const { listed } = checked();
    const key = await generateKeyPair('Ed25519');
    const newer = await listing({ viewers: 1 }, { sequence: 2, title: 'newer' }, key);
    const older = await listing({ viewers: 5 }, { sequence: 1, title: 'older' }, key);
    await listed.take({ channels: [told(newer), told(older)], removed: [] });

    expect([...listed.all.values()].map(({ parsed, viewers }) => [parsed.title, viewers])).toEqual([
      ['newer', 5],
    ]);
  });
});

/** As a relay would tell it. */
function told({ parsed, record, viewers, snapshotAt }: Listing): ListedChannel {
  return { channel: parsed.channel, record, viewers, snapshotAt };
}

describe('bad input at the reader', () => {
  test('a relay that tells changes without end is left', async () => {
    const [relay, page] = [await peers.create(), await peers.create()];
    await relay.libp2p.handle(LISTING_PROTOCOL, (stream) => {
      const raw = messageChannel(stream, listingCodec);
      const flood = async (): Promise<void> => {
        await raw.write({ type: 'show', signed: new Uint8Array() });
        for (let i = 0; i < 1_000; i++) await raw.write({ type: 'listed', channels: [], removed: [] });
      };
      flood().catch(() => {});
    });
    const client = await open(await peers.connect(page, relay));
    let isClosed = false;
    client.onClosed = () => (isClosed = true);
    const { told } = await browse(client);

    await until(() => isClosed);
    expect(told.length).toBeLessThanOrEqual(110);
  });
});

function framed(bytes: Uint8Array): Uint8Array {
  return new Uint8Array([bytes.length, ...bytes]);
}
