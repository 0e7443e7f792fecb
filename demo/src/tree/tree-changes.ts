/** What happened between two looks at the tree. */

import type { CastoTreePeer } from 'casto';

export interface TreeChanges {
  /** Ids of peers, by what happened to them. */
  readonly joined: readonly string[];
  readonly left: readonly string[];
  /** They are fed by another parent than before. */
  readonly moved: readonly string[];
}

export function changesBetween(
  before: readonly CastoTreePeer[],
  after: readonly CastoTreePeer[],
): TreeChanges {
  const [old, current] = [byId(before), byId(after)];
  return {
    joined: [...current.keys()].filter((id) => !old.has(id)),
    left: [...old.keys()].filter((id) => !current.has(id)),
    moved: [...current].filter(([id, peer]) => hasMoved(old.get(id), peer)).map(([id]) => id),
  };
}

/** @returns A sentence or two; empty when nothing happened. */
export function changeWords({ joined, left, moved }: TreeChanges): string {
  const parts = [
    left.length === 0 ? '' : `${peersWords(left.length)} left`,
    moved.length === 0 ? '' : `${peersWords(moved.length)} found another parent`,
    joined.length === 0 ? '' : `${peersWords(joined.length)} joined`,
  ].filter((part) => part !== '');
  return parts.length === 0 ? '' : `${parts.join(', ')}.`;
}

function hasMoved(before: CastoTreePeer | undefined, after: CastoTreePeer): boolean {
  return before !== undefined && before.parent !== after.parent;
}

function byId(peers: readonly CastoTreePeer[]): Map<string, CastoTreePeer> {
  return new Map(peers.map((peer) => [peer.id, peer]));
}

function peersWords(count: number): string {
  return count === 1 ? 'One peer' : `${count} peers`;
}
