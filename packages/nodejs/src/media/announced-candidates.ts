/** Candidates of a relay behind a one-to-one NAT, whose own addresses lead nowhere. */

import { isIP } from 'node:net';
import { rewriteCandidateAddress } from '@casto/host';

/**
 * Puts announced addresses in place of those of host candidates.
 *
 * @param announced - IP addresses; DNS names among them are for other purposes and left out.
 * @returns As it is when nothing is announced, or nothing of a candidate's address family.
 */
export function announceCandidates(candidates: readonly string[], announced: readonly string[]): string[] {
  const addresses = announced.filter((address) => isIP(address) !== 0);
  if (addresses.length === 0) return [...candidates];
  const rewritten = candidates.flatMap((candidate) => {
    const found = addresses
      .map((address) => rewriteCandidateAddress(candidate, address))
      .filter((text) => text !== null);
    return found.length === 0 ? [candidate] : found;
  });
  return [...new Set(rewritten)];
}
