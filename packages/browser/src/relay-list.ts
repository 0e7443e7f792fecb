/** Which relays a page may use, and under which addresses they listen. */

import { isPeerId } from '@casto/core';

/** One relay: where its addresses are to be asked for, or the addresses themselves. */
export interface RelayTarget {
  /** How people know it: an origin or a multiaddr. */
  readonly name: string;
  /** Sent with announcements; `null` when the relay asks for none. */
  readonly token: string | null;
  /** Multiaddrs that end in the relay's `/p2p/ID`. Asked anew for each connection: a relay may have moved. */
  addresses(signal: AbortSignal): Promise<string[]>;
}

const WELL_KNOWN = '/.well-known/casto.json';
const FETCH_MS = 5_000;
const MAX_WELL_KNOWN_CHARS = 32_768;
const MAX_ADDRESSES = 32;
const MAX_ADDRESS_CHARS = 256;

/** The targets of the options, else the page's defaults; the same origin only once. */
export function relayTargets(relays: readonly string[] | null): RelayTarget[] {
  const names = relays ?? defaultRelays();
  return [...new Set(names)].map((name) =>
    name.startsWith('/') ? multiaddrTarget(name) : originTarget(name),
  );
}

function defaultRelays(): string[] {
  const links = [...document.querySelectorAll<HTMLLinkElement>('link[rel~="casto-relay"]')].map(
    ({ href }) => href,
  );
  const origins = [location.origin, new URL(import.meta.url).origin];
  return [...links, ...origins.filter((origin) => origin.startsWith('http'))].map(withoutTrailingSlash);
}

function withoutTrailingSlash(name: string): string {
  return name.replace(/\/$/, '');
}

/** @throws {TypeError} When it is no multiaddr of a peer. */
function multiaddrTarget(name: string): RelayTarget {
  if (!isPeerId(name.split('/p2p/').at(-1))) throw new TypeError(`relay multiaddr without /p2p/ID: ${name}`);
  return { name, token: null, addresses: () => Promise.resolve([name]) };
}

/** @throws {TypeError} When it is no http(s) origin. */
function originTarget(name: string): RelayTarget {
  const url = new URL(name);
  if (!/^https?:$/.test(url.protocol))
    throw new TypeError(`relay is neither http(s) nor a multiaddr: ${name}`);
  const token = url.searchParams.get('token');
  return { name: url.origin, token, addresses: (signal) => fetchAddresses(url.origin + WELL_KNOWN, signal) };
}

async function fetchAddresses(url: string, signal: AbortSignal): Promise<string[]> {
  const response = await fetch(url, {
    signal: AbortSignal.any([signal, AbortSignal.timeout(FETCH_MS)]),
    cache: 'no-store',
    credentials: 'omit',
  });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  const text = await response.text();
  if (text.length > MAX_WELL_KNOWN_CHARS) throw new Error(`${url} is too large`);
  return parseWellKnown(JSON.parse(text));
}

/**
 * Reads `/.well-known/casto.json`.
 *
 * @throws {TypeError} When it is not one.
 */
export function parseWellKnown(value: unknown): string[] {
  if (typeof value !== 'object' || value === null || !('multiaddrs' in value) || !('peerId' in value)) {
    throw new TypeError('no casto.json');
  }
  const { multiaddrs, peerId } = value;
  if (!isPeerId(peerId) || !Array.isArray(multiaddrs)) throw new TypeError('casto.json is malformed');
  return multiaddrs
    .filter((entry): entry is string => typeof entry === 'string' && entry.length <= MAX_ADDRESS_CHARS)
    .filter((entry) => entry.startsWith('/'))
    .slice(0, MAX_ADDRESSES)
    .map((entry) => (entry.includes('/p2p/') ? entry : `${entry}/p2p/${peerId}`))
    .filter((entry) => entry.endsWith(`/p2p/${peerId}`));
}
