/** What a relay lists. Other relays are real ones on libp2p over loopback; time is moved by the test. */

import { generateKeyPair } from '@libp2p/crypto/keys';
import type { PrivateKey } from '@libp2p/interface';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { afterEach, describe, expect, test } from 'vitest';
import { decodeSignedSnapshot, type ChannelId, type PeerId } from '@casto/core';
import { peerIdOf, refusalCounter, serveListing, type BrowseQuery } from '@casto/host';
import { freshId, TestPeers, until, type TestPeer } from '@casto/host/conformance/loopback-peers';
import { VirtualClock } from '@casto/host/conformance/virtual-clock';
import type { LiveChannel } from '../../src/channel-census.ts';
import { RelayListing } from '../../src/listing/relay-listing.ts';
import { RecordMemory } from '../../src/record-memory.ts';
import { liveRecord } from '../relay/relay-peers.ts';
import { picture, signedPicture } from './pictures.ts';

const ALL: BrowseQuery = { app: null, own: false, most: 100 };
const OWN: BrowseQuery = { ...ALL, own: true };

interface Streamer {
  readonly id: ChannelId;
  readonly key: PrivateKey;
}

/** A relay with nothing but its list, whose channels a test writes. */
class ListingRelay {
  readonly live = new Map<ChannelId, LiveChannel>();
  readonly refused = refusalCounter();
  readonly records: RecordMemory;
  readonly listing: RelayListing;
  readonly peer: TestPeer;
  readonly #clock: VirtualClock;

  constructor(peer: TestPeer, clock: VirtualClock, network: () => readonly ListingRelay[]) {
    this.peer = peer;
    this.#clock = clock;
    this.records = new RecordMemory(clock);
    const others = (): ListingRelay[] => network().filter((other) => other !== this);
    this.listing = new RelayListing({
      clock,
      refused: this.refused,
      records: this.records,
      live: () => this.live.values(),
      isOwn: (channel) => this.live.get(channel)?.isOwn === true,
      network: {
        relaysWithChannels: () =>
          others()
            .filter(({ live }) => live.size > 0)
            .map((other) => other.peer.id),
        connect: async (relay: PeerId) => {
          const target = others().find((other) => other.peer.id === relay);
          if (!target) throw new Error('not to be reached');
          return peer.libp2p.dial(target.peer.libp2p.getMultiaddrs());
        },
      },
    });
  }

