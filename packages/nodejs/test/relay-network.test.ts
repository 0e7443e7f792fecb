import { generateKeyPair } from '@libp2p/crypto/keys';
import type { PrivateKey } from '@libp2p/interface';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { tcp } from '@libp2p/tcp';
import { createLibp2p } from 'libp2p';
import { afterEach, describe, expect, test } from 'vitest';
import type { ChannelId, PeerId } from '@casto/core';
import { peerIdOf, sharedLibp2pOptions } from '@casto/host';
import { freshId, until } from '@casto/host/conformance/loopback-peers';
import { RELAY_TOPIC } from '../src/libp2p-peer.ts';
import { liveRecord, RelayPeers, type NetworkRelay } from './relay/relay-peers.ts';

const GATHER_MS = 100;
const GOSSIP_MS = 5_000;

const relays = new RelayPeers();

afterEach(() => relays.stopAll());

async function signer(): Promise<{ id: PeerId; key: PrivateKey }> {
  const key = await generateKeyPair('Ed25519');
  return { key, id: peerIdOf(peerIdFromPrivateKey(key)) };
}

/** Peers whom the DHT would ask. Its type does not show them. */
function knownServers(libp2p: NetworkRelay['libp2p']): number {
  const { dht } = libp2p.services;
  return 'routingTable' in dht && hasSize(dht.routingTable) ? dht.routingTable.size : 0;
}

function hasSize(value: unknown): value is { size: number } {
  return typeof value === 'object' && value !== null && 'size' in value && typeof value.size === 'number';
}

/** Relays of which each knows only the one before it. */
async function row(count: number): Promise<NetworkRelay[]> {
  const all: NetworkRelay[] = [];
  for (let i = 0; i < count; i++) {
    const before = all.at(-1);
    all.push(await relays.start({ peers: before ? [before.address] : [] }));
  }
  for (const [i, { libp2p }] of all.entries()) {
    const neighbours = i === 0 || i === count - 1 ? 1 : 2;
    await until(
      () => libp2p.services.gossip.getSubscribers(RELAY_TOPIC).length >= neighbours,
      'subscriptions',
    );
    await until(() => knownServers(libp2p) >= neighbours, 'the DHT');
  }
  return all;
}

async function recordAt(relay: NetworkRelay, channel: ChannelId): Promise<number[]> {
  return [...((await relay.network.findRecord(channel)) ?? [])];
}

async function carriers(relay: NetworkRelay, channel: ChannelId): Promise<PeerId[]> {
  const found: PeerId[] = [];
  for await (const carrier of relay.network.findCarriers(channel)) found.push(carrier);
  return found;
}

