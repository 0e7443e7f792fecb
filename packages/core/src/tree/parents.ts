/**
 * The links to parents: which one is played, which ones stand by, and what happens when one is lost
 * (PROTOCOL.md, R, S and F).
 *
 *   detached ──first picture──▶ attached ──silent, lost──▶ a standby is activated ──picture──▶ attached
 *
 * A parent is kept until another one delivers, because a late packet costs less than a lost one; children are kept
 * all the time.
 */

import type { Farewell, LinkState } from '../control-messages.ts';
import { MAX_DEPTH } from '../config.ts';
import type { Instant } from '../link-control.ts';
import type { ParentCandidate } from '../link-messages.ts';
import { decodePath } from '../peer-id.ts';
import type { Offence } from './bans.ts';
import { claimsTooLittleDelay, givesLittle, isUsable, isWell, makesDo, offenceIn } from './parent-checks.ts';
import { foldAffinity } from './scores.ts';
import { bestStandby, closeParent, lookSooner, standbyFor } from './standbys.ts';
import { isGain, sharesParent } from './candidates.ts';
import { isServed, missingStandbys } from './attempts.ts';
import { attemptFailed, beginSearch, endSearch, noteUnreachable } from './searching.ts';
import { tellChildren, tellParent } from './telling.ts';
import type { LinkMeasurement } from './tree-io.ts';
import {
  costOf,
  currentParent,
  isUp,
  jittered,
  reposition,
  setPhase,
  type ParentLink,
  type TreeState,
} from './tree-state.ts';

/** How soon after it was attached a peer looks for standbys: the first seconds belong to the picture. */
const FIRST_UPKEEP_MS = 1_000;

/** The link to a peer that accepted is up. */
export function parentLinked(state: TreeState, now: Instant, link: ParentLink): void {
  if (isUp(link)) return;
  if (link.kind === 'browser') state.unreached = 0;
  if (link.wantsMedia) {
    setPhase(link, 'activating', now);
    armActivation(state, now);
    return;
  }
  setPhase(link, 'standby', now);
  state.fruitless = 0;
  if (currentParent(state) === null) repair(state, now);
  if (state.search?.purpose === 'standby' && missingStandbys(state) === 0) endSearch(state);
}

/** R1: the first picture since the link was activated. */
export function parentFlowing(state: TreeState, now: Instant, link: ParentLink): void {
  if (link.phase !== 'activating' || isFaulty(state, link)) return;
  link.hasPicture = true;
  // A picture may overtake the word about where it comes from, and an old broadcast is none to play.
  if (link.state === null || link.state.epoch < state.epoch) return;
  setPhase(link, 'active', now);
  link.isSilent = false;
  const current = currentParent(state);
  if (
    current !== null &&
    current !== link &&
    isWell(state, current) &&
    state.position.depth !== null &&
    !mayReplace(state, now, current, link)
  ) {
    if (liveParents(state) > state.tuning.liveParents) demote(state, now, link);
    return;
  }
  play(state, now, link);
  if (current !== null && current !== link) demote(state, now, current);
  if (link.isDraining) repair(state, now);
}

/** The other end says how it stands. */
export function parentState(state: TreeState, now: Instant, link: ParentLink, word: LinkState): void {
  link.state = word;
  link.path = decodePath(word.path, MAX_DEPTH + 1);
  if (word.epoch > state.epoch) {
    state.epoch = word.epoch;
    state.epochSince = now;
  }
  const offence = offenceIn(state, now, link);
  if (offence !== null) return dismiss(state, now, link, offence);
  if (link.path.includes(state.shortId)) return loseLoop(state, now, link);
  if (link.phase === 'activating' && link.hasPicture) return parentFlowing(state, now, link);
  if (link !== currentParent(state)) {
    // A standby that can serve is of use the moment that nothing else is.
    if (link.phase !== 'standby') return;
    const current = currentParent(state);
    // Whoever is starved with its parent gives that one time to repair (R6.1).
    const isTooDeep = isWell(state, current) && state.position.depth === null;
    if (current === null || isTooDeep) repair(state, now);
    else keepLive(state, now);
    return;
  }
  reposition(state);
  watchFlow(state, now, link);
  tellChildren(state, now);
  // Deeper than the tree may be, or below a parent that lost its place.
  if (state.position.depth === null && word.flowing) repair(state, now);
}

