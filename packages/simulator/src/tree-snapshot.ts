import {
  DETACHED,
  IS_HUNGRY,
  IS_LIAR,
  NO_PARENT,
  PEER_KINDS,
  type TreeSnapshot,
} from '../page/tree-picture.ts';
import type { Census, Watcher } from './census.ts';
import { branchesOf, type Branches } from './tree-branches.ts';
import type { PeerIndex, WorldEvent, WorldView } from './world-view.ts';

/** Drawn rows of all snapshots together: some 25 bytes each in the page. */
const MOST_ROWS = 90_000;
const MOST_ROWS_PER_SNAPSHOT = 1_500;
const MOST_DETACHED = 100;
const MOST_SNAPSHOTS = 60;
/** Ten per minute at most. */
const LEAST_INTERVAL_MS = 6_000;
/** The tree is drawn whole down to this depth if that takes no more than this share of the rows. */
const WHOLE_DEPTH = 3;
const WHOLE_SHARE = 2 / 3;
const FULL_CIRCLE = 3_600;

/** Keeps a picture of the tree every few seconds. */
export class SnapshotRecorder implements Watcher {
  readonly #intervalMs: number;
  readonly #rows: number;
  readonly #snapshots: TreeSnapshot[] = [];
  readonly #faults = new Set<string>();
  #takenAt = -Infinity;

  constructor(minutes: number) {
    this.#intervalMs = Math.max(LEAST_INTERVAL_MS, (minutes * 60_000) / MOST_SNAPSHOTS);
    this.#rows = Math.min(
      MOST_ROWS_PER_SNAPSHOT,
      Math.floor((MOST_ROWS * this.#intervalMs) / (minutes * 60_000)),
    );
  }

  get snapshots(): readonly TreeSnapshot[] {
    return this.#snapshots;
  }

  event(event: WorldEvent): void {
    if (event.type !== 'fault') return;
    if (event.isOver) this.#faults.delete(event.name);
    else this.#faults.add(event.name);
  }

  tick(census: Census): void {
    if (census.now - this.#takenAt < this.#intervalMs) return;
    this.#takenAt = census.now;
    this.#snapshots.push(takeSnapshot(census, this.#rows, [...this.#faults]));
  }
}

/** Draws a part of the tree: the top whole, and below it whole branches, the same ones each time. */
export function takeSnapshot(census: Census, rows: number, faults: readonly string[] = []): TreeSnapshot {
  const branches = branchesOf(census);
  const { world } = census;
  const detached = branches.detached.toSorted(byLot).slice(0, MOST_DETACHED);
  const drawn = chooseRows(branches, rows - detached.length);
  const rowOf = new Map(drawn.map((peer, row) => [peer, row]));
  const viewers = census.peers.filter((peer) => world.role(peer) === 'viewer');
  const ids = [...drawn, ...detached];
  const attached = branches.byDepth.reduce((sum, level) => sum + level.length, 0);
  return {
    at: census.now,
    viewers: viewers.length,
    fed: viewers.filter((peer) => world.isFed(peer)).length,
    detached: branches.detached.length,
    peers: attached,
    depth: Math.max(0, branches.byDepth.length - 1),
    faults,
    ids,
    parents: [
      ...drawn.map((peer) => rowOf.get(census.parent(peer)) ?? NO_PARENT),
      ...detached.map(() => DETACHED),
    ],
    kinds: ids.map((peer) => kindOf(peer, branches, world)),
    children: ids.map((peer) => branches.childrenOf(peer).length),
    below: ids.map((peer) => branches.viewersBelow(peer)),
    delays: ids.map((peer, row) => (row < drawn.length ? Math.round(world.pathDelayMs(peer)) : 0)),
    angles: [
      ...anglesOf(drawn, rowOf, branches),
      ...detached.map((_, index) => Math.round(((index + 0.5) * FULL_CIRCLE) / detached.length)),
    ],
  };
}

function chooseRows(branches: Branches, rows: number): PeerIndex[] {
  let whole = 0;
  let count = 0;
  for (const [depth, level] of branches.byDepth.slice(0, WHOLE_DEPTH + 1).entries()) {
    if (count + level.length > rows * WHOLE_SHARE) break;
    count += level.length;
    whole = depth;
  }
  const chosen = new Set(branches.byDepth.slice(0, whole + 1).flat());
  const roots = (branches.byDepth[whole + 1] ?? []).toSorted(byLot);
  for (const root of roots) {
    if (chosen.size + branches.size(root) <= rows) addBranch(root, branches, chosen);
  }
  return branches.byDepth.flatMap((level) => level.filter((peer) => chosen.has(peer)));
}

function addBranch(root: PeerIndex, branches: Branches, chosen: Set<PeerIndex>): void {
  const open = [root];
  for (let peer = open.pop(); peer !== undefined; peer = open.pop()) {
    chosen.add(peer);
    open.push(...branches.childrenOf(peer));
  }
}

/** A draw that falls the same way every time, so that a branch which is drawn stays drawn. */
function byLot(a: PeerIndex, b: PeerIndex): number {
  return lot(a) - lot(b);
}

function lot(peer: PeerIndex): number {
  let hash = Math.imul(peer ^ 0x9e3779b9, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function kindOf(peer: PeerIndex, branches: Branches, world: WorldView): number {
  const role = world.role(peer);
  const name = role === 'viewer' && branches.childrenOf(peer).length > 0 ? 'serving' : role;
  const hunger = role === 'viewer' && !world.isFed(peer) ? IS_HUNGRY : 0;
  return PEER_KINDS.indexOf(name) + hunger + (world.isLiar(peer) ? IS_LIAR : 0);
}

/** Every drawn leaf gets the same share of the circle, and a parent stands in the middle of its children's. */
function anglesOf(
  drawn: readonly PeerIndex[],
  rowOf: ReadonlyMap<PeerIndex, number>,
  branches: Branches,
): number[] {
  const weights = new Float64Array(drawn.length);
  const starts = new Float64Array(drawn.length);
  const drawnChildren = drawn.map((peer) =>
    branches.childrenOf(peer).flatMap((child) => rowOf.get(child) ?? []),
  );
  const weight = (row: number): number => weights[row] ?? 0;
  for (let row = drawn.length - 1; row >= 0; row--) {
    const sum = (drawnChildren[row] ?? []).reduce((all, child) => all + weight(child), 0);
    weights[row] = Math.max(1, sum);
  }
  for (const [row, children] of drawnChildren.entries()) {
    let start = starts[row] ?? 0;
    for (const child of children) {
      starts[child] = start;
      start += weight(child);
    }
  }
  const all = weights[0] ?? 1;
  return drawn.map((_, row) => Math.round((((starts[row] ?? 0) + weight(row) / 2) * FULL_CIRCLE) / all));
}