/** Publishes as time goes on, since gossip needs a moment to know who listens. */
async function gossipUntil(relay: NetworkRelay, isDone: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await isDone()); tries++) {
    if (tries > 80) throw new Error('gossip does not arrive');
    relay.network.loadChanged();
    relay.clock.advance(GATHER_MS);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe('gossip', () => {
  test('[D5.3] tells all relays of the channels of one', { timeout: 20_000 }, async () => {
    const [a, b, c] = await row(3);
    if (!a || !b || !c) throw new Error('no relays');
    const channel = await freshId();
    a.channels.push(channel);

    await gossipUntil(a, async () => (await carriers(c, channel)).length > 0);

    expect(await carriers(b, channel)).toEqual([a.id]);
    expect(await carriers(c, channel)).toEqual([a.id]);
    expect(await carriers(a, channel)).toEqual([]);
    expect(b.network.relaysWithChannels()).toEqual([a.id]);
    expect(a.network.relaysWithChannels()).toEqual([]);
    expect(b.network.knownRelays).toBeGreaterThanOrEqual(1);

    // What has ended is not believed any longer.
    a.channels.pop();
    await gossipUntil(a, async () => (await carriers(c, channel)).length === 0);
    expect(c.network.relaysWithChannels()).toEqual([]);
  });

  test('[D5.3] goes out on change, gathered, and every 5 s', async () => {
    const [a, b] = await row(2);
    if (!a || !b) throw new Error('no relays');
    let heard = 0;
    b.libp2p.services.gossip.addEventListener('message', ({ detail }) => {
      if (detail.topic === RELAY_TOPIC) heard++;
    });
    await gossipUntil(a, () => heard > 0);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const before = heard;

    for (let i = 0; i < 50; i++) a.network.loadChanged();
    a.clock.advance(GATHER_MS);
    await until(() => heard > before, 'the change');
    a.clock.advance(GOSSIP_MS - 1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(heard).toBe(before + 1);
    a.clock.advance(1);
    await until(() => heard > before + 1, 'the repetition');
  });

  test('[D5.3] that falls silent for 15 s is forgotten', { timeout: 20_000 }, async () => {
    const [a, b] = await row(2);
    if (!a || !b) throw new Error('no relays');
    const channel = await freshId();
    a.channels.push(channel);
    await gossipUntil(a, async () => (await carriers(b, channel)).length > 0);
    await relays.stop(a);

    b.clock.advance(3 * GOSSIP_MS - 1);
    expect(await carriers(b, channel)).toEqual([a.id]);
    b.clock.advance(2 * GOSSIP_MS);

    expect(await carriers(b, channel)).toEqual([]);
    expect(b.network.knownRelays).toBe(0);
  });

  test.each<[string, Uint8Array, string]>([
    ['that is no CBOR', new Uint8Array([0xff]), 'gossip:not-decodable'],
    ['of another shape', new Uint8Array([0x84, 1, 0x20, 1, 0x80]), 'gossip:out-of-range'],
    ['with too many channels', new Uint8Array(40_000), 'gossip:too-large'],
  ])('[X1.2] %s is counted', { timeout: 20_000 }, async (_, bytes, reason) => {
    const [a, b] = await row(2);
    if (!a || !b) throw new Error('no relays');

    await gossipUntil(a, async () => {
      await a.libp2p.services.gossip.publish(RELAY_TOPIC, bytes).catch(() => {});
      return Object.keys(b.refused.counts).length > 0;
    });

    expect(Object.keys(b.refused.counts)).toEqual([reason]);
    expect(b.libp2p.getPeers()).toHaveLength(1);
  });
});

describe('the DHT', () => {
  test('[D5.1, D5.2] finds a relay and its record when gossip is silent', { timeout: 20_000 }, async () => {
    const [a, b, c] = await row(3);
    if (!a || !b || !c) throw new Error('no relays');
    const streamer = await signer();
    const signed = await liveRecord(streamer, a.clock.now());
    await a.records.learn(signed.bytes);
    await gossipUntil(a, async () => {
      await a.network.publish(signed);
      return (await carriers(c, streamer.id)).length > 0;
    });

    expect(await carriers(c, streamer.id)).toEqual([a.id]);
    expect(await recordAt(c, streamer.id)).toEqual([...signed.bytes]);
    expect((await c.network.connect(a.id)).remotePeer.toString()).toBe(a.id);
    expect(await carriers(c, await freshId())).toEqual([]);
    expect(await c.network.findRecord(await freshId())).toBeNull();
  });

  test('[D5.2] refuses what its store would take: an old record, a forged one, another key', async () => {
    const [a, b] = await row(2);
    if (!a || !b) throw new Error('no relays');
    const [streamer, other] = [await signer(), await signer()];
    const newer = await liveRecord(streamer, a.clock.now(), { sequence: 7 });
    const older = await liveRecord(streamer, a.clock.now(), { sequence: 6 });
    await a.network.publish(newer);
    await until(() => b.records.get(streamer.id) !== null, 'the record');
    await a.network.publish(older);
    await a.network.publish(await liveRecord({ id: other.id, key: streamer.key }, a.clock.now()));

    expect(b.records.get(streamer.id)?.record.sequence).toBe(7);
    expect(b.records.get(other.id)).toBeNull();
    expect(await recordAt(b, streamer.id)).toEqual([...newer.bytes]);
    expect(await b.network.findRecord(other.id)).toBeNull();
  });

  test('does not name a relay that has withdrawn a channel', { timeout: 20_000 }, async () => {
    const [a, b] = await row(2);
    if (!a || !b) throw new Error('no relays');
    const streamer = await signer();
    await gossipUntil(a, async () => {
      await a.network.publish(await liveRecord(streamer, a.clock.now()));
      return (await carriers(b, streamer.id)).length > 0;
    });
    await a.network.publish(await liveRecord(streamer, a.clock.now(), { sequence: 2, live: false }));
    // B holds the provider record itself, and believes A's own word more.
    await gossipUntil(a, async () => (await carriers(b, streamer.id)).length === 0);

    await until(() => b.records.get(streamer.id)?.record.live === false, 'the last record');
  });

  test('is asked for no more than 64 things at once', async () => {
    const [a] = await row(2);
    if (!a) throw new Error('no relay');
    const channels = await Promise.all(Array.from({ length: 80 }, () => freshId()));
    await Promise.all(channels.map((channel) => a.network.findRecord(channel)));

    expect(a.refused.counts['dht:busy']).toBe(16);
    expect(await a.network.findRecord(await freshId())).toBeNull();
    expect(a.refused.counts['dht:busy']).toBe(16);
  });
});

describe('the relays of the own list', () => {
  test('are dialled again after they were away', { timeout: 20_000 }, async () => {
    const [a, b] = await row(2);
    if (!a || !b) throw new Error('no relays');
    await relays.stop(a);
    await until(() => b.libp2p.getPeers().length === 0, 'the loss');
    for (let i = 0; i < 3; i++) {
      b.clock.advance(3_000);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(b.logged.map(({ event }) => event)).toContain('relay-unreachable');

    // The native listener of webrtc-direct does not give its port back within one process.
    const again = await createLibp2p({
      ...sharedLibp2pOptions(a.folder.privateKey),
      addresses: { listen: [`/ip4/127.0.0.1/tcp/${a.port}`] },
      transports: [tcp()],
    });
    await until(() => {
      b.clock.advance(3_000);
      return b.libp2p.getPeers().length === 1;
    }, 'the connection');

    expect(b.libp2p.getPeers().map(String)).toEqual([a.id]);
    await again.stop();
  });

  test('are dialled by their address alone when that is all that is known', async () => {
    const a = await relays.start();
    const bare = a.address.split('/p2p/')[0] ?? '';
    const b = await relays.start({ peers: [bare] });
    await until(() => b.libp2p.getPeers().length === 1, 'the connection');

    for (let i = 0; i < 5; i++) {
      b.clock.advance(3_000);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }

    expect(b.libp2p.getConnections()).toHaveLength(1);
    expect(a.libp2p.getConnections()).toHaveLength(1);
  });

  test('that cannot be reached keep nobody from starting and stopping', async () => {
    const b = await relays.start({ peers: [`/ip4/127.0.0.1/tcp/1/p2p/${await freshId()}`] });
    await until(() => b.logged.some(({ event }) => event === 'relay-unreachable'), 'the attempt');
    await relays.stop(b);

    b.clock.advance(60_000);
    expect(b.clock.pending).toBe(0);
  });

  test('leave no timers when the relay stops', async () => {
    const [a, b] = await row(2);
    if (!a || !b) throw new Error('no relays');
    await relays.stop(b);
    await relays.stop(a);
    a.network.loadChanged();

    expect([a.clock.pending, b.clock.pending]).toEqual([0, 0]);
  });
});
