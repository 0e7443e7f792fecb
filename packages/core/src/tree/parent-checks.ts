/** What a child may believe of its parents (PROTOCOL.md, F1 and F2): their word, and what it measured itself. */

import { MAX_DEPTH } from '../config.ts';
import type { Instant } from '../link-control.ts';
import { shortId } from '../peer-id.ts';
import type { Offence } from './bans.ts';
import type { LinkMeasurement } from './tree-io.ts';
import { linkDelayMs, type ParentLink, type TreeState } from './tree-state.ts';

/** Whether media come, and will come, from it. */
export function isWell(state: TreeState, link: ParentLink | null): boolean {
  if (link === null || link.isSilent || link.isDraining || link.phase !== 'active') return false;
  return link.state === null || (link.state.flowing && link.state.epoch >= state.epoch);
}

/** Whether a standby could deliver. */
export function isUsable(state: TreeState, { state: word, path, isSilent, isDraining }: ParentLink): boolean {
  if (word === null || isSilent || isDraining || !word.flowing || word.depth === null) return false;
  return word.depth < MAX_DEPTH && word.epoch >= state.epoch && !path.includes(state.shortId);
}

/** How long a parent may take to follow a new epoch before its word counts as a replay. */
const EPOCH_GRACE_MS = 5_000;

/** F2: what no honest peer would say. */
export function offenceIn(state: TreeState, now: Instant, link: ParentLink): Offence | null {
  const { state: word, path } = link;
  if (word === null) return null;
  if (word.epoch < state.epoch && word.flowing && now - state.epochSince > EPOCH_GRACE_MS) return 'old-epoch';
  if (word.depth === null) return null;
  const isWay = path.length === word.depth + 1 && path[0] === shortId(state.options.channel);
  return isWay && path.at(-1) === link.shortId ? null : 'false-path';
}

/** F1.1: counts reports of little in a row. @returns Whether this one was once too often; a mere round trip is none. */
export function givesLittle(
  { tuning }: TreeState,
  link: ParentLink,
  { receivedShare }: LinkMeasurement,
): boolean {
  if (receivedShare === undefined) return false;
  link.poorReports = receivedShare < tuning.receivedShare ? link.poorReports + 1 : 0;
  return link.poorReports >= tuning.poorReports;
}

/**
 * F2.2: the clock of the frames does not lie. Only frames that were measured now are held against what the parent says
 * now, because an honest path may have become shorter since.
 */
export function claimsTooLittleDelay(
  { tuning }: TreeState,
  link: ParentLink,
  { latencyMs }: LinkMeasurement,
): boolean {
  if (latencyMs === undefined || link.state === null || link.state.delayMs === null) return false;
  const claimedMs = link.state.delayMs + linkDelayMs(link);
  return latencyMs > claimedMs * tuning.delayFactor + tuning.delaySlackMs;
}

/** F1.3: two parents in a row that give little are a slow line of this peer's own, and a third would give no more. */
export function makesDo(state: TreeState, now: Instant, link: ParentLink): boolean {
  const { poor, tuning } = state;
  const isOwnLine = now < poor.contentUntil || now - poor.leftAt < tuning.ownLineMs;
  if (!isOwnLine) {
    poor.leftAt = now;
    if (now - poor.contentUntil > tuning.forgetMs) poor.contentMs = tuning.contentMs;
    return false;
  }
  if (now >= poor.contentUntil) {
    poor.contentUntil = now + poor.contentMs;
    poor.contentMs = Math.min(tuning.longestContentMs, 2 * poor.contentMs);
  }
  link.poorReports = 0;
  return true;
}