/** What was measured on a link to a parent (F1, F2). */
export function parentMeasured(
  state: TreeState,
  now: Instant,
  link: ParentLink,
  sample: LinkMeasurement,
): void {
  link.affinity = foldAffinity(link.affinity, sample);
  link.offsetMs = sample.offsetMs ?? link.offsetMs;
  const isPoor = givesLittle(state, link, sample);
  if (link.phase === 'active' && isPoor && !makesDo(state, now, link)) {
    // The peers above this one starve alike: only a parent that says that all is well is at fault.
    const isOwnFault = link.state?.received === null || (link.state?.received ?? 1000) >= 950;
    return dismiss(state, now, link, isOwnFault ? 'poor-media' : null);
  }
  if (link.phase === 'active' && claimsTooLittleDelay(state, link, sample)) {
    return dismiss(state, now, link, 'false-delay');
  }
  if (link !== currentParent(state)) return;
  reposition(state);
  tellChildren(state, now);
  tellParent(state, now);
}

/** Nothing is heard of it: look for another at once, and keep it until that one delivers. */
export function parentSilent(state: TreeState, now: Instant, link: ParentLink): void {
  link.isSilent = true;
  if (link.phase === 'standby') {
    closeParent(state, link, 'moved');
    return lookSooner(state, now);
  }
  if (link === currentParent(state)) repair(state, now);
}

export function parentRevived(state: TreeState, now: Instant, link: ParentLink): void {
  link.isSilent = false;
  if (link !== currentParent(state)) return;
  state.timers.clear('orphan');
  // Attempts under way go on: what comes of them stands by.
  if (state.search?.purpose === 'parent' && isServed(state)) endSearch(state);
  tellChildren(state, now);
}

/** The link is gone. */
export function parentUnlinked(
  state: TreeState,
  now: Instant,
  link: ParentLink,
  farewell: Farewell | null,
): void {
  const wasCurrent = link === currentParent(state);
  const wasUp = isUp(link);
  state.parents.delete(link.peerId);
  state.roster.forget(link.peerId);
  if (farewell === 'not-allowed') state.bans.add(link.peerId, 'refused', now);
  if (wasUp) lookSooner(state, now);
  else noteUnreachable(state, now, link);
  if (wasCurrent) {
    detach(state, now);
    repair(state, now);
  } else if (link.phase === 'activating' && !isServed(state)) {
    repair(state, now);
  }
  attemptFailed(state, now);
}

/** It cannot deliver, or has been asked to let this child go: `named` are peers that it recommends. */
export function parentRedirects(
  state: TreeState,
  now: Instant,
  link: ParentLink,
  named: readonly ParentCandidate[],
): void {
  if (link.phase === 'activating') {
    // It has no room for its standby.
    closeParent(state, link, 'moved');
    if (!isServed(state)) repair(state, now, named);
    return;
  }
  // One at a time: a parent shall not make its child ask everybody.
  if (link !== currentParent(state) || state.search?.isForced === true) return;
  const standby = standbyFor(state, link, named);
  if (standby !== null) return activate(state, now, standby, 'better');
  beginSearch(state, now, 'better', named);
}

/** It will be gone: move before it is. */
export function parentDrains(state: TreeState, now: Instant, link: ParentLink): void {
  link.isDraining = true;
  if (link === currentParent(state)) return repair(state, now);
  // One that is about to deliver is better than none.
  const isWanted = link.phase === 'activating' && !isServed(state);
  if (isWanted || link.phase === 'active') return;
  closeParent(state, link, 'moved');
  attemptFailed(state, now);
}

