/** Which addresses of this machine to show, and to whom. */
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { plainAddress, reachOf, type Reach } from '@casto/nodejs/access/network-address';

export interface Requester {
  /** The Host header. */
  host: string | undefined;
  /** Our end of the connection the request came over. */
  localAddress: string | undefined;
}

/** A dozen interfaces with three transports each; what is behind is of no use to a page. */
const mostMultiaddrs = 36;

/** IP addresses of the interfaces that are up, without link-local IPv6, which needs a zone. */
export function interfaceAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ address, family }) => family === 'IPv4' || !/^fe[89ab]/i.test(address))
    .map(({ address }) => address);
}

/** `http://` URLs for other machines of the network; none when only loopback is bound. */
export function lanUrls(host: string, port: number, interfaces: readonly string[]): string[] {
  if (!isUnspecified(host)) return [];
  return interfaces
    .filter((address) => isIP(address) === 4 && reachOf(address) !== 'loopback')
    .map((address) => `http://${address}:${port}/`);
}

/** The origin to open on this machine. */
export function localOrigin(host: string, port: number): string {
  if (isUnspecified(host)) return `http://localhost:${port}`;
  return isIP(host) === 6 ? `http://[${host}]:${port}` : `http://${host}:${port}`;
}

/**
 * Orders multiaddrs for who asks: the address that was used to reach us first, then those of the
 * same reach. What cannot be reached from there is left out: a page of the public internet that
 * dials 127.0.0.1 or 192.168.x.x makes the browser ask for access to the local network.
 */
export function multiaddrsFor(
  multiaddrs: readonly string[],
  requester: Requester,
  interfaces: readonly string[],
): string[] {
  const resolved = [...new Set(multiaddrs.flatMap((multiaddr) => resolve(multiaddr, interfaces)))];
  const host = hostnameOf(requester.host);
  const localAddress = plainAddress(requester.localAddress ?? '');
  const reaches = reachesFor(
    reachOfHost(host),
    resolved.some((multiaddr) => reachOfMultiaddr(multiaddr) === 'public'),
  );
  const rankOf = (multiaddr: string): number => {
    const rank = reaches.indexOf(reachOfMultiaddr(multiaddr));
    if (rank === -1) return -1;
    const address = addressOf(multiaddr);
    const isUsed = address === host || (address === localAddress && reachOf(address) !== 'loopback');
    return isUsed ? 0 : rank + 1;
  };
  const ranked = resolved.map((multiaddr) => ({ multiaddr, rank: rankOf(multiaddr) }));
  const usable = ranked.filter(({ rank }) => rank >= 0).sort((a, b) => a.rank - b.rank);
  // A name that leads to loopback all the same, as in /etc/hosts or through a tunnel.
  const listed = usable.length > 0 ? usable : ranked;
  return listed.slice(0, mostMultiaddrs).map(({ multiaddr }) => multiaddr);
}

/** The IP address or DNS name of the first multiaddr that has one; null when none has. */
export function firstHost(multiaddrs: readonly string[]): string | null {
  const first = multiaddrs.find((multiaddr) => /^\/(?:ip[46]|dns[46]?)\/[^/]+/.test(multiaddr));
  return first === undefined ? null : addressOf(first);
}

function reachesFor(requester: Reach, anyPublic: boolean): Reach[] {
  if (requester === 'loopback') return ['loopback', 'private', 'public'];
  if (requester === 'private') return ['private', 'public'];
  return anyPublic ? ['public'] : ['private'];
}

function resolve(multiaddr: string, interfaces: readonly string[]): string[] {
  const match = /^\/(ip4\/0\.0\.0\.0|ip6\/::)(?=\/)/.exec(multiaddr);
  if (match === null) return [multiaddr];
  const family = match[1] === 'ip6/::' ? 6 : 4;
  return interfaces
    .filter((address) => isIP(address) === family)
    .map((address) => `/ip${family}/${address}${multiaddr.slice(match[0].length)}`);
}

function addressOf(multiaddr: string): string {
  return multiaddr.split('/')[2] ?? '';
}

function reachOfMultiaddr(multiaddr: string): Reach {
  return reachOf(addressOf(multiaddr));
}

/** Of the machine that a client believes to talk to; a missing header counts as public. */
export function reachOfHostHeader(header: string | undefined): Reach {
  const host = hostnameOf(header);
  return host === '' ? 'public' : reachOfHost(host);
}

function reachOfHost(host: string): Reach {
  if (isIP(host) > 0) return reachOf(host);
  if (host === 'localhost' || host.endsWith('.localhost')) return 'loopback';
  // mDNS names and bare names are those of a local network.
  return host.endsWith('.local') || !host.includes('.') ? 'private' : 'public';
}

function hostnameOf(header: string | undefined): string {
  const url = `http://${header ?? ''}`;
  return URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, '').toLowerCase() : '';
}

function isUnspecified(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}
