/** Which relays a page may use, and under which addresses they listen. */

import { isPeerId } from '@casto/core';

/** One relay: where its addresses are to be asked for, or the addresses themselves. */
export interface RelayTarget {
  /** How people know it: an origin or a multiaddr. */
  readonly name: string;
  /** Sent with announcements; `null` when the relay asks for none. */
  readonly token: string | null;
  /** STUN and TURN servers that the relay named when it was last asked for its addresses; at most 8 URLs. */
  readonly iceServers: readonly RTCIceServer[];
  /** Resolves when the relay has been asked for the first time with success. */
  readonly told: Promise<void>;
  /** Multiaddrs that end in the relay's `/p2p/ID`. Asked anew for each connection: a relay may have moved. */
  addresses(signal: AbortSignal): Promise<string[]>;
}

const WELL_KNOWN = '/.well-known/casto.json';
const FETCH_MS = 5_000;
const MAX_WELL_KNOWN_CHARS = 32_768;
const MAX_ADDRESSES = 32;
const MAX_ADDRESS_CHARS = 256;
/** Each one more makes a connection slower, and is asked from every network interface. */
export const MAX_ICE_URLS = 8;
const MAX_CREDENTIAL_CHARS = 256;
/** RFC 7064 and RFC 7065. */
const ICE_URL = /^(stun|turns?):[\w.:[\]-]{1,200}(\?transport=(udp|tcp))?$/;

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
  return {
    name,
    token: null,
    iceServers: [],
    told: Promise.resolve(),
    addresses: () => Promise.resolve([name]),
  };
}

/** @throws {TypeError} When it is no http(s) origin. */
function originTarget(name: string): RelayTarget {
  const url = new URL(name);
  if (!/^https?:$/.test(url.protocol))
    throw new TypeError(`relay is neither http(s) nor a multiaddr: ${name}`);
  let tell = (): void => {};
  const told = new Promise<void>((resolve) => (tell = resolve));
  const target = {
    name: url.origin,
    token: url.searchParams.get('token'),
    iceServers: [] as readonly RTCIceServer[],
    told,
    addresses: async (signal: AbortSignal) => {
      const { multiaddrs, iceServers } = await fetchWellKnown(url.origin + WELL_KNOWN, signal);
      target.iceServers = iceServers;
      tell();
      return multiaddrs;
    },
  };
  return target;
}

async function fetchWellKnown(url: string, signal: AbortSignal): Promise<WellKnown> {
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

export interface WellKnown {
  readonly multiaddrs: string[];
  /** One URL in each. */
  readonly iceServers: RTCIceServer[];
}

/**
 * Reads `/.well-known/casto.json`. Entries of its lists that are wrong are left out.
 *
 * @throws {TypeError} When it is not one.
 */
export function parseWellKnown(value: unknown): WellKnown {
  if (typeof value !== 'object' || value === null || !('multiaddrs' in value) || !('peerId' in value)) {
    throw new TypeError('no casto.json');
  }
  const { multiaddrs, peerId } = value;
  if (!isPeerId(peerId) || !Array.isArray(multiaddrs)) throw new TypeError('casto.json is malformed');
  const addresses = multiaddrs
    .filter((entry): entry is string => typeof entry === 'string' && entry.length <= MAX_ADDRESS_CHARS)
    .filter((entry) => entry.startsWith('/'))
    .slice(0, MAX_ADDRESSES)
    .map((entry) => (entry.includes('/p2p/') ? entry : `${entry}/p2p/${peerId}`))
    .filter((entry) => entry.endsWith(`/p2p/${peerId}`));
  const servers: unknown[] = 'iceServers' in value && Array.isArray(value.iceServers) ? value.iceServers : [];
  return { multiaddrs: addresses, iceServers: servers.flatMap(readIceServer).slice(0, MAX_ICE_URLS) };
}

/** Browsers refuse a whole connection for TURN without credentials. */
function readIceServer(value: unknown): RTCIceServer[] {
  if (typeof value !== 'object' || value === null) return [];
  const { urls, username, credential }: Record<string, unknown> = { ...value };
  const isOpen = isCredential(username) && isCredential(credential);
  return [urls].flat().flatMap((url) => {
    const scheme = typeof url === 'string' ? ICE_URL.exec(url)?.[1] : undefined;
    if (typeof url !== 'string' || scheme === undefined) return [];
    if (scheme === 'stun') return [{ urls: url }];
    return isOpen ? [{ urls: url, username, credential }] : [];
  });
}

function isCredential(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_CREDENTIAL_CHARS;
}
