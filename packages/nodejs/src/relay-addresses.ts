/** Where others reach a relay, and streamers through it, as it tells in messages. */

import { peerIdFromString } from '@libp2p/peer-id';
import { MAX_ADDRESS_LENGTH, MAX_PEER_ADDRESSES, type PeerId } from '@casto/core';
import type { RelayPeer } from './libp2p-peer.ts';

/** What a redirect may carry per peer. */
const MAX_CIRCUIT_ADDRESSES = 4;

/** Where pages reach a streamer through this relay, if it has reserved; TCP is of no use to them. */
export function circuitAddresses(libp2p: RelayPeer, streamer: PeerId): string[] {
  if (!libp2p.services.circuit.reservations.has(peerIdFromString(streamer))) return [];
  return libp2p
    .getMultiaddrs()
    .map(String)
    .filter((address) => address.includes('/ws') || address.includes('/webrtc-direct'))
    .map((address) => `${address}/p2p-circuit/p2p/${streamer}`)
    .filter(({ length }) => length <= MAX_ADDRESS_LENGTH)
    .slice(0, MAX_CIRCUIT_ADDRESSES);
}

/** Where pages and relays reach this relay, as far as a message may say. */
export function ownAddresses(libp2p: RelayPeer): string[] {
  return libp2p
    .getMultiaddrs()
    .map(String)
    .filter((address) => address.length <= MAX_ADDRESS_LENGTH && !address.includes('/p2p-circuit'))
    .slice(0, MAX_PEER_ADDRESSES);
}
