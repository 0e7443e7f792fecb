/** The relay as a whole, with all its parts real. What its media do is shown in test/media and end to end. */

import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { multiaddr } from '@multiformats/multiaddr';
import { afterEach, describe, expect, test } from 'vitest';
import {
  messageChannel,
  peerIdOf,
  refusalCounter,
  relayRtpCapabilities,
  RendezvousClient,
  requestLink,
} from '@casto/host';
import {
  linkCodec,
  LINK_PROTOCOL,
  PROTOCOL_VERSION,
  rendezvousCodec,
  RENDEZVOUS_PROTOCOL,
} from '@casto/core';
import { freshId, TestPeers, until } from '@casto/host/conformance/loopback-peers';
import { MemoryLinks } from '@casto/host/conformance/memory-links';
import { VirtualClock } from '@casto/host/conformance/virtual-clock';
import { chooseP2pPort, chooseUdpPort } from '../src/free-ports.ts';
import { createRelay } from '../src/relay.ts';
import type { Relay, RelayOptions } from '../src/relay-options.ts';
import { liveRecord } from './relay/relay-peers.ts';
import { mappedAddress, sampleMessage } from './stun/stun-samples.ts';

const peers = new TestPeers();
const relays: Relay[] = [];
const folders: string[] = [];

afterEach(async () => {
  await peers.stop();
  for (const relay of relays.splice(0)) await relay.stop();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

async function start(options: RelayOptions = {}): Promise<Relay> {
  const relay = await createRelay({ host: '127.0.0.1', mdns: false, ...options });
  relays.push(relay);
  return relay;
}

/** With other ports of libp2p and media each time: the native library lets go of those some time after the stop. */
async function startWith(dataDir: string, options: RelayOptions = {}): Promise<Relay> {
  const p2pPort = await chooseP2pPort('127.0.0.1');
  const mediaPort = await chooseUdpPort('127.0.0.1', [p2pPort]);
  return start({ dataDir, p2pPort, mediaPort, ...options });
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'casto-relay-'));
  folders.push(path);
  return path;
}

function socketOf(relay: Relay) {
  const address = relay.multiaddrs.find((one) => one.includes('/ws/'));
  if (address === undefined) throw new Error('no WebSocket');
  return multiaddr(address);
}

async function page(relay: Relay) {
  const peer = await peers.create();
  const connection = await peer.libp2p.dial(socketOf(relay));
  return { ...peer, connection };
}

/** The port that the server at `stunPort` sees this machine send from. */
async function mappedPort(stunPort: number): Promise<number> {
  const socket = createSocket('udp4');
  try {
    const answers: Buffer[] = [];
    socket.on('message', (bytes) => answers.push(bytes));
    socket.send(sampleMessage(), stunPort, '127.0.0.1');
    await until(() => answers.length > 0, 'the answer');
    const [seen = ''] = answers.map(mappedAddress);
    expect(seen).toBe(`127.0.0.1 ${socket.address().port}`);
    return socket.address().port;
  } finally {
    socket.close();
  }
}

/** What a page asks for that has no place yet. */
const JOIN = {
  version: PROTOCOL_VERSION,
  kind: 'browser' as const,
  layers: [0],
  audio: true,
  capabilities: relayRtpCapabilities(),
  path: new Uint8Array(),
  standby: false,
  slots: 0,
  ageS: 0,
};

describe('starting', () => {
  test('tells what there is', async () => {
    const events: string[] = [];
    const relay = await start({ maxViewers: 7, log: (_level, event) => events.push(event) });

    expect(relay.status()).toEqual({
      peerId: relay.peerId,
      multiaddrs: relay.multiaddrs,
      uptimeMs: expect.any(Number) as unknown,
      draining: false,
      peers: 0,
      viewers: 0,
      maxViewers: 7,
      channels: [],
      sessions: { publishers: 0, players: 0 },
      stunPort: relay.stunPort,
      stunAnswers: 0,
      processes: [
        {
          name: 'main',
          pid: process.pid,
          cpuSeconds: expect.any(Number) as unknown,
          residentBytes: expect.any(Number) as unknown,
          eventLoopDelayMs: expect.any(Number) as unknown,
          children: 0,
          restarts: 0,
        },
      ],
      refused: {},
    });
    expect(relay.multiaddrs).toHaveLength(3);
  });

  test('on a port that is taken fails in one line, and lets go of its folder', async () => {
    const [dataDir, port] = [await folder(), await chooseP2pPort('127.0.0.1')];
    const server = createServer();
    await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port }, resolve));
    const error: unknown = await start({ dataDir, p2pPort: port }).catch((reason: unknown) => reason);
    await new Promise((resolve) => server.close(resolve));

    expect(error).toMatchObject({ name: 'RelayStartError', reason: 'port-in-use' });
    expect(error instanceof Error && error.message.split('\n')).toHaveLength(1);
    const relay = await start({ dataDir, p2pPort: port });
    expect(relay.multiaddrs[0]).toContain(`/tcp/${port}`);
    expect(await readdir(dataDir)).not.toEqual([]);
  });

  test('with one port for libp2p and media is refused', async () => {
    const port = await chooseP2pPort('127.0.0.1');

    await expect(start({ p2pPort: port, mediaPort: port })).rejects.toMatchObject({ reason: 'bad-option' });
  });

  test('answers STUN on a port that its folder remembers', async () => {
    const dataDir = await folder();
    const first = await startWith(dataDir);
    const port = first.stunPort ?? 0;
    expect(await mappedPort(port)).toBeGreaterThan(0);
    expect(first.status()).toMatchObject({ stunPort: port, stunAnswers: 1 });
    await first.stop();

    const silent = await startWith(dataDir, { stun: false });
    expect(silent.status()).toMatchObject({ stunPort: null, stunAnswers: 0 });
    await silent.stop();

    const again = await startWith(dataDir);
    expect(again.stunPort).toBe(port);
    await again.stop();

    const media = await startWith(dataDir, { mediaPort: port });
    expect(media.stunPort).not.toBe(port);
  });

  test.each(['p2pPort', 'mediaPort'] as const)('with one port for STUN and %s is refused', async (other) => {
    const port = await chooseP2pPort('127.0.0.1');
    await expect(start({ stunPort: port, [other]: port })).rejects.toMatchObject({ reason: 'bad-option' });
  });

  test('two relays of one list connects them', async () => {
    const first = await start();
    const second = await start({ peers: [first.multiaddrs[0] ?? ''] });

    await until(() => first.status().peers === 1 && second.status().peers === 1, 'the connection');
  });
});

