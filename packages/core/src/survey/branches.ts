/**
 * Branches of the tree as lists (PROTOCOL.md, K11): checked, put together, and cut to what a link carries. What others
 * claim changes a picture and nothing else, so it is only kept from being no tree.
 */

import { MAX_DEPTH, MAX_PICTURE_PEERS } from '../config.ts';
import { MAX_SURVEY_COUNT, type Branch, type Picture, type SurveyedPeer } from './survey-messages.ts';

/**
 * Whether a list is a tree (K11.4): one root, every other peer after its parent, no peer twice, and none deeper than
 * the tree may be. Parents that come first leave no room for loops.
 */
export function isTree(peers: readonly SurveyedPeer[]): boolean {
  const depths: number[] = [];
  const ids = new Set<number>();
  for (const { id, parent } of peers) {
    const above = parent === null ? -1 : depths[parent];
    if ((parent === null) !== (depths.length === 0) || above === undefined || above >= MAX_DEPTH)
      return false;
    depths.push(above + 1);
    ids.add(id);
  }
  return depths.length > 0 && ids.size === depths.length;
}

/** A number that is the same for lists in which the same peers have the same parents. */
export function structureOf(peers: readonly SurveyedPeer[]): number {
  let sum = peers.length;
  for (const { id, parent } of peers) {
    const above = parent === null ? 0 : (peers[parent]?.id ?? 0);
    const edge = Math.imul(Math.imul(id ^ 0x9e3779b9, 0x85ebca6b) ^ above, 0xc2b2ae35);
    sum = (sum + (edge ^ (edge >>> 15))) | 0;
  }
  return sum;
}

/**
 * The branch of a peer: itself, and the branches of its children, those with the most viewers first. As each is in that
 * order already, only the fronts are read: what it costs does not grow with the audience.
 *
 * @param branches - Trees, each with the child first. Where two show the same peer, a child of this peer comes before
 *   others, then the one with more viewers, then the one in the branch that is earlier in the list.
 * @param most - Peers that are kept; of the others it is told how many they are.
 */
export function joinBranches(own: SurveyedPeer, branches: readonly Branch[], most: number): Branch {
  const root: Placed = { depth: 0, place: 0 };
  const children = new Map<number, Branch>();
  for (const branch of branches) {
    const id = branch.peers[0]?.id;
    if (id !== undefined && !children.has(id)) children.set(id, branch);
  }
  const queues = branches.map((branch) => new BranchQueue(branch, root, children));
  const peers = [own];
  const ids = new Set([own.id]);
  while (peers.length < most) {
    const best = firstOf(queues);
    if (best === null) break;
    const { peer, above } = best.next;
    if (ids.has(peer.id)) {
      best.queue.pass(null);
      continue;
    }
    ids.add(peer.id);
    best.queue.pass({ depth: above.depth + 1, place: peers.length });
    peers.push({ ...peer, parent: above.place });
  }
  const hidden = queues.reduce((sum, queue) => sum + queue.hidden, 0);
  return { peers, hidden: Math.min(hidden, MAX_SURVEY_COUNT) };
}

/** Where a peer is in the branch that is made. */
interface Placed {
  readonly depth: number;
  readonly place: number;
}

/** A peer that may be the next. */
interface Candidate {
  readonly peer: SurveyedPeer;
  readonly above: Placed;
  /** Viewers at and below it, and never more than those of a peer before it in its list. */
  readonly weight: number;
}

/** K11.5: nobody comes before those that are above it, because they are before it in its list. */
function firstOf(queues: readonly BranchQueue[]): { queue: BranchQueue; next: Candidate } | null {
  let first: { queue: BranchQueue; next: Candidate } | null = null;
  for (const queue of queues) {
    const next = queue.next();
    if (next !== null && (first === null || isBefore(next, first.next))) first = { queue, next };
  }
  return first;
}

function isBefore(one: Candidate, other: Candidate): boolean {
  if (one.weight !== other.weight) return one.weight > other.weight;
  if (one.above.depth !== other.above.depth) return one.above.depth < other.above.depth;
  return one.peer.id < other.peer.id;
}

/** What is left of a child's branch. */
class BranchQueue {
  readonly #branch: Branch;
  readonly #root: Placed;
  /** The children with their branches: what others claim of them does not count. */
  readonly #children: ReadonlyMap<number, Branch>;
  /** What became of the front of the list. */
  readonly #passed: (Placed | null)[] = [];
  #next: Candidate | null = null;
  #weight = Infinity;
  #tooDeep = 0;

  constructor(branch: Branch, root: Placed, children: ReadonlyMap<number, Branch>) {
    this.#branch = branch;
    this.#root = root;
    this.#children = children;
  }

  /** Peers that have no place. */
  get hidden(): number {
    const { peers, hidden } = this.#branch;
    return hidden + this.#tooDeep + peers.length - this.#passed.length;
  }

  /** `null`: there is none that can be placed. */
  next(): Candidate | null {
    while (this.#next === null && this.#passed.length < this.#branch.peers.length) this.#look();
    return this.#next;
  }

  /** The next one has got this place, or none. */
  pass(placed: Placed | null): void {
    this.#passed.push(placed);
    this.#next = null;
  }

  #look(): void {
    const at = this.#passed.length;
    const peer = this.#branch.peers[at];
    if (peer === undefined) return;
    const above = peer.parent === null ? this.#root : (this.#passed[peer.parent] ?? null);
    const isChild = this.#children.has(peer.id);
    const isElsewhere = isChild && (at > 0 || this.#children.get(peer.id) !== this.#branch);
    if (above === null || isElsewhere) return this.pass(null);
    if (above.depth === MAX_DEPTH) {
      this.#tooDeep++;
      return this.pass(null);
    }
    this.#weight = Math.min(this.#weight, peer.viewers);
    this.#next = { peer, above, weight: this.#weight };
  }
}

/** K11.8: the picture with one peer more below another, so that everybody who looks sees itself. */
export function withPeer(picture: Picture, parentId: number, peer: SurveyedPeer): Picture {
  const { depth, peers, hidden } = picture;
  const parent = peers.findIndex(({ id }) => id === parentId);
  const isThere = peers.some(({ id }) => id === peer.id);
  if (isThere || parent < 0 || peers.length >= MAX_PICTURE_PEERS) return picture;
  return { depth, peers: [...peers, { ...peer, parent }], hidden: Math.max(0, hidden - 1) };
}
