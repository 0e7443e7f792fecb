import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { circuitRelayTransport } from '@libp2p/circuit-relay-v2';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { identify } from '@libp2p/identify';
import type { Libp2p } from '@libp2p/interface';
import { webRTCDirect } from '@libp2p/webrtc';
import { webSockets } from '@libp2p/websockets';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { afterEach, describe, expect, test } from 'vitest';
import { processClock, refusalCounter, sharedLibp2pOptions } from '@casto/host';
import { until } from '@casto/host/conformance/loopback-peers';
import { NetworkShare } from '../src/access/network-share.ts';
import { openDataFolder } from '../src/data-folder.ts';
import { chooseP2pPort } from '../src/free-ports.ts';
import { createRelayPeer, DHT_PROTOCOL, type RelayPeer } from '../src/libp2p-peer.ts';
import { RecordMemory } from '../src/record-memory.ts';

const HOST = '127.0.0.1';
const ECHO_PROTOCOL = '/casto-test/echo/1';
const running: Pick<Libp2p, 'stop'>[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(running.splice(0).map((peer) => Promise.resolve(peer.stop())));
});

interface RelaySettings {
  announce?: string[];
  host?: string;
  peers?: string[];
  share?: NetworkShare;
}

async function relay(options: RelaySettings = {}): Promise<{
  libp2p: RelayPeer;
  port: number;
  certhash: string;
  refused: Readonly<Record<string, number>>;
}> {
  const { announce = [], host = HOST, peers = [], share = new NetworkShare(500) } = options;
  const refused = refusalCounter();
  const folder = await openDataFolder(undefined);
  const port = await chooseP2pPort(host);
  const records = new RecordMemory(processClock);
  const libp2p = await createRelayPeer({
    host,
    p2pPort: port,
    announce,
    peers,
    mdns: false,
    folder,
    records,
    share,
    refused,
  });
  running.push(libp2p);
  return { libp2p, port, certhash: folder.certificate.certhash, refused: refused.counts };
}

/** A peer that can do what pages can do: dial, and be reached through a circuit. */
async function page(listen: string[] = []): Promise<Libp2p> {
  const libp2p = await createLibp2p({
    ...sharedLibp2pOptions(await generateKeyPair('Ed25519')),
    addresses: { listen },
    transports: [
      webSockets(),
      webRTCDirect({ rtcConfiguration: { iceServers: [] } }),
      circuitRelayTransport(),
    ],
    services: { identify: identify() },
  });
  running.push(libp2p);
  return libp2p;
}

function socketOf({ libp2p, port }: Awaited<ReturnType<typeof relay>>) {
  return multiaddr(`/ip4/${HOST}/tcp/${port + 1}/ws/p2p/${libp2p.peerId.toString()}`);
}

