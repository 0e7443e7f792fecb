/** Whom a peer names to a neighbour that looks for a parent (PROTOCOL.md, K9): what its own links tell. */

import { MAX_DEPTH, MAX_NEIGHBOURS } from './config.ts';
import type { LinkState } from './control-messages.ts';
import type { PeerKind } from './link-messages.ts';
import { decodePath, shortId, type PeerId } from './peer-id.ts';
import { MAX_ROUND_TRIP_MS, type Neighbour } from './standing.ts';

/** One link of the peer that is asked. */
export interface KnownNeighbour {
  readonly peerId: PeerId;
  readonly kind: PeerKind;
  readonly addresses: readonly string[];
  /** What it last told of itself, `null` before it has. */
  readonly state: LinkState | null;
  /** `null` until measured. */
  readonly rttMs: number | null;
  /** Whether it is a parent of the peer that is asked. */
  readonly isParent: boolean;
}

/** Neighbours among which the best are chosen: a crowd that asks the same peer is not sent to the same six. */
const DRAWN = 12;

/**
 * Chooses the peers to name.
 *
 * @param random - Numbers in [0, 1).
 * @returns Those with free slots first, then by the delay at which media reach them.
 */
export function neighboursFor(
  { asker, layers }: { asker: PeerId; layers: number },
  links: Iterable<KnownNeighbour>,
  random: () => number,
): Neighbour[] {
  const parents: Neighbour[] = [];
  const children: Neighbour[] = [];
  for (const link of links) {
    const named = namedTo(asker, layers, link);
    if (named === null) continue;
    if (link.isParent) parents.push(named);
    // A child without a slot of its own would only send the asker on, and not over this link.
    else if (named.standing.freeSlots > 0) children.push(named);
  }
  return [...parents.slice(0, DRAWN), ...draw(children, DRAWN - parents.length, random)]
    .toSorted((one, other) => rank(one) - rank(other))
    .slice(0, MAX_NEIGHBOURS);
}

/** K9.2: `null` for a peer that could not become the asker's parent. */
function namedTo(asker: PeerId, layers: number, link: KnownNeighbour): Neighbour | null {
  const { peerId, kind, state, rttMs } = link;
  if (peerId === asker || state === null || rttMs === null) return null;
  const { depth, delayMs, path, epoch, flowing, freeSlots, ageS } = state;
  if (depth === null || depth >= MAX_DEPTH || !flowing || (state.layers & layers) === 0) return null;
  if (decodePath(path, MAX_DEPTH + 1).includes(shortId(asker))) return null;
  return {
    peerId,
    addresses: [...link.addresses],
    standing: {
      kind,
      depth,
      delayMs: delayMs ?? 0,
      freeSlots,
      ageS,
      layers: state.layers,
      path,
      epoch,
      flowing,
    },
    rttMs: Math.min(Math.round(rttMs), MAX_ROUND_TRIP_MS),
  };
}

function draw<T>(items: readonly T[], most: number, random: () => number): T[] {
  const left = [...items];
  const drawn: T[] = [];
  while (drawn.length < most && left.length > 0) {
    drawn.push(...left.splice(Math.floor(random() * left.length), 1));
  }
  return drawn;
}

function rank({ standing }: Neighbour): number {
  return standing.delayMs + (standing.freeSlots > 0 ? 0 : FULL_MS);
}

/** More than any delay. */
const FULL_MS = 1e6;
