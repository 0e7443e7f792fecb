/** Which candidates a search may ask, and in which order (PROTOCOL.md, J3, J4, S2 and B2). */

import { MAX_DEPTH } from '../config.ts';
import type { Instant } from '../link-control.ts';
import type { PeerKind } from '../link-messages.ts';
import { decodePath, shortId, type PeerId } from '../peer-id.ts';
import type { OfferedCandidate, Standing } from '../standing.ts';
import { HOP_MS, parentCost } from './scores.ts';
import { costOf, currentParent, type Probe, type Search, type TreeState } from './tree-state.ts';

/** @param depth - Where the peer stands; `null` when that is not known. */
export function mayAsk(state: TreeState, now: Instant, peerId: PeerId, depth: number | null = null): boolean {
  if (peerId === state.options.self || state.parents.has(peerId)) return false;
  return mayTurnAround(state, peerId, depth) && !state.bans.has(peerId, now);
}

/** S2.5: of two peers the deeper one has more use for the other than the other way round. */
function mayTurnAround({ children, position }: TreeState, peerId: PeerId, depth: number | null): boolean {
  const child = children.get(peerId);
  if (child === undefined) return true;
  return !child.isActive && depth !== null && (position.depth === null || depth < position.depth);
}

export function isWorthAsking(
  state: TreeState,
  now: Instant,
  candidate: OfferedCandidate,
  search: Search,
): boolean {
  const { peerId, offer } = candidate;
  if (!mayAsk(state, now, peerId, offer.depth) || offer.depth >= MAX_DEPTH) return false;
  if ((offer.layers & state.options.layers) === 0) return false;
  // Full ones can stand by as well, but only as the last resort.
  if (search.purpose === 'standby') return offer.freeSlots > 0 || state.fruitless > 0;
  if (offer.freeSlots === 0) return false;
  return search.purpose === 'parent' || search.isForced || isShallower(state, offer.depth);
}

/**
 * B3: a peer that has a parent moves only to one that is nearer to the streamer than itself: two peers that change
 * places at the same time can then not end up below each other.
 */
function isShallower({ position }: TreeState, depth: number): boolean {
  return position.depth !== null && depth < position.depth;
}

export function isGood(state: TreeState, { standing }: Probe, search: Search): boolean {
  if (standing === null || !standing.flowing || standing.depth >= MAX_DEPTH) return false;
  if (standing.epoch < state.epoch || (standing.layers & state.options.layers) === 0) return false;
  const path = decodePath(standing.path, MAX_DEPTH + 1);
  if (path.length !== standing.depth + 1 || path[0] !== shortId(state.options.channel)) return false;
  if (path.includes(state.shortId)) return false;
  if (search.purpose === 'standby') return !sharesParent(state, path);
  // A headless relay may have room for newcomers and for those who reach nobody else.
  const mayLand = search.purpose === 'parent' && standing.kind === 'headless';
  if (standing.freeSlots === 0 && !mayLand) return false;
  return search.purpose === 'parent' || search.isForced || isShallower(state, standing.depth);
}

/** S2: a standby that hangs below the present parent would be lost together with it. */
export function sharesParent(state: TreeState, path: readonly number[]): boolean {
  const parent = currentParent(state);
  return parent !== null && parent.state?.depth !== 0 && path.includes(parent.shortId);
}

/** J4.2: a place that may not be there. */
const FULL_MS = 100;
/** J4.2: what each page that could not be reached makes the others cost: some networks let few of them through. */
const UNREACHED_MS = 150;
const MAX_UNREACHED = 4;

/** J4.2: pages are worth less to a peer that reached several in vain; headless relays can be reached by everybody. */
export function reachCost(state: TreeState, now: Instant, kind: PeerKind): number {
  if (kind === 'headless') return 0;
  let unreached = state.unreached;
  for (const { phase, since, kind: other } of state.parents.values()) {
    if (phase === 'connecting' && other === 'browser' && now - since >= state.tuning.hedgeMs) unreached++;
  }
  return Math.min(unreached, MAX_UNREACHED) * UNREACHED_MS;
}

/** S2.4: a standby at a full parent lives on its last reserve. */
const FULL_STANDBY_MS = 400;

/** What is shared with the present path beyond the streamer may take both parents away at once. */
const SHARED_HOP_MS = 30;

export function ranked(
  state: TreeState,
  now: Instant,
  search: Search,
): { candidate: OfferedCandidate; standing: Standing }[] {
  const { randomParents } = state.tuning;
  const ranks: { candidate: OfferedCandidate; standing: Standing; cost: number }[] = [];
  for (const each of search.probes.values()) {
    const { candidate, standing, rttMs } = each;
    if (each.isTried || standing === null || !isGood(state, each, search)) continue;
    // It may have become a child, or been banned, since it was probed.
    if (!mayAsk(state, now, candidate.peerId, standing.depth)) continue;
    const base =
      parentCost({ ...standing, rttMs, lossShare: 0, receivedShare: 1 }).totalMs +
      reachCost(state, now, standing.kind) +
      (standing.freeSlots === 0 ? FULL_MS : 0);
    const cost = randomParents ? state.random.next() : base + sharedCost(state, standing, search);
    if (search.purpose === 'better' && !search.isForced && !isGain(state, cost)) continue;
    ranks.push({ candidate, standing, cost });
  }
  return ranks.sort((a, b) => a.cost - b.cost);
}

function sharedCost(state: TreeState, standing: Standing, { purpose }: Search): number {
  if (purpose !== 'standby') return 0;
  const path = decodePath(standing.path, MAX_DEPTH + 1);
  const shared = path.slice(1).filter((id) => state.position.path.includes(id)).length;
  return shared * SHARED_HOP_MS + (standing.freeSlots === 0 ? FULL_STANDBY_MS : 0);
}

/** B2: moving disturbs the peers below, so it must be worth something. */
export function isGain(state: TreeState, cost: number): boolean {
  const parent = currentParent(state);
  if (parent === null) return true;
  const { hysteresis, leastGainMs } = state.tuning;
  const present = costOf(parent);
  const pathMs = present.delayMs + present.hopsMs + HOP_MS[parent.kind];
  return present.totalMs - cost >= Math.max(leastGainMs, pathMs * (1 - hysteresis));
}
