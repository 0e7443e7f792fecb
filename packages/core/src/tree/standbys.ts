/** Which standbys are of use, and when more of them are looked for (PROTOCOL.md, S). */

import type { Farewell } from '../control-messages.ts';
import { MAX_DEPTH } from '../config.ts';
import type { Instant } from '../link-control.ts';
import type { ParentCandidate } from '../link-messages.ts';
import { decodePath, shortId, type PeerId } from '../peer-id.ts';
import { sharesParent } from './candidates.ts';
import { isUsable } from './parent-checks.ts';
import type { TreeJoin } from './tree-io.ts';
import { costOf, jittered, type ParentLink, type TreeState } from './tree-state.ts';

/** @param leastFreeSlots - By its own word. */
export function bestStandby(state: TreeState, leastFreeSlots = 0): ParentLink | null {
  let best: ParentLink | null = null;
  let lowest = Infinity;
  for (const link of state.parents.values()) {
    if ((link.state?.freeSlots ?? 0) < leastFreeSlots) continue;
    if (link.phase !== 'standby' || !isUsable(state, link) || sharesParent(state, link.path)) continue;
    const { totalMs } = costOf(link);
    if (totalMs >= lowest) continue;
    best = link;
    lowest = totalMs;
  }
  return best;
}

/** S: standbys that would be of no use are replaced at the next upkeep. */
export function dropUselessStandbys(state: TreeState): void {
  for (const link of state.parents.values()) {
    if (link.phase !== 'standby') continue;
    if (link.state === null || (isUsable(state, link) && !sharesParent(state, link.path))) continue;
    closeParent(state, link, 'moved');
  }
}

/** P4: a standby that is named, or, for a peer that only has to make room, one that has room by its own word. */
export function standbyFor(
  state: TreeState,
  parent: ParentLink,
  named: readonly ParentCandidate[],
): ParentLink | null {
  for (const { peerId } of named) {
    const known = state.parents.get(peerId);
    if (known?.phase === 'standby') return known;
  }
  const isInvited = named.some(({ peerId }) => parent.path.includes(shortId(peerId)));
  return isInvited ? null : bestStandby(state, 1);
}

export function closeParent(state: TreeState, link: ParentLink, reason: Farewell): void {
  state.parents.delete(link.peerId);
  state.effects.push({ type: 'close', peerId: link.peerId, reason });
}

/** S2.5: a standby that is deeper than this peer, or lost its parent, needs a place here more than this peer needs it. */
export function yieldStandby(state: TreeState, peerId: PeerId, { path }: TreeJoin): void {
  const parent = state.parents.get(peerId);
  const { depth } = state.position;
  if (parent === undefined || parent.wantsMedia || depth === null) return;
  const hops = decodePath(path, MAX_DEPTH + 1).length;
  if (hops === 0 || hops - 1 > depth) closeParent(state, parent, 'moved');
}

/** S1.3: a link is lost, so what was in vain before says little. */
export function lookSooner(state: TreeState, now: Instant): void {
  state.fruitless = 0;
  state.timers.setEarlier('upkeep', now + standbyWaitMs(state));
}

/** When standbys were looked for in vain, the next look waits longer: a small tree has none to give. */
export function standbyWaitMs(state: TreeState): number {
  return jittered(state, state.tuning.upkeepMs * (1 << Math.min(state.fruitless, 3)));
}
