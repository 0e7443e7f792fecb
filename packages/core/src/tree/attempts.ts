/** How many joins are under way, and how long each may take (PROTOCOL.md, J5). */

import type { Instant } from '../link-control.ts';
import { isWell } from './parent-checks.ts';
import { currentParent, isUp, type ParentLink, type TreeState } from './tree-state.ts';
import type { TreeTuning } from './tree-tuning.ts';

/** Links that are not up yet. */
export function attempts({ parents }: TreeState): number {
  let underWay = 0;
  for (const link of parents.values()) if (!isUp(link)) underWay++;
  return underWay;
}

/** Of those, the ones that may still be expected to succeed, and those that are about to deliver. */
export function freshAttempts({ parents, tuning }: TreeState, now: Instant): number {
  let fresh = 0;
  for (const link of parents.values()) {
    if ((link.phase === 'activating' || !isUp(link)) && now - link.since < patienceMs(link, tuning)) fresh++;
  }
  return fresh;
}

/** How long a link may take to its next phase before another is begun beside it. */
export function patienceMs({ phase }: ParentLink, tuning: TreeTuning): number {
  if (phase === 'asked') return tuning.answerMs;
  return phase === 'activating' ? 2 * tuning.secondActivationMs : tuning.hedgeMs;
}

/** J5.3: the oldest of those that took twice as long as they may: most likely it never comes about. */
export function stalestAttempt({ parents, tuning }: TreeState, now: Instant): ParentLink | null {
  let stalest: ParentLink | null = null;
  for (const link of parents.values()) {
    if (isUp(link) || now - link.since < 2 * patienceMs(link, tuning)) continue;
    if (stalest === null || link.since < stalest.since) stalest = link;
  }
  return stalest;
}

/** Whether a parent delivers, or did until this moment as far as anybody knows. */
export function isServed(state: TreeState): boolean {
  return state.position.depth !== null && isWell(state, currentParent(state));
}

export function joinsUnderWay({ parents, tuning }: TreeState, now: Instant): number {
  let joins = 0;
  for (const link of parents.values()) if (!isUp(link) && now - link.since < tuning.hedgeMs) joins++;
  return joins;
}

/** Standbys that the peer would like to have and has not. */
export function missingStandbys(state: TreeState): number {
  let standbys = 0;
  for (const { phase, wantsMedia } of state.parents.values()) {
    if (phase === 'standby' || (phase !== 'active' && !wantsMedia)) standbys++;
  }
  return Math.max(0, state.tuning.standbys - standbys);
}