describe('a running relay', () => {
  test('takes announcements and joins, and shows the channel', async () => {
    const relay = await start({ maxViewers: 0 });
    const streamer = await page(relay);
    const client = await RendezvousClient.open(streamer.connection, AbortSignal.timeout(5_000));
    const record = await liveRecord(streamer, Date.now());

    expect(await client.announce(record.bytes, null)).toEqual({ carries: false });

    expect(relay.status().channels).toEqual([{ channel: streamer.id, title: '', live: true, viewers: 0 }]);
    const viewer = await page(relay);
    const links = new MemoryLinks({ clock: new VirtualClock() });
    const refused = refusalCounter();
    const ask = async (channel: typeof streamer.id): Promise<unknown> => {
      const end = links.child({ audio: true, video: 'vp8' });
      const signal = AbortSignal.timeout(8_000);
      return requestLink(viewer.connection, end, { ...JOIN, channel }, { signal, refused });
    };
    expect(await ask(streamer.id)).toMatchObject({ type: 'refused', reason: 'full' });
    expect(await ask(await freshId())).toMatchObject({ type: 'refused', reason: 'not-found' });
    await streamer.libp2p.stop();
    await until(() => relay.status().channels.length === 0, 'the end of the channel');
    expect(relay.status().refused).toEqual({ 'join:full': 1, 'join:not-found': 1 });
    expect(relay.metrics()).toMatchObject({
      readiness: 'ready',
      joins: { accepted: 0, redirected: 0, refused: { full: 1, 'not-found': 1 }, tooMany: 0 },
      refused: { 'join:full': 1, 'join:not-found': 1 },
    });
    const { connections } = relay.metrics();
    expect(connections.inbound).toBeGreaterThanOrEqual(1);
  });

  test('counts what it refuses, and goes on', async () => {
    const relay = await start();
    const { connection } = await page(relay);
    const raw = async (protocol: string): Promise<void> => {
      const stream = await connection.newStream(protocol);
      stream.send(new Uint8Array([2, 0xff, 0xff]));
      const codec = protocol === LINK_PROTOCOL ? linkCodec : rendezvousCodec;
      const channel = messageChannel<{ type: string }>(stream, codec);
      expect((await channel.read()).type).toMatch(/refuse/);
      await channel.close();
    };
    await raw(LINK_PROTOCOL);
    await raw(RENDEZVOUS_PROTOCOL);

    expect(relay.status().refused).toEqual({ 'link:not-decodable': 1, 'rendezvous:not-decodable': 1 });
    const key = await generateKeyPair('Ed25519');
    const other = { key, id: peerIdOf(peerIdFromPrivateKey(key)) };
    const client = await RendezvousClient.open(connection, AbortSignal.timeout(5_000));
    await expect(client.announce((await liveRecord(other, Date.now())).bytes, null)).rejects.toMatchObject({
      reason: 'not-owner',
    });
  });
});

describe('a relay that has grown beyond its memory', () => {
  test('says so, and takes nobody', async () => {
    const relay = await start({ maxMemoryBytes: 1 });
    expect(relay.readiness).toBe('memory');
    const { connection } = await page(relay);
    const join = { ...JOIN, channel: await freshId() };
    const end = new MemoryLinks({ clock: new VirtualClock() }).child({ audio: true, video: 'vp8' });
    const options = { signal: AbortSignal.timeout(8_000), refused: refusalCounter() };
    expect(await requestLink(connection, end, join, options)).toMatchObject({ reason: 'full' });
    expect(relay.metrics().joins.refused).toEqual({ full: 1 });
  });
});

describe('leaving', () => {
  test('drains at once when nobody is there', async () => {
    const relay = await start();
    expect(relay.readiness).toBe('ready');
    const before = Date.now();
    await relay.drain(10_000);

    expect(Date.now() - before).toBeLessThan(1_000);
    expect(relay.status().draining).toBe(true);
    expect(relay.readiness).toBe('draining');
  });

  test('stops once, however often it is asked', async () => {
    const relay = await start();
    const { connection } = await page(relay);
    await Promise.all([relay.stop(), relay.stop()]);
    await relay.stop();

    await until(() => connection.status !== 'open', 'the end of the connection');
  });
});
