/** The page as a libp2p peer that dials relays. Other pages it reaches through a relay's circuit (page-circuit.ts). */

import type { Connection, Libp2p, PrivateKey } from '@libp2p/interface';
import { webRTCDirect } from '@libp2p/webrtc';
import { webSockets } from '@libp2p/websockets';
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { sharedLibp2pOptions } from '@casto/host';

/** WebSocket is up in half the time of webrtc-direct; a firewall that swallows its packets costs this much. */
const HEAD_START_MS = 200;
const DIAL_MS = 8_000;

export async function createPagePeer(privateKey: PrivateKey): Promise<Libp2p> {
  return createLibp2p({
    ...sharedLibp2pOptions(privateKey),
    addresses: { listen: [] },
    transports: [
      webSockets(),
      // No STUN: the relay's address is public or on this network.
      webRTCDirect({ rtcConfiguration: { iceServers: [] } }),
    ],
  });
}

/**
 * Dials a relay, racing its WebSocket addresses against webrtc-direct: a page on https may only use the latter
 * (or wss), Firefox cannot use it on loopback, and either may be blocked on the way.
 *
 * @param addresses - Multiaddrs of one relay, all ending in the same `/p2p/ID`.
 * @throws {AggregateError} When no address works.
 */
export async function dialRelay(
  libp2p: Libp2p,
  addresses: string[],
  signal: AbortSignal,
): Promise<Connection> {
  const done = new AbortController();
  const race = AbortSignal.any([signal, done.signal, AbortSignal.timeout(DIAL_MS)]);
  const usable = addresses.map((address) => multiaddr(address)).filter(isUsable);
  const direct = usable.filter(isWebRTCDirect);
  const sockets = usable.filter((address) => !isWebRTCDirect(address));
  const attempts: Promise<Connection>[] = [];
  if (sockets.length > 0) attempts.push(libp2p.dial(sockets, { signal: race }));
  if (direct.length > 0)
    attempts.push(dialLater(libp2p, direct, sockets.length > 0 ? HEAD_START_MS : 0, race));
  if (attempts.length === 0) throw new Error('the relay has no address that this page can use');
  try {
    return await Promise.any(attempts);
  } finally {
    done.abort();
  }
}

/** Without its `/p2p/ID` the address is another dial for libp2p, which otherwise would wait for the first one. */
async function dialLater(
  libp2p: Libp2p,
  addresses: Multiaddr[],
  delayMs: number,
  signal: AbortSignal,
): Promise<Connection> {
  if (delayMs > 0) await wait(delayMs, signal);
  const bare = addresses.map((address) => address.decapsulate('/p2p'));
  const connection = await libp2p.dial(bare, { signal });
  const expected = addresses[0]?.toString().split('/p2p/').at(-1);
  if (expected !== undefined && connection.remotePeer.toString() !== expected) {
    await connection.close();
    throw new Error('another peer answers at the address of the relay');
  }
  return connection;
}

/** @throws The signal's reason, when it aborts first. */
export function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    }, ms);
    const abort = (): void => {
      clearTimeout(timer);
      reject(asReason(signal));
    };
    signal.addEventListener('abort', abort, { once: true });
  });
}

function asReason(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('aborted');
}

function isWebRTCDirect(address: Multiaddr): boolean {
  return address.toString().includes('/webrtc-direct');
}

/** Pages have no TCP, and an https page may not open `ws://`. */
function isUsable(address: Multiaddr): boolean {
  const text = address.toString();
  if (isWebRTCDirect(address)) return text.includes('/certhash/');
  if (!/\/wss?(\/|$)/.test(text)) return false;
  const isSecure = /\/wss(\/|$)|\/tls\//.test(text);
  return isSecure || globalThis.location?.protocol !== 'https:';
}
