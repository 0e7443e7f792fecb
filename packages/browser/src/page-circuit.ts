/**
 * Other pages, reached through a relay's circuit. Loaded when it is needed: by streamers that serve viewers
 * themselves, and by viewers that a relay sends to them.
 */

import { circuitRelayTransport, type CircuitRelayTransportComponents } from '@libp2p/circuit-relay-v2';
import { start, type Connection, type Libp2p, type Transport } from '@libp2p/interface';
import type { Multiaddr } from '@multiformats/multiaddr';

/** The part of libp2p's insides that takes a transport, and an address to listen on, after the start. */
interface WithComponents {
  components: CircuitRelayTransportComponents & {
    transportManager: {
      add(transport: Transport): void;
      getTransports(): Transport[];
      listen(addresses: Multiaddr[]): Promise<void>;
    };
  };
}

function insidesOf(libp2p: Libp2p): WithComponents['components'] {
  // libp2p's class has them, its interface does not; both come pinned in one package.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return (libp2p as unknown as WithComponents).components;
}

/** Lets the peer dial `/p2p-circuit` addresses. Idempotent. */
export async function addCircuit(libp2p: Libp2p): Promise<void> {
  const components = insidesOf(libp2p);
  const transport = circuitRelayTransport()(components);
  const isThere = components.transportManager
    .getTransports()
    .some((other) => other[Symbol.toStringTag] === transport[Symbol.toStringTag]);
  if (isThere) return;
  components.transportManager.add(transport);
  await start(transport);
}

/** Reserves a slot on the relay's circuit, so that other pages reach this one through it. */
export async function listenOnCircuit(libp2p: Libp2p, connection: Connection): Promise<void> {
  await addCircuit(libp2p);
  const { remoteAddr, remotePeer } = connection;
  const address = remoteAddr.toString().includes('/p2p/')
    ? remoteAddr
    : remoteAddr.encapsulate(`/p2p/${remotePeer.toString()}`);
  // The wildcard `/p2p-circuit` would search the whole network for relays; only this one is meant.
  await insidesOf(libp2p).transportManager.listen([address.encapsulate('/p2p-circuit')]);
}
