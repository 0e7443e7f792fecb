import type { PeerLink } from './peer-link.ts';

/** K7.8, K9.4: more would hardly know others, and each costs somebody a message. */
export const MAX_ROUTES = 8;

/**
 * The links worth asking about other peers, parents first, because they know more. Those that are silent are asked only
 * when all are: their other ends may be gone, and nobody should wait for them.
 */
export function likelyRoutes(links: Iterable<PeerLink>): PeerLink[] {
  const open = [...links].filter(({ isOpen }) => isOpen);
  const heard = open.filter(({ isSilent }) => !isSilent);
  const rank = ({ role }: PeerLink): number => (role === 'child' ? 0 : 1);
  return (heard.length > 0 ? heard : open)
    .toSorted((one, other) => rank(one) - rank(other))
    .slice(0, MAX_ROUTES);
}