/** R3: whoever was activated and has not delivered in time is given up, and the next one tried. */
export function activationTimeout(state: TreeState, now: Instant): void {
  const { activationMs } = state.tuning;
  for (const link of state.parents.values()) {
    // Compared as `armActivation` adds it: with a difference, rounding could leave a timer due and nothing to do.
    if (link.phase !== 'activating' || now < link.since + activationMs) continue;
    // A parent that is itself looking for media is not at fault.
    const isAtFault = link.state === null || link.state.flowing;
    dismiss(state, now, link, isAtFault ? 'no-media' : null);
  }
  if (isServed(state)) attemptFailed(state, now);
  else repair(state, now);
  armActivation(state, now);
}

/** R5: the children are told that nothing comes, so that they can help themselves. */
export function orphanTimeout(state: TreeState, now: Instant): void {
  const current = currentParent(state);
  if (current !== null && isWell(state, current)) return;
  if (current === null) state.position = detachedFrom(state);
  tellChildren(state, now);
}

/** R6: the parent has had its time to repair. */
export function starvedTimeout(state: TreeState, now: Instant): void {
  const current = currentParent(state);
  if (current !== null && current.state?.flowing === false) repair(state, now);
}

/**
 * R2 to R4: activates the best standby; when there is none, or it does not deliver, looks for another parent among
 * the peers named, the roster and the directories.
 */
export function repair(
  state: TreeState,
  now: Instant,
  named: readonly ParentCandidate[] | null = null,
): void {
  if (state.phase.type !== 'attached' && state.phase.type !== 'detached') return;
  const live = otherLive(state);
  if (live !== null) return play(state, now, live);
  state.timers.setEarlier('orphan', now + state.tuning.orphanMs);
  const activating = [...state.parents.values()].filter(({ phase }) => phase === 'activating');
  const isSlow = activating.some(({ since }) => now - since >= state.tuning.secondActivationMs);
  const standby = bestStandby(state);
  if (standby !== null && (activating.length === 0 || (isSlow && activating.length === 1))) {
    activate(state, now, standby, 'parent');
    if (!isSlow) return;
  }
  if (activating.length === 0 || isSlow) beginSearch(state, now, 'parent', named);
}

function activate(state: TreeState, now: Instant, link: ParentLink, purpose: 'parent' | 'better'): void {
  setPhase(link, 'activating', now);
  link.hasPicture = false;
  link.wantsMedia = true;
  state.moving = purpose === 'better' ? link.peerId : state.moving;
  const layer = 31 - Math.clz32(state.options.layers & -state.options.layers);
  state.effects.push({ type: 'send', peerId: link.peerId, message: { type: 'activate', layer } });
  armActivation(state, now);
}

/** The timer serves both limits: the second standby is activated before the first is given up. */
function armActivation(state: TreeState, now: Instant): void {
  const { activationMs, secondActivationMs } = state.tuning;
  let next = Infinity;
  for (const { phase, since } of state.parents.values()) {
    if (phase !== 'activating') continue;
    const second = since + secondActivationMs;
    next = Math.min(next, second > now ? second : since + activationMs);
  }
  if (next === Infinity) state.timers.clear('activation');
  else state.timers.set('activation', Math.max(next, now));
}

function play(state: TreeState, now: Instant, link: ParentLink): void {
  state.phase = { type: 'attached', parent: link.peerId };
  state.moving = null;
  state.contented = 0;
  state.timers.clear('orphan');
  state.timers.clear('starved');
  state.effects.push({ type: 'play', peerId: link.peerId });
  if (state.search?.purpose !== 'standby') endSearch(state);
  reposition(state);
  watchFlow(state, now, link);
  tellChildren(state, now);
  state.told.upwards = null;
  tellParent(state, now);
  state.timers.setEarlier('upkeep', now + jittered(state, FIRST_UPKEEP_MS));
  if (!state.timers.isSet('rebalance')) {
    state.timers.set('rebalance', now + jittered(state, state.tuning.rebalanceMs));
  }
}

