/** The IP addresses behind what a relay announces, for its ICE candidates. */

import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { RelayLog } from './relay-log.ts';

/**
 * Looks names up, once: a relay whose address changes is started anew.
 *
 * @param announce - IP addresses, names, and multiaddrs, which stand for libp2p alone and are left out.
 */
export async function resolveAnnounced(announce: readonly string[], log: RelayLog): Promise<string[]> {
  const hosts = announce.filter((address) => !address.startsWith('/'));
  const found = await Promise.all(hosts.map((host) => addressesOf(host, log)));
  return [...new Set(found.flat())];
}

async function addressesOf(name: string, log: RelayLog): Promise<string[]> {
  if (isIP(name)) return [name];
  try {
    return (await lookup(name, { all: true })).map(({ address }) => address);
  } catch (error) {
    // The relay works without, for all who reach its own addresses.
    log('warn', 'announced-name-unknown', { name, error: String(error) });
    return [];
  }
}
