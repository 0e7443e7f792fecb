/** Real libp2p peers in one process, joined over loopback, for tests of what runs on their streams. */

import { generateKeyPair } from '@libp2p/crypto/keys';
import type { Connection, Libp2p, PrivateKey, Stream } from '@libp2p/interface';
import { webSockets } from '@libp2p/websockets';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { createLibp2p } from 'libp2p';
import { turn } from './virtual-clock.ts';
import { sharedLibp2pOptions } from '../libp2p-options.ts';
import { peerIdOf } from '../remote-peer.ts';
import type { PeerId } from '@casto/core';

const RAW_PROTOCOL = '/casto-test/raw/1';

/** A peer that does not run. */
export async function freshPeer(): Promise<Pick<TestPeer, 'id' | 'key'>> {
  const key = await generateKeyPair('Ed25519');
  return { id: peerIdOf(peerIdFromPrivateKey(key)), key };
}

/** The id of a peer that does not run. */
export async function freshId(): Promise<PeerId> {
  return (await freshPeer()).id;
}

/** Waits for what streams bring. @throws When it does not come. */
export async function until(isDone: () => boolean, what = 'it', withinMs = 8_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!isDone()) {
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await turn(1);
  }
}

export interface TestPeer {
  readonly libp2p: Libp2p;
  readonly id: PeerId;
  readonly key: PrivateKey;
}

/** A peer that can be dialled, in this process or another one. */
export interface Reachable {
  readonly libp2p: Pick<Libp2p, 'getMultiaddrs'>;
  readonly id: PeerId;
}

/** Makes peers, and stops them all at the end of the test. */
export class TestPeers {
  readonly #peers: TestPeer[] = [];

  async create(key: PrivateKey | null = null): Promise<TestPeer> {
    return this.#start(key ?? (await generateKeyPair('Ed25519')));
  }

  async #start(key: PrivateKey): Promise<TestPeer> {
    const libp2p = await createLibp2p({
      ...sharedLibp2pOptions(key),
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0/ws'] },
      transports: [webSockets()],
      // All come from one host, many at once.
      connectionManager: { inboundConnectionThreshold: 1_000, maxIncomingPendingConnections: 500 },
    });
    const peer = { libp2p, id: peerIdOf(libp2p.peerId), key };
    this.#peers.push(peer);
    return peer;
  }

  async connect(from: TestPeer, to: Reachable): Promise<Connection> {
    return from.libp2p.dial(to.libp2p.getMultiaddrs());
  }

  /** The two ends of one bare stream. */
  async stream(): Promise<{ near: Stream; far: Stream }> {
    const [one, other] = [await this.create(), await this.create()];
    const arrived = new Promise<Stream>((resolve) => {
      void other.libp2p.handle(RAW_PROTOCOL, (stream) => resolve(stream));
    });
    const connection = await this.connect(one, other);
    const near = await connection.newStream(RAW_PROTOCOL);
    return { near, far: await arrived };
  }

  async stop(): Promise<void> {
    for (const { libp2p } of this.#peers.splice(0)) await libp2p.stop();
  }
}
