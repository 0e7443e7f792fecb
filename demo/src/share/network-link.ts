/** A link that other devices can open. A page on `localhost` has one of its own that they cannot. */

/** Home networks first; the ranges at the end are as often those of containers and tunnels (RFC 1918, RFC 6598). */
const PREFERENCE = [/^192\.168\./, /^10\./, /^172\.(?:1[6-9]|2\d|3[01])\./, /^100\./] as const;

/**
 * @param link - Of the channel, on this page's address.
 * @param discovery - What `/.well-known/casto.json` of this page's origin holds; anything.
 * @returns The same link for the rest of the network; `null` when this page's own address will do, or none is known.
 */
export function networkLink(link: string, discovery: unknown): string | null {
  const url = new URL(link);
  if (!/^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname)) return null;
  const hosts = addressesIn(discovery).filter((address) => !address.startsWith('127.'));
  const host = hosts.toSorted((one, other) => rankOf(one) - rankOf(other))[0];
  if (host === undefined) return null;
  url.hostname = host;
  return url.href;
}

function rankOf(address: string): number {
  const rank = PREFERENCE.findIndex((range) => range.test(address));
  return rank === -1 ? PREFERENCE.length : rank;
}

function addressesIn(discovery: unknown): string[] {
  if (typeof discovery !== 'object' || discovery === null || !('multiaddrs' in discovery)) return [];
  const { multiaddrs } = discovery;
  if (!Array.isArray(multiaddrs)) return [];
  return multiaddrs.flatMap((multiaddr: unknown) => {
    const address =
      typeof multiaddr === 'string' ? /^\/ip4\/(\d+(?:\.\d+){3})\//.exec(multiaddr)?.[1] : undefined;
    return address === undefined ? [] : [address];
  });
}
