/** Relays as they are on the network: libp2p with all its services on loopback, and time that the test moves. */

import type { ChannelId, ChannelRecord, PeerId } from '@casto/core';
import { peerIdOf, refusalCounter, signRecord, type SignedRecord } from '@casto/host';
import type { TestPeer } from '@casto/host/conformance/loopback-peers';
import { VirtualClock } from '@casto/host/conformance/virtual-clock';
import { openDataFolder, type DataFolder } from '../../src/data-folder.ts';
import { chooseP2pPort } from '../../src/free-ports.ts';
import { NetworkShare } from '../../src/access/network-share.ts';
import { createRelayPeer, type RelayPeer } from '../../src/libp2p-peer.ts';
import { RecordMemory } from '../../src/record-memory.ts';
import { RelayNetwork } from '../../src/relay-network.ts';

const HOST = '127.0.0.1';

export interface NetworkRelay {
  readonly libp2p: RelayPeer;
  readonly id: PeerId;
  readonly network: RelayNetwork;
  readonly records: RecordMemory;
  readonly clock: VirtualClock;
  readonly refused: ReturnType<typeof refusalCounter>;
  readonly logged: { event: string; fields: object }[];
  /** What it says that it carries. */
  readonly channels: ChannelId[];
  readonly folder: DataFolder;
  readonly port: number;
  /** Where other relays reach it over TCP. */
  readonly address: string;
}

export class RelayPeers {
  readonly #running: NetworkRelay[] = [];

  async start({ peers = [] }: { peers?: string[] } = {}): Promise<NetworkRelay> {
    const folder = await openDataFolder(undefined);
    const port = await chooseP2pPort(HOST);
    const clock = new VirtualClock();
    const records = new RecordMemory(clock);
    const refused = refusalCounter();
    const libp2p = await createRelayPeer({
      host: HOST,
      p2pPort: port,
      announce: [],
      peers,
      mdns: false,
      folder,
      records,
      share: new NetworkShare(500),
      refused,
    });
    const channels: ChannelId[] = [];
    const logged: NetworkRelay['logged'] = [];
    const network = new RelayNetwork({
      libp2p,
      clock,
      refused,
      peers,
      log: (_level, event, fields) => void logged.push({ event, fields }),
      load: () => ({ viewers: 1, maxViewers: 10, channels }),
    });
    const id = peerIdOf(libp2p.peerId);
    const address = `/ip4/${HOST}/tcp/${port}/p2p/${id}`;
    const relay = { libp2p, id, network, records, clock, refused, logged, channels, folder, port, address };
    this.#running.push(relay);
    return relay;
  }

  async stop(relay: NetworkRelay): Promise<void> {
    this.#running.splice(this.#running.indexOf(relay), 1);
    relay.network.stop();
    await relay.libp2p.stop();
  }

  async stopAll(): Promise<void> {
    while (this.#running[0]) await this.stop(this.#running[0]);
  }
}

/** A record of a live channel, as its streamer would sign it. */
export function liveRecord(
  { id, key }: Pick<TestPeer, 'id' | 'key'>,
  now: number,
  changes: Partial<Omit<ChannelRecord, 'channel'>> = {},
): Promise<SignedRecord> {
  return signRecord(key, {
    channel: id,
    epoch: 1_700_000_000,
    sequence: 1,
    expiresAt: Math.floor(now) + 3_600_000,
    title: '',
    app: '',
    video: 'vp8',
    layers: 1,
    audio: true,
    live: true,
    listed: true,
    ...changes,
  });
}
