/** What a peer looks after every now and then (PROTOCOL.md, U and B): standbys, slots, promotion, a better place. */

import type { Instant } from '../link-control.ts';
import { recommendStrongest, roomChanged } from './children.ts';
import { isWell } from './parent-checks.ts';
import { keepLive } from './parents.ts';
import { dropUselessStandbys, standbyWaitMs } from './standbys.ts';
import { missingStandbys } from './attempts.ts';
import { beginSearch } from './searching.ts';
import { correctSlots } from './slots.ts';
import {
  activeChildren,
  currentParent,
  jittered,
  slotsOf,
  uncappedSlots,
  type TreeState,
} from './tree-state.ts';

export function upkeep(state: TreeState, now: Instant): void {
  state.roster.expire(now);
  correct(state, now);
  if (state.phase.type === 'root') {
    state.timers.set('upkeep', now + jittered(state, state.tuning.upkeepMs));
    return;
  }
  dropUselessStandbys(state);
  recommendStrongest(state, now);
  const isAttached = isWell(state, currentParent(state));
  keepLive(state, now);
  if (isAttached && missingStandbys(state) > 0) beginSearch(state, now, 'standby');
  state.timers.set('upkeep', now + standbyWaitMs(state));
}

/** Doublings of the wait of those who have found nothing better. */
const MAX_PATIENCE = 3;

/** Nearer to the streamer there is too little to gain, and promotion puts the right peers there. */
const MANY_HOPS = 4;

/** B1: a look for a better place, at most one at a time. */
export function rebalance(state: TreeState, now: Instant): void {
  const waitMs = state.tuning.rebalanceMs * (1 << Math.min(state.contented, MAX_PATIENCE));
  state.timers.set('rebalance', now + jittered(state, waitMs));
  if (isWell(state, currentParent(state)) && (state.position.depth ?? 0) >= MANY_HOPS) {
    beginSearch(state, now, 'better');
  }
}

/** C1: the slots as the latest measurements have them. */
export function remeasure(state: TreeState, now: Instant): void {
  if (slotsOf(state) !== state.slots) roomChanged(state, now);
}

/** C3: what the children get says whether the uplink carries what it was measured to. */
function correct(state: TreeState, now: Instant): void {
  const { servedShare } = state.tuning;
  const own = currentParent(state)?.affinity.receivedShare ?? 1;
  let badlyServed = 0;
  for (const child of state.children.values()) {
    if (child.isActive && (child.state?.received ?? 1000) < servedShare * own * 1000) badlyServed++;
  }
  const slots = uncappedSlots(state);
  state.slotCap = correctSlots(
    state.slotCap,
    { now, kind: state.options.kind, active: activeChildren(state), badlyServed, slots },
    state.tuning,
  );
  remeasure(state, now);
}
