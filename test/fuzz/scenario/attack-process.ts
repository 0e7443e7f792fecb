/** The attackers, in a process of their own. */

import { once } from 'node:events';
import { createSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';
import { createRandom, isPeerId, type ChannelId } from '@casto/core';
import type { Connection } from '@libp2p/interface';
import { answerCalls } from '../../../packages/nodejs/bench/worker-calls.ts';
import {
  writeNack,
  writePictureLoss,
  writeReceiverReport,
} from '../../../packages/nodejs/src/media/rtcp-writer.ts';
import { rtp, vp8 } from '../../../packages/nodejs/test/media/rtp-builder.ts';
import { randomBytes } from '../byte-mutations.ts';
import { validOffer } from '../valid-descriptions.ts';
import { ScenarioPeers, type RelayAddress, type Watching } from './scenario-peer.ts';

const HOST = '127.0.0.1';
const JOINERS = 12;
const JOINS_AT_ONCE = 8;
/** Between attempts that fail: well below the thousand connections a second that a relay takes from one host. */
const RECONNECT_MS = 200;
const SLOW_SOCKETS = 1_500;
const DEFAULT_READERS = 20;
const WATCHERS = 4;
/** A link is closed beyond 200 packets in a second, so these stay just below. */
const PACKETS_PER_SECOND = 180;
const PACE_MS = 20;
/** As large as a datagram is: seventeen sequences in four bytes. */
const NACKED = 4_000;
const SPOOFED_PER_PACE = 40;

interface Target {
  readonly relay: RelayAddress;
  readonly channel: ChannelId;
  readonly readers: number;
}

type Attack = (target: Target, peers: ScenarioPeers) => Promise<void>;

const random = createRandom(1);
let done = 0;

const ATTACKS: ReadonlyMap<string, Attack> = new Map<string, Attack>([
  ['join-flood', joinFlood],
  ['slow-loris', slowLoris],
  ['spoofed-ssrc', spoofedSsrc],
  ['nack-storm', (target, peers) => storm(target, peers, nackOf)],
  ['pli-storm', (target, peers) => storm(target, peers, (ssrc) => writePictureLoss(7, ssrc))],
  ['silent-reader', silentReader],
]);

/** Joins as fast as they are answered, with offers that nothing stands behind, and connects again when it is put out. */
async function joinFlood({ channel }: Target, peers: ScenarioPeers): Promise<void> {
  const { sdp } = offerOfOneLayer();
  const ask = async (connection: Connection): Promise<void> => {
    while (connection.status === 'open') {
      await peers.askBarely(connection, channel, sdp);
      done++;
    }
  };
  const flood = async (first: Connection): Promise<void> => {
    for (let connection = first; ;) {
      const asking = Array.from({ length: JOINS_AT_ONCE }, () => ask(connection));
      await Promise.all(asking).catch(() => pause(RECONNECT_MS));
      connection.abort(new Error('used up'));
      connection = await peers.connect().catch(() => first);
    }
  };
  const connections = await Promise.all(Array.from({ length: JOINERS }, () => peers.connect()));
  for (const connection of connections) void flood(connection);
}

function offerOfOneLayer(): { sdp: string } {
  for (;;) {
    const offer = validOffer(random);
    if (offer.audio && offer.layers.length === 1) return offer;
  }
}

/** Connections to HTTP and to libp2p that send a byte a second. */
async function slowLoris({ relay }: Target): Promise<void> {
  const tcp = relay.multiaddrs.map((address) => /\/tcp\/(\d+)\/p2p\//.exec(address)?.[1]).find(Boolean);
  const sockets = Array.from({ length: SLOW_SOCKETS }, (_, i) =>
    slowSocket(i % 3 === 0 ? Number(tcp) : relay.httpPort),
  );
  setInterval(() => {
    for (const [i, socket] of sockets.entries()) {
      if (socket.destroyed) sockets[i] = slowSocket(i % 3 === 0 ? Number(tcp) : relay.httpPort);
      else socket.write('x');
      done++;
    }
  }, 1_000);
}

function slowSocket(port: number): Socket {
  const socket = connect(port, HOST);
  socket.on('error', () => {});
  socket.resume();
  socket.on('connect', () => socket.write('GET / HTTP/1.1\r\nX-Slow: '));
  return socket;
}

/** A viewer that sends RTCP about others' streams, and a stranger that sends RTP to the port of the media. */
async function spoofedSsrc({ relay, channel }: Target, peers: ScenarioPeers): Promise<void> {
  const viewer = await peers.watch(channel);
  const socket = createSocket('udp4');
  every(() => {
    const ssrc = random.below(2 ** 32);
    viewer.sendRtcp(
      Buffer.concat([writeNack(ssrc, random.below(2 ** 32), [1, 2, 3]), writePictureLoss(ssrc, 1)]),
    );
    viewer.sendRtcp(
      writeReceiverReport(
        ssrc,
        Array.from({ length: 31 }, (_, i) => lyingReport(i)),
        'x',
      ),
    );
    done += 2;
  });
  setInterval(() => {
    for (let i = 0; i < SPOOFED_PER_PACE; i++) {
      const packet =
        i % 2 === 0
          ? rtp({ ssrc: i, sequence: random.below(65_536), payload: vp8({ key: true }) })
          : Buffer.from(randomBytes(random, 200));
      socket.send(packet, relay.mediaPort, HOST);
      done++;
    }
  }, PACE_MS);
}

function lyingReport(ssrc: number): Parameters<typeof writeReceiverReport>[1][number] {
  return {
    ssrc,
    fractionLost: 1,
    lost: 0x7fffff,
    highestSequence: 2 ** 32 - 1,
    jitter: 2 ** 32 - 1,
    lastReport: 2 ** 32 - 1,
    sinceLastReport: 2 ** 32 - 1,
  };
}

/** Viewers whose RTCP is about their own streams, as often as a link allows. */
async function storm(
  { channel }: Target,
  peers: ScenarioPeers,
  write: (ssrc: number) => Buffer,
): Promise<void> {
  const watchers: Watching[] = [];
  for (let i = 0; i < WATCHERS; i++) watchers.push(await peers.watch(channel));
  every(() => {
    for (const watcher of watchers) {
      for (const { ssrc } of watcher.sources.slice(0, 1)) watcher.sendRtcp(write(ssrc));
      done++;
    }
  });
}

let nackedUpTo = 0;

function nackOf(ssrc: number): Buffer {
  nackedUpTo = (nackedUpTo + NACKED) % 60_000;
  return writeNack(
    7,
    ssrc,
    Array.from({ length: NACKED }, (_, i) => nackedUpTo + i),
  );
}

/** Viewers that are let in and never read again: whoever started this process stops it now. */
async function silentReader({ channel, readers }: Target, peers: ScenarioPeers): Promise<void> {
  for (let i = 0; i < readers; i++) await peers.watch(channel);
  done = readers;
}

function every(action: () => void): void {
  setInterval(action, 1_000 / PACKETS_PER_SECOND);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

answerCalls({
  attack: async (text) => {
    const {
      name,
      relay,
      channel,
      readers = DEFAULT_READERS,
    } = JSON.parse(text) as { name: string; relay: RelayAddress; channel: string; readers?: number };
    const attack = ATTACKS.get(name);
    if (attack === undefined || !isPeerId(channel)) throw new Error(`no scenario ${name}`);
    await attack({ relay, channel, readers }, new ScenarioPeers(relay));
    return '';
  },
  figures: () => JSON.stringify({ done }),
});
await once(process, 'exit');