  async serve(): Promise<void> {
    await serveListing(this.peer.libp2p, this.listing, { refused: this.refused, clock: this.#clock });
  }

  async announce(
    streamer: Streamer,
    changes: Parameters<typeof liveRecord>[2] = {},
    { viewers = 0, isOwn = true } = {},
  ): Promise<void> {
    const signed = await liveRecord(streamer, this.#clock.now(), changes);
    await this.records.learn(signed.bytes);
    this.live.set(streamer.id, { channel: streamer.id, viewers, isOwn });
    // The walk that readers share is over.
    this.#clock.advance(500);
  }

  ids(query = ALL): ChannelId[] {
    return this.listing.list(query).map(({ parsed }) => parsed.channel);
  }
}

const peers = new TestPeers();
const relays: ListingRelay[] = [];
let clock = new VirtualClock();

afterEach(async () => {
  for (const { listing } of relays.splice(0)) listing.close();
  await peers.stop();
  clock = new VirtualClock();
});

async function newRelay(): Promise<ListingRelay> {
  const relay = new ListingRelay(await peers.create(), clock, () => relays);
  await relay.serve();
  relays.push(relay);
  return relay;
}

async function newStreamer(): Promise<Streamer> {
  const key = await generateKeyPair('Ed25519');
  return { key, id: peerIdOf(peerIdFromPrivateKey(key)) };
}

/** Lets the relay look around while somebody browses, until it lists what is expected. */
async function untilListed(relay: ListingRelay, expected: readonly ChannelId[]): Promise<void> {
  const want = [...expected].sort().join();
  await until(() => {
    clock.advance(500);
    return relay.ids().sort().join() === want;
  }, `a list of ${expected.length}`);
}

describe('the list of a relay', () => {
  test('[V1.2] has what is live and may be shown', async () => {
    const relay = await newRelay();
    const [shown, hidden, ended] = [await newStreamer(), await newStreamer(), await newStreamer()];
    await relay.announce(shown);
    await relay.announce(hidden, { listed: false });
    await relay.announce(ended, { live: false });

    expect(relay.ids()).toEqual([shown.id]);
    relay.live.delete(shown.id);
    clock.advance(500);
    expect(relay.ids()).toEqual([]);
  });

  test('[V1.3] is in order, of one namespace, and cut at its end', async () => {
    const relay = await newRelay();
    const streamers = await Promise.all([0, 1, 2, 3].map(newStreamer));
    for (const [viewers, streamer] of streamers.entries()) {
      await relay.announce(streamer, { app: viewers === 2 ? 'other' : '' }, { viewers });
    }
    const [zero, one, two, three] = streamers.map(({ id }) => id);

    expect(relay.ids()).toEqual([three, two, one, zero]);
    expect(relay.ids({ ...ALL, most: 2 })).toEqual([three, two]);
    expect(relay.ids({ ...ALL, app: '' })).toEqual([three, one, zero]);
    expect(relay.ids({ ...ALL, app: 'other' })).toEqual([two]);
    expect(relay.ids({ ...ALL, app: 'nothing' })).toEqual([]);
  });

  test('tells other relays only of what comes from streamers', async () => {
    const relay = await newRelay();
    const [own, pulled] = [await newStreamer(), await newStreamer()];
    await relay.announce(own);
    await relay.announce(pulled, {}, { isOwn: false });

    expect(relay.ids(OWN)).toEqual([own.id]);
    expect(relay.ids().sort()).toEqual([own.id, pulled.id].sort());
  });
});

describe('the lists of other relays', () => {
  test('[V2.4] are among it while somebody looks, and no longer', async () => {
    const [a, b] = [await newRelay(), await newRelay()];
    const [here, there, hidden] = [await newStreamer(), await newStreamer(), await newStreamer()];
    await b.announce(here);
    await a.announce(there, {}, { viewers: 4 });
    await a.announce(hidden, { listed: false });
    await untilListed(b, [here.id, there.id]);
    expect(b.listing.list(ALL)[0]).toMatchObject({ viewers: 4, parsed: { channel: there.id } });
    expect(b.ids(OWN)).toEqual([here.id]);

    // What has changed there is told here.
    await a.announce(there, { sequence: 2, title: 'another title' }, { viewers: 9 });
    await until(() => {
      clock.advance(500);
      return b.listing.list(ALL)[0]?.viewers === 9;
    }, 'the change');
    expect(b.listing.list(ALL)[0]?.parsed.title).toBe('another title');
    a.live.delete(there.id);
    a.live.delete(hidden.id);
    await untilListed(b, [here.id]);

    await a.announce(there, { sequence: 3 });
    await untilListed(b, [here.id, there.id]);
    clock.advance(20_000);
    await until(() => b.peer.libp2p.getConnections().every(({ streams }) => streams.length === 0), 'the end');
    expect(b.listing.list(OWN)).toHaveLength(1);
  });

  test('[V2.4] that are not there, or lists nothing, leave the rest alone', async () => {
    const [a, b, c] = [await newRelay(), await newRelay(), await newRelay()];
    const [here, there, lost] = [await newStreamer(), await newStreamer(), await newStreamer()];
    await b.announce(here);
    await a.announce(there);
    await c.announce(lost);
    await untilListed(b, [here.id, there.id, lost.id]);
    await c.peer.libp2p.stop();
    await untilListed(b, [here.id, there.id]);
    await a.peer.libp2p.unhandle('/casto/listing/1');
    b.listing.close();
    clock.advance(500);

    expect(b.ids()).toEqual([here.id]);
    clock.advance(60_000);
    expect(b.ids()).toEqual([here.id]);
  });
});

describe('the snapshot of a streamer', () => {
  async function world() {
    const relay = await newRelay();
    const streamer = await newStreamer();
    await relay.announce(streamer);
    const show = async (taken: Parameters<typeof signedPicture>[1]) =>
      relay.listing.show(await signedPicture(streamer, taken), streamer.id);
    return { relay, streamer, show };
  }

  test('[V4.2] is listed and given, the newest alone', async () => {
    const { relay, streamer, show } = await world();
    expect(await show({ takenAt: 5, number: 1 })).toBeNull();
    clock.advance(5_000);
    expect(await show({ takenAt: 7, number: 2 })).toBeNull();

    expect(relay.listing.list(ALL)[0]?.snapshotAt).toBe(7);
    const bytes = await relay.listing.snapshot(streamer.id, true);
    expect(decodeSignedSnapshot(bytes ?? new Uint8Array()).snapshot.image).toEqual(picture(2));
    expect(await relay.listing.snapshot(await freshId(), false)).toBeNull();
  });

  test('[V4.1, V4.2] is refused where it is old, of another broadcast or too often', async () => {
    const { show } = await world();
    expect(await show({ takenAt: 5 })).toBeNull();
    expect(await show({ takenAt: 6 })).toBe('too-often');
    clock.advance(5_000);
    expect(await show({ takenAt: 5 })).toBe('superseded');
    expect(await show({ takenAt: 6, epoch: 1_700_000_001 })).toBe('superseded');
    expect(await show({ takenAt: 6, epoch: 1_699_999_999 })).toBe('superseded');
    expect(await show({ takenAt: 6 })).toBeNull();
  });

  test('[V4.2] is refused from others, without a signature, and of channels that are in no list', async () => {
    const { relay, streamer } = await world();
    const other = await newStreamer();
    const { listing } = relay;
    expect(await listing.show(await signedPicture(streamer, { takenAt: 1 }), other.id)).toBe('not-owner');
    expect(await listing.show(await signedPicture(other, { takenAt: 1 }), streamer.id)).toBe('not-owner');
    const forged = await signedPicture({ id: streamer.id, key: other.key }, { takenAt: 1 });
    expect(await listing.show(forged, streamer.id)).toBe('bad-snapshot');
    expect(await listing.show(new Uint8Array(100), streamer.id)).toBe('bad-snapshot');
    await relay.announce(other, { listed: false });
    expect(await listing.show(await signedPicture(other, { takenAt: 1 }), other.id)).toBe('not-listed');
    await relay.announce(other, { sequence: 2 }, { isOwn: false });
    expect(await listing.show(await signedPicture(other, { takenAt: 1 }), other.id)).toBe('not-owner');

    expect(await listing.snapshot(streamer.id, true)).toBeNull();
  });

  test('[V4.2] is forgotten when the channel ends, or begins anew', async () => {
    const { relay, streamer, show } = await world();
    await show({ takenAt: 5 });
    await relay.announce(streamer, { sequence: 2, epoch: 1_700_000_009 });
    expect(relay.listing.list(ALL)[0]?.snapshotAt).toBeNull();
    expect(await relay.listing.snapshot(streamer.id, false)).toBeNull();

    relay.live.delete(streamer.id);
    clock.advance(500);
    expect(relay.ids()).toEqual([]);
    expect(await relay.listing.snapshot(streamer.id, true)).toBeNull();
  });
});

describe('the snapshot of a channel of another relay', () => {
  async function world() {
    const [a, b] = [await newRelay(), await newRelay()];
    const streamer = await newStreamer();
    await a.announce(streamer);
    await a.listing.show(await signedPicture(streamer, { takenAt: 5, number: 5 }), streamer.id);
    await until(() => {
      clock.advance(500);
      return b.listing.list(ALL)[0]?.snapshotAt === 5;
    }, 'the list');
    return { a, b, streamer };
  }

  function imageOf(bytes: Uint8Array | null): number | undefined {
    return bytes === null ? undefined : decodeSignedSnapshot(bytes).snapshot.image[12];
  }

  test('[V4.3] is fetched from there, once for all who ask', async () => {
    const { b, streamer } = await world();
    const answers = await Promise.all([1, 2, 3].map(() => b.listing.snapshot(streamer.id, false)));

    expect(answers.map(imageOf)).toEqual([5, 5, 5]);
    expect(await b.listing.snapshot(streamer.id, true)).toBeNull();
  });

  test('[V4.3] is kept until there is a newer one', async () => {
    const { a, b, streamer } = await world();
    expect(imageOf(await b.listing.snapshot(streamer.id, false))).toBe(5);
    // Nothing is asked of the other relay meanwhile.
    await a.peer.libp2p.unhandle('/casto/listing/1');
    expect(imageOf(await b.listing.snapshot(streamer.id, false))).toBe(5);

    clock.advance(5_000);
    await a.listing.show(await signedPicture(streamer, { takenAt: 8, number: 8 }), streamer.id);
    await until(() => {
      clock.advance(500);
      return b.listing.list(ALL)[0]?.snapshotAt === 8;
    }, 'the list');
    expect(imageOf(await b.listing.snapshot(streamer.id, false))).toBe(8);
  });

  test('[V4.3] is refused when it is of something else', async () => {
    const { a, b, streamer } = await world();
    const other = await newStreamer();
    const wrong = await signedPicture(other, { takenAt: 5 });
    a.listing.snapshot = async () => wrong;

    expect(await b.listing.snapshot(streamer.id, false)).toBeNull();
    expect(b.refused.counts).toEqual({ 'snapshot:out-of-range': 1 });
  });
});
