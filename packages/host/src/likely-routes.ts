import type { PeerLink } from './peer-link.ts';

/** K7.8, K9.4: more would hardly know others, and each costs somebody a message. */
export const MAX_ROUTES = 8;

/** The links worth asking about other peers: those that are heard, and parents, who know more peers, first. */
export function likelyRoutes(links: Iterable<PeerLink>): PeerLink[] {
  const doubts = (link: PeerLink): number => (link.isSilent ? 2 : 0) + (link.role === 'child' ? 0 : 1);
  return [...links]
    .filter(({ isOpen }) => isOpen)
    .toSorted((one, other) => doubts(one) - doubts(other))
    .slice(0, MAX_ROUTES);
}
