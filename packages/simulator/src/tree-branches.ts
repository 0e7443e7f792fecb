import type { Census } from './census.ts';
import type { PeerIndex } from './world-view.ts';

const NONE = -1;

/** The true tree of one instant, from the top down. */
export interface Branches {
  /** Attached peers, by depth, and by index within one. */
  readonly byDepth: readonly (readonly PeerIndex[])[];
  /** Living viewers without a path to the streamer. */
  readonly detached: readonly PeerIndex[];
  childrenOf(peer: PeerIndex): PeerIndex[];
  /** Peers in its branch, itself included. */
  size(peer: PeerIndex): number;
  /** Viewers in its branch, itself not included. */
  viewersBelow(peer: PeerIndex): number;
}

/** Turns parents into branches: one pass down, one up. */
export function branchesOf(census: Census): Branches {
  const { world } = census;
  const firstChild = new Int32Array(world.count).fill(NONE);
  const nextSibling = new Int32Array(world.count).fill(NONE);
  const sizes = new Int32Array(world.count);
  const viewers = new Int32Array(world.count);
  const byDepth: PeerIndex[][] = [];
  const detached: PeerIndex[] = [];
  // From the last to the first, so that children end up in the order of their coming.
  for (let i = census.peers.length - 1; i >= 0; i--) {
    const peer = census.peers[i] ?? 0;
    const depth = census.depth(peer);
    if (depth < 0) {
      if (world.role(peer) === 'viewer') detached.push(peer);
      continue;
    }
    while (byDepth.length <= depth) byDepth.push([]);
    byDepth[depth]?.push(peer);
    const parent = census.parent(peer);
    if (parent < 0) continue;
    nextSibling[peer] = firstChild[parent] ?? NONE;
    firstChild[parent] = peer;
  }
  for (const level of byDepth) level.reverse();
  sumUp(byDepth, census, sizes, viewers);
  return {
    byDepth,
    detached: detached.reverse(),
    childrenOf: (peer) => listFrom(firstChild[peer] ?? NONE, nextSibling),
    size: (peer) => sizes[peer] ?? 0,
    viewersBelow: (peer) => viewers[peer] ?? 0,
  };
}

function sumUp(
  byDepth: readonly (readonly PeerIndex[])[],
  census: Census,
  sizes: Int32Array,
  viewers: Int32Array,
): void {
  for (const level of byDepth.toReversed()) {
    for (const peer of level) {
      sizes[peer] = (sizes[peer] ?? 0) + 1;
      const parent = census.parent(peer);
      if (parent < 0) continue;
      const own = census.world.role(peer) === 'viewer' ? 1 : 0;
      sizes[parent] = (sizes[parent] ?? 0) + (sizes[peer] ?? 0);
      viewers[parent] = (viewers[parent] ?? 0) + (viewers[peer] ?? 0) + own;
    }
  }
}

function listFrom(first: PeerIndex, nextSibling: Int32Array): PeerIndex[] {
  const list: PeerIndex[] = [];
  for (let peer = first; peer !== NONE; peer = nextSibling[peer] ?? NONE) list.push(peer);
  return list;
}