/** A parent that is not needed any more stands by, if it can still be of use. */
function demote(state: TreeState, now: Instant, link: ParentLink): void {
  const isUseful = isUsable(state, link) && missingStandbys(state) > 0 && !sharesParent(state, link.path);
  if (!isUseful) return closeParent(state, link, 'moved');
  setPhase(link, 'standby', now);
  link.wantsMedia = false;
  link.poorReports = 0;
  state.effects.push({ type: 'send', peerId: link.peerId, message: { type: 'pause' } });
}

/** Leaves a parent for what it did; `null`: it is not its fault. */
function dismiss(state: TreeState, now: Instant, link: ParentLink, offence: Offence | null): void {
  if (offence !== null) state.bans.add(link.peerId, offence, now);
  state.roster.forget(link.peerId);
  if (link === currentParent(state)) {
    // It may still deliver something until another one delivers all.
    link.isDraining = true;
    if (offence === 'no-media' || offence === 'false-path') {
      closeParent(state, link, 'moved');
      detach(state, now);
    }
    return repair(state, now);
  }
  closeParent(state, link, 'moved');
  attemptFailed(state, now);
}

/** L5.4: two peers joined each other at the same time. Both let go; chance decides who is first to come back. */
function loseLoop(state: TreeState, now: Instant, link: ParentLink): void {
  const wasCurrent = link === currentParent(state);
  closeParent(state, link, 'moved');
  if (!wasCurrent) return attemptFailed(state, now);
  detach(state, now);
  state.position = detachedFrom(state);
  tellChildren(state, now);
  repair(state, now);
}

function detach(state: TreeState, now: Instant): void {
  state.phase = { type: 'detached', since: now };
  state.effects.push({ type: 'play', peerId: null });
}

function detachedFrom(state: TreeState): TreeState['position'] {
  return { depth: null, path: [state.shortId], epoch: state.epoch, clockOffsetMs: null, delayMs: null };
}

/** Sets or clears the patience with a parent that gets nothing itself. */
function watchFlow(state: TreeState, now: Instant, link: ParentLink): void {
  if (link.state?.flowing !== false) {
    state.timers.clear('starved');
    return;
  }
  if (!state.timers.isSet('starved')) {
    state.timers.set('starved', now + jittered(state, state.tuning.starvedMs));
  }
}

/** R7: a second parent that delivers already. */
function otherLive(state: TreeState): ParentLink | null {
  const current = currentParent(state);
  for (const link of state.parents.values()) {
    if (link !== current && isWell(state, link) && isUsable(state, link)) return link;
  }
  return null;
}

/** R7: as many live parents as wanted, where standbys have room for it. */
export function keepLive(state: TreeState, now: Instant): void {
  if (state.tuning.liveParents === 1 || !isWell(state, currentParent(state))) return;
  let wanted = state.tuning.liveParents;
  for (const { phase } of state.parents.values()) if (phase === 'active' || phase === 'activating') wanted--;
  const standby = wanted > 0 ? bestStandby(state, 1) : null;
  if (standby !== null) activate(state, now, standby, 'parent');
}

function isFaulty(state: TreeState, { path }: ParentLink): boolean {
  return path.includes(state.shortId);
}

function liveParents({ parents }: TreeState): number {
  let live = 0;
  for (const { phase } of parents.values()) if (phase === 'active') live++;
  return live;
}

/** A peer that moves on purpose changes over as soon as the new parent delivers; in a race the better one stays. */
function mayReplace(state: TreeState, now: Instant, current: ParentLink, next: ParentLink): boolean {
  if (state.moving === next.peerId) return true;
  if (next.purpose === 'better' && state.search?.isForced !== false) return true;
  if (next.purpose === 'better') return costOf(next).totalMs < costOf(current).totalMs;
  return now - current.since < state.tuning.raceMs && isGain(state, costOf(next).totalMs);
}