describe('a relay as a peer', () => {
  test('listens for relays on TCP and for pages on WebSocket and webrtc-direct', async () => {
    const { libp2p, port, certhash } = await relay();
    const id = libp2p.peerId.toString();

    expect(libp2p.getMultiaddrs().map(String).toSorted()).toEqual([
      `/ip4/${HOST}/tcp/${port}/p2p/${id}`,
      `/ip4/${HOST}/tcp/${port + 1}/ws/p2p/${id}`,
      `/ip4/${HOST}/udp/${port}/webrtc-direct/certhash/${certhash}/p2p/${id}`,
    ]);
    expect(libp2p.getProtocols()).toContain(DHT_PROTOCOL);
  });

  test('announces other addresses when it is told to', async () => {
    const announce = ['203.0.113.7', '2001:db8::7', 'relay.example', '/dns4/edge.example/tcp/443/wss'];
    const { libp2p, port, certhash } = await relay({ announce });
    const addresses = libp2p.getMultiaddrs().map((address) => address.toString().replace(/\/p2p\/.*/, ''));

    expect(addresses).toEqual(
      expect.arrayContaining([
        `/ip4/203.0.113.7/tcp/${port}`,
        `/ip4/203.0.113.7/tcp/${port + 1}/ws`,
        `/ip4/203.0.113.7/udp/${port}/webrtc-direct/certhash/${certhash}`,
        `/ip6/2001:db8::7/tcp/${port}`,
        `/dns/relay.example/tcp/${port + 1}/ws`,
        '/dns4/edge.example/tcp/443/wss',
      ]),
    );
    expect(addresses.filter((address) => address.includes(HOST))).toEqual([]);
  });

  test('starts whatever its list of relays holds', async () => {
    const { libp2p } = await relay({ peers: ['/ip4/127.0.0.1/tcp/1', '/dns4/nowhere.invalid/tcp/2/ws'] });

    expect(libp2p.status).toBe('started');
  });

  test('takes 40 pages that come at once', { timeout: 30_000 }, async () => {
    const it = await relay();
    const pages = await Promise.all(Array.from({ length: 40 }, () => page()));
    await Promise.all(pages.map((one) => one.dial(socketOf(it))));

    await until(() => it.libp2p.getConnections().length === 40, 'all pages');
    for (const one of pages) await one.stop();
    await until(() => it.libp2p.getConnections().length === 0, 'their end');
  });

  test('lets one page reach another through its circuit, for longer than libp2p would', async () => {
    const it = await relay();
    const circuit = `${socketOf(it).toString()}/p2p-circuit`;
    const [near, far] = [await page(), await page([circuit])];
    let received = 0;
    await far.handle(
      ECHO_PROTOCOL,
      (stream) => stream.addEventListener('message', ({ data }) => (received += data.byteLength)),
      { runOnLimitedConnection: true },
    );
    await until(() => far.getMultiaddrs().length > 0, 'the reservation');
    await near.dial(multiaddr(`${circuit}/p2p/${far.peerId.toString()}`));
    const [connection] = near.getConnections(far.peerId);
    if (!connection) throw new Error('not connected');
    const stream = await connection.newStream(ECHO_PROTOCOL, { runOnLimitedConnection: true });
    // Beyond the 128 KiB that a circuit carries by default.
    for (let sent = 0; sent < 1_000_000; sent += 10_000) {
      if (!stream.send(new Uint8Array(10_000))) await stream.onDrain();
    }

    await until(() => received === 1_000_000, 'all bytes');
    expect(connection.limits?.seconds).toBeGreaterThan(300);
  });
});

describe('what one network may have', () => {
  /** Every address counts, those of this machine too. */
  const shareOf = (most: number): NetworkShare => new NetworkShare(most, () => false);

  /** A host that opens TCP connections and says nothing. @returns The ends of those that the relay did not close. */
  async function occupy(port: number, count: number): Promise<Socket[]> {
    const opened = Array.from({ length: count }, () =>
      connect({ host: HOST, port, localAddress: '127.0.0.2' }).on('error', () => {}),
    );
    sockets.push(...opened);
    await Promise.all(opened.map((socket) => once(socket, 'connect')));
    return opened;
  }

  test('is its share of the connections, which leaves room for others', async () => {
    const share = shareOf(3);
    const it = await relay({ share });
    const opened = await occupy(it.port, 5);
    await until(() => it.refused['peer:too-many-of-one'] === 2, 'the end of the surplus');
    await until(() => opened.filter(({ closed }) => closed).length === 2, 'their sockets');

    const one = await page();
    await one.dial(socketOf(it));
    await until(() => it.libp2p.getConnections().length === 1, "the relay's end of it");
    for (const socket of opened) socket.destroy();
    await one.stop();
    await until(() => share.networks === 0, 'the share of nobody');
  });

  test('counts pages over WebSocket and webrtc-direct together, until they leave', async () => {
    const share = shareOf(2);
    const it = await relay({ share });
    const id = it.libp2p.peerId.toString();
    const direct = multiaddr(`/ip4/${HOST}/udp/${it.port}/webrtc-direct/certhash/${it.certhash}/p2p/${id}`);
    const [first, second, third] = [await page(), await page(), await page()];
    await first.dial(direct);
    await second.dial(socketOf(it));

    const outcome = await third.dial(socketOf(it)).then(
      () => 'connected',
      () => 'turned away',
    );
    expect(outcome).toBe('turned away');
    expect(it.refused['peer:too-many-of-one']).toBe(1);
    await first.stop();
    await until(() => it.libp2p.getConnections().length === 1, 'its end');
    await third.dial(socketOf(it));
    await until(() => it.libp2p.getConnections().length === 2, "the relay's end of it");
    await Promise.all([second.stop(), third.stop()]);
    await until(() => share.networks === 0, 'the share of nobody');
  });

  test('is as much as it likes for private addresses, which may be anybody', async () => {
    const it = await relay({ share: new NetworkShare(1) });
    const pages = await Promise.all([page(), page(), page()]);
    for (const one of pages) await one.dial(socketOf(it));

    await until(() => it.libp2p.getConnections().length === 3, "the relay's end of it");
    expect(it.refused).toEqual({});
  });
});
