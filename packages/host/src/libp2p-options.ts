/** The part of libp2p's configuration that every peer shares. */

import { noise } from '@chainsafe/libp2p-noise';
import type { PrivateKey } from '@libp2p/interface';
import { yamux } from '@libp2p/yamux';
import type { Libp2pOptions } from 'libp2p';

/** Told to other peers by identify. */
const AGENT_VERSION = 'casto/0.1.0';

export function sharedLibp2pOptions(privateKey: PrivateKey): Omit<Libp2pOptions, 'services'> {
  return {
    privateKey,
    nodeInfo: { name: 'casto', version: '0.1.0', userAgent: AGENT_VERSION },
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    // Relays on a LAN and on loopback are as welcome as public ones.
    connectionGater: { denyDialMultiaddr: () => false },
    // A page with a busy main thread misses a ping now and then; media and streams show by themselves whether
    // the connection lives.
    connectionMonitor: { abortConnectionOnPingFailure: false },
  };
}
