/** The relay as a libp2p peer: transports, discovery, circuit relay, DHT and gossip. */

import { isIP } from 'node:net';
import { bootstrap } from '@libp2p/bootstrap';
import { circuitRelayServer, circuitRelayTransport } from '@libp2p/circuit-relay-v2';
import { gossipsub } from '@libp2p/gossipsub';
import { identify, identifyPush } from '@libp2p/identify';
import { kadDHT, passthroughMapper } from '@libp2p/kad-dht';
import { mdns } from '@libp2p/mdns';
import { ping } from '@libp2p/ping';
import { tcp } from '@libp2p/tcp';
import { webRTCDirect } from '@libp2p/webrtc';
import { webSockets } from '@libp2p/websockets';
import { createLibp2p } from 'libp2p';
import { sharedLibp2pOptions, type RefusalCounter } from '@casto/host';
import type { NetworkShare } from './access/network-share.ts';
import type { DataFolder } from './data-folder.ts';
import { inboundGate } from './inbound-gate.ts';
import { recordSelectors, type RecordMemory } from './record-memory.ts';

/** Apart from the public IPFS DHT, whose peers know nothing of channels. */
export const DHT_PROTOCOL = '/casto/kad/1';
/** Loads and channels of relays; every relay subscribes. */
export const RELAY_TOPIC = 'casto/relays/1';

/** One libp2p connection per viewer, some to spare for those that only look. */
const MAX_CONNECTIONS = 5_000;
/** Joins arrive in bursts: with libp2p's default of 10 pending, 40 joins at once left 5 connected. */
const MAX_PENDING_CONNECTIONS = 500;
/** New connections per second and remote host. A mobile carrier's NAT is one host. */
const INBOUND_PER_SECOND = 1_000;
/** Signaling of one link through the circuit: two descriptions and their candidates, and much to spare. */
const CIRCUIT_BYTES = 4n * 1024n * 1024n;
const CIRCUIT_MS = 10 * 60_000;
const MAX_RESERVATIONS = 5_000;
/**
 * How long the DHT believes that a relay carries a channel (48 h by default). A relay says so anew with each
 * announcement of the streamer, once a minute.
 */
const PROVIDER_MS = 10 * 60_000;
const PROVIDER_CHECK_MS = 5 * 60_000;

export interface RelayPeerOptions {
  host: string;
  p2pPort: number;
  announce: string[];
  peers: string[];
  mdns: boolean;
  folder: DataFolder;
  records: RecordMemory;
  /** What one network may have of the connections that come in. */
  share: NetworkShare;
  refused: RefusalCounter;
}

export type RelayPeer = Awaited<ReturnType<typeof createRelayPeer>>;

export async function createRelayPeer(options: RelayPeerOptions) {
  const { host, p2pPort, folder, records, share, refused } = options;
  return createLibp2p({
    ...sharedLibp2pOptions(folder.privateKey),
    addresses: {
      listen: listenAddresses(`/${ipVersion(host)}/${host}`, p2pPort),
      ...(options.announce.length > 0 && {
        announce: announceAddresses(options, folder.certificate.certhash),
      }),
    },
    transports: [
      tcp(),
      webSockets(),
      webRTCDirect({ rtcConfiguration: { iceServers: [] }, certificate: folder.certificate }),
      circuitRelayTransport(),
    ],
    connectionGater: inboundGate(share, refused),
    connectionManager: {
      maxConnections: MAX_CONNECTIONS,
      maxIncomingPendingConnections: MAX_PENDING_CONNECTIONS,
      inboundConnectionThreshold: INBOUND_PER_SECOND,
    },
    peerDiscovery: [
      ...(options.mdns ? [mdns({ serviceTag: 'casto.local', interval: 5_000 })] : []),
      ...(options.peers.length > 0 ? [bootstrap({ list: options.peers })] : []),
    ],
    services: {
      identify: identify(),
      identifyPush: identifyPush(),
      ping: ping(),
      circuit: circuitRelayServer({
        reservations: {
          maxReservations: MAX_RESERVATIONS,
          defaultDurationLimit: CIRCUIT_MS,
          defaultDataLimit: CIRCUIT_BYTES,
        },
        maxInboundHopStreams: MAX_CONNECTIONS,
        maxOutboundHopStreams: MAX_CONNECTIONS,
        maxOutboundStopStreams: MAX_CONNECTIONS,
      }),
      dht: kadDHT({
        protocol: DHT_PROTOCOL,
        clientMode: false,
        peerInfoMapper: passthroughMapper,
        validators: { casto: (key, value) => records.validate(key, value) },
        selectors: recordSelectors,
        reprovide: { validity: PROVIDER_MS, interval: PROVIDER_CHECK_MS, threshold: PROVIDER_CHECK_MS },
        allowQueryWithZeroPeers: true,
      }),
      gossip: gossipsub({ allowPublishToZeroTopicPeers: true, allowedTopics: [RELAY_TOPIC] }),
    },
  });
}

function ipVersion(host: string): string {
  return isIP(host) === 6 ? 'ip6' : 'ip4';
}

/** TCP on the port, WebSocket on the next, webrtc-direct on the port in UDP. */
function listenAddresses(base: string, port: number): string[] {
  return [`${base}/tcp/${port}`, `${base}/tcp/${port + 1}/ws`, `${base}/udp/${port}/webrtc-direct`];
}

function announceAddresses({ announce, p2pPort }: RelayPeerOptions, certhash: string): string[] {
  return announce.flatMap((address) => {
    if (address.startsWith('/')) return [address];
    const base = isIP(address) ? `/${ipVersion(address)}/${address}` : `/dns/${address}`;
    return listenAddresses(base, p2pPort).map((listen) =>
      listen.endsWith('webrtc-direct') ? `${listen}/certhash/${certhash}` : listen,
    );
  });
}
