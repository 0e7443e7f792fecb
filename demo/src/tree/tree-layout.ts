/**
 * Where each peer of a tree is drawn: a column for each hop, the streamer first; rows so that no two lines cross. Costs
 * one visit for each peer. A tree that contradicts itself (peers whose parents are not shown, circles while the tree
 * heals) is drawn all the same, in pieces one below the other.
 */

import type { CastoTreePeer } from 'casto';

export interface PlacedPeer {
  readonly peer: CastoTreePeer;
  /** Hops from the first peer. */
  readonly column: number;
  /** In rows from the top; a parent stands in the middle of its children, so that halves occur. */
  readonly row: number;
  /** Whether children of it are drawn. */
  readonly isLeaf: boolean;
}

export interface TreeLayout {
  readonly peers: readonly PlacedPeer[];
  /** From a parent to its child. */
  readonly links: readonly { readonly from: PlacedPeer; readonly to: PlacedPeer }[];
  readonly columns: number;
  readonly rows: number;
}

/** @param peers - Their ids are unique, or the first of the same counts. */
export function layOutTree(peers: readonly CastoTreePeer[]): TreeLayout {
  const known = new Map<string, CastoTreePeer>();
  for (const peer of peers) if (!known.has(peer.id)) known.set(peer.id, peer);
  const children = childrenOf(known);
  const placed = new Map<string, PlacedPeer>();
  const entered = new Set<string>();
  let rows = 0;

  /** Each peer is entered once, so that circles end. */
  function place(peer: CastoTreePeer, column: number): PlacedPeer {
    entered.add(peer.id);
    const below = (children.get(peer.id) ?? []).filter(({ id }) => !entered.has(id));
    const rowsBelow = below.map((child) => place(child, column + 1).row);
    const [first, last] = [rowsBelow[0], rowsBelow.at(-1)];
    const row = first === undefined || last === undefined ? rows++ : (first + last) / 2;
    const made = { peer, column, row, isLeaf: below.length === 0 };
    placed.set(peer.id, made);
    return made;
  }

  const roots = [...known.values()].filter(({ parent }) => parent === null || !known.has(parent));
  const streamersFirst = roots.toSorted((one, other) => one.depth - other.depth || compare(one.id, other.id));
  // A page that is cut off shows its own part of the tree, which begins further down.
  const top = streamersFirst[0]?.depth ?? 0;
  for (const root of streamersFirst) if (!entered.has(root.id)) place(root, root.depth - top);
  // What is left goes round in circles.
  for (const peer of known.values()) if (!entered.has(peer.id)) place(peer, 0);

  const all = [...placed.values()];
  const links = all.flatMap((to) => {
    const from = to.peer.parent === null ? undefined : placed.get(to.peer.parent);
    return from === undefined ? [] : [{ from, to }];
  });
  return { peers: all, links, columns: 1 + Math.max(0, ...all.map(({ column }) => column)), rows };
}

/** In an order that stays while peers come and go. */
function childrenOf(known: ReadonlyMap<string, CastoTreePeer>): Map<string, CastoTreePeer[]> {
  const children = new Map<string, CastoTreePeer[]>();
  for (const peer of known.values()) {
    if (peer.parent === null) continue;
    const siblings = children.get(peer.parent) ?? [];
    siblings.push(peer);
    children.set(peer.parent, siblings);
  }
  for (const siblings of children.values()) siblings.sort((one, other) => compare(one.id, other.id));
  return children;
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}
