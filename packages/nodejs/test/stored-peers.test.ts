import { generateKeyPair } from '@libp2p/crypto/keys';
import { identify } from '@libp2p/identify';
import type { Libp2p } from '@libp2p/interface';
import { webSockets } from '@libp2p/websockets';
import { createLibp2p, type Libp2pOptions } from 'libp2p';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sharedLibp2pOptions } from '@casto/host';
import { until } from '@casto/host/conformance/loopback-peers';
import { VirtualClock } from '@casto/host/conformance/virtual-clock';
import { DHT_PROTOCOL } from '../src/libp2p-peer.ts';
import { StoredPeers } from '../src/stored-peers.ts';

const SWEEP_MS = 30_000;

let clock: VirtualClock;
let relay: Libp2p;
let stored: StoredPeers;
const others: Libp2p[] = [];

beforeEach(async () => {
  clock = new VirtualClock();
  relay = await peer({ addresses: { listen: ['/ip4/127.0.0.1/tcp/0/ws'] } });
  stored = new StoredPeers({ libp2p: relay, clock });
});
afterEach(async () => {
  stored.stop();
  for (const one of [relay, ...others.splice(0)]) await one.stop();
});

async function peer(options: Libp2pOptions = {}): Promise<Libp2p> {
  return createLibp2p({
    ...sharedLibp2pOptions(await generateKeyPair('Ed25519')),
    transports: [webSockets()],
    services: { identify: identify() },
    ...options,
  });
}

/** A peer that is connected, and that libp2p has heard of. */
async function visitor(protocol?: string): Promise<Libp2p> {
  const other = await peer();
  others.push(other);
  if (protocol !== undefined) await other.handle(protocol, () => {});
  await other.dial(relay.getMultiaddrs());
  for (let tries = 0; tries < 200 && (await protocolsOf(other)).length === 0; tries++) await pause();
  expect(await protocolsOf(other)).not.toEqual([]);
  return other;
}

async function protocolsOf({ peerId }: Libp2p): Promise<readonly string[]> {
  return (await relay.peerStore.has(peerId)) ? (await relay.peerStore.get(peerId)).protocols : [];
}

async function leave(other: Libp2p): Promise<void> {
  await other.stop();
  await until(() => relay.getConnections(other.peerId).length === 0, 'the end of the connection');
}

/** Lets the sweep take place, which writes to the store in turns of the event loop. */
async function sweep(): Promise<void> {
  await clock.pass(SWEEP_MS + 1_000);
  for (let turns = 0; turns < 20; turns++) await pause();
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 10));
}

test('those who have left are forgotten, and those who are connected are not', async () => {
  const [gone, there] = [await visitor(), await visitor()];
  await leave(gone);
  await sweep();

  expect(await relay.peerStore.has(gone.peerId)).toBe(false);
  expect(await protocolsOf(there)).not.toEqual([]);
});

test('one that comes back in time stays known', async () => {
  const other = await visitor();
  for (const connection of other.getConnections()) await connection.close();
  await until(() => relay.getConnections(other.peerId).length === 0, 'the end of the connection');
  await other.dial(relay.getMultiaddrs());
  await until(() => relay.getConnections(other.peerId).length === 1, 'the next connection');
  await sweep();

  expect(await protocolsOf(other)).not.toEqual([]);
});

test('relays stay known, since the DHT asks them again', async () => {
  const other = await visitor(DHT_PROTOCOL);
  await leave(other);
  await sweep();

  expect(await protocolsOf(other)).toContain(DHT_PROTOCOL);
});

test('nothing is under way after its end', async () => {
  await leave(await visitor());
  stored.stop();

  expect(clock.pending).toBe(0);
});
