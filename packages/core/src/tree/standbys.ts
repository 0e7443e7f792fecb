/** Which standbys are of use (PROTOCOL.md, S). */

import type { Farewell } from '../control-messages.ts';
import type { ParentCandidate } from '../link-messages.ts';
import { shortId } from '../peer-id.ts';
import { sharesParent } from './candidates.ts';
import { isUsable } from './parent-checks.ts';
import { costOf, type ParentLink, type TreeState } from './tree-state.ts';

export function bestStandby(state: TreeState): ParentLink | null {
  let best: ParentLink | null = null;
  let lowest = Infinity;
  for (const link of state.parents.values()) {
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
  const standby = isInvited ? null : bestStandby(state);
  return standby?.state && standby.state.freeSlots > 0 ? standby : null;
}

export function closeParent(state: TreeState, link: ParentLink, reason: Farewell): void {
  state.parents.delete(link.peerId);
  state.effects.push({ type: 'close', peerId: link.peerId, reason });
}
