/**
 * Who is told what, and when (PROTOCOL.md, A). A change of place goes down at once, because loops are avoided by it;
 * slots and viewers go up merged; directories hear of slots alone.
 */

import { MAX_DEPTH } from '../config.ts';
import type { LinkState } from '../control-messages.ts';
import type { Instant } from '../link-control.ts';
import type { Standing, Offer } from '../standing.ts';
import { linkState, type Position } from '../position.ts';
import {
  activeChildren,
  allowedChildren,
  ageS,
  currentParent,
  isFlowing,
  type ChildLink,
  type ParentLink,
  type TreeState,
} from './tree-state.ts';

/** Layers that this peer passes on: of its own parent, or all while it is the streamer. */
export function passedLayers(state: TreeState): number {
  if (state.phase.type === 'root') return state.options.layers;
  return currentParent(state)?.state?.layers ?? state.options.layers;
}

/** What is said on every link; `received` is what came over that link. */
function stateFor(state: TreeState, now: Instant, received: number | null): LinkState {
  let subtreeSlots = 0;
  let viewers = state.audience + (state.options.isViewer ? 1 : 0);
  for (const child of state.children.values()) {
    if (!child.isActive) continue;
    subtreeSlots += (child.state?.freeSlots ?? 0) + (child.state?.subtreeSlots ?? 0);
    viewers += child.state?.viewers ?? (child.kind === 'browser' ? 1 : 0);
  }
  const load = {
    slots: state.slots,
    freeSlots: offeredSlots(state),
    subtreeSlots,
    viewers,
    flowing: isFlowing(state),
    ageS: ageS(state, now),
    layers: passedLayers(state),
  };
  return linkState(state.position, load, received);
}

/** A1: children and standbys below hear of a new place, a new epoch, and of media that stop or come back. */
export function tellChildren(state: TreeState, now: Instant): void {
  const { told, position } = state;
  const flowing = isFlowing(state);
  const layers = passedLayers(state);
  const isSame =
    told.flowing === flowing && told.layers === layers && isSamePlace(told.position, position, state);
  if (isSame) return;
  state.told = { ...told, position, flowing, layers };
  if (state.children.size > 0) {
    const word = stateFor(state, now, null);
    for (const child of state.children.values()) {
      if (child.isLinked) state.effects.push({ type: 'advertise', peerId: child.peerId, state: word });
    }
  }
  tellDirectories(state, now);
}

/** The first word on a link. */
export function greet(state: TreeState, now: Instant, link: ParentLink | ChildLink): void {
  const { peerId } = link;
  const received = 'affinity' in link ? receivedOver(link) : null;
  state.effects.push({ type: 'advertise', peerId, state: stateFor(state, now, received) });
}

/** A2: slots and viewers go up at most every `tellMs`. */
export function tellParent(state: TreeState, now: Instant): void {
  const parent = currentParent(state);
  if (parent === null) return;
  const due = state.told.upwardsAt + state.tuning.tellMs;
  if (now < due && state.told.upwards !== null) {
    // Worked out when it is due: a parent of many hears from one of them all the time.
    state.timers.setEarlier('tell', due);
    return;
  }
  const word = stateFor(state, now, receivedOver(parent));
  if (isSameLoad(state.told.upwards, word)) return;
  state.told.upwards = word;
  state.told.upwardsAt = now;
  state.effects.push({ type: 'advertise', peerId: parent.peerId, state: word });
}

/** A3: what this peer offers to joiners that it does not know; the last places near the streamer are not among it. */
export function tellDirectories(state: TreeState, now: Instant): void {
  const offer = offerOf(state, now);
  const { told, tuning, timers } = state;
  const isNews = !isSameOffer(offer, told.report);
  const isDue = offer !== null && now >= told.reportAt + tuning.reportAgainMs;
  if (!isNews && !isDue) {
    if (offer !== null) timers.setEarlier('report', told.reportAt + tuning.reportAgainMs);
    return;
  }
  if (now < told.reportAt + tuning.reportMs) {
    timers.setEarlier('report', told.reportAt + tuning.reportMs);
    return;
  }
  told.report = offer;
  told.reportAt = now;
  state.effects.push({ type: 'report', offer });
  if (offer !== null) timers.set('report', now + tuning.reportAgainMs);
  else timers.clear('report');
}

function offerOf(state: TreeState, now: Instant): Offer | null {
  const { depth, delayMs } = state.position;
  const freeSlots = Math.max(offeredSlots(state), state.slots + landingRoom(state) - activeChildren(state));
  if (depth === null || freeSlots <= 0 || !isFlowing(state) || state.goneAt !== null) return null;
  // A child there could have no children of its own.
  if (depth >= MAX_DEPTH - 1) return null;
  const { kind } = state.options;
  return {
    kind,
    depth,
    delayMs: delayMs ?? 0,
    freeSlots,
    ageS: ageS(state, now),
    layers: passedLayers(state),
  };
}

/** What a probed peer answers; `null` when it is nowhere in the tree. */
export function standingOf(state: TreeState, now: Instant): Standing | null {
  const { depth } = state.position;
  if (depth === null) return null;
  const { delayMs, path, epoch, flowing, layers, freeSlots } = stateFor(state, now, null);
  const { kind } = state.options;
  const offered = { kind, depth, delayMs: delayMs ?? 0, freeSlots, ageS: ageS(state, now), layers };
  return { ...offered, path, epoch, flowing };
}

/** Places for anybody. */
function offeredSlots(state: TreeState): number {
  return Math.max(0, state.slots - activeChildren(state) - reservedSlots(state));
}

/** J5.5: a headless relay is the nearest peer that can be reached for sure: newcomers begin there. */
export function landingRoom(state: TreeState): number {
  const { options, slots, tuning } = state;
  if (options.kind !== 'headless') return 0;
  return Math.max(0, Math.min(Math.ceil(slots * tuning.landingShare), allowedChildren(state) - slots));
}

/** P5: near the streamer a share of the places is kept for those who pass the stream on to others. */
export function reservedSlots(state: TreeState): number {
  const { reserveDepth, reserveShare, preemption } = state.tuning;
  const { depth } = state.position;
  if (!preemption || depth === null || depth > reserveDepth || state.slots < 2) return 0;
  return Math.ceil(state.slots * reserveShare);
}

function receivedOver({ affinity, phase }: ParentLink): number | null {
  return phase === 'active' ? Math.round(affinity.receivedShare * 1000) : null;
}

/** A2: what a parent adds up. */
function isSameLoad(a: LinkState | null, b: LinkState): boolean {
  if (a === null || a.freeSlots !== b.freeSlots || a.subtreeSlots !== b.subtreeSlots) return false;
  return a.viewers === b.viewers && a.slots === b.slots && a.received === b.received;
}

/** A3: what makes a difference to joiners. */
function isSameOffer(a: Offer | null, b: Offer | null): boolean {
  if (a === null || b === null) return a === b;
  return a.freeSlots === b.freeSlots && a.depth === b.depth && a.layers === b.layers;
}

function isSamePlace(a: Position | null, b: Position, state: TreeState): boolean {
  if (a === null || a.depth !== b.depth || a.epoch !== b.epoch) return false;
  if (Math.abs((a.delayMs ?? 0) - (b.delayMs ?? 0)) >= state.tuning.delayToleranceMs) return false;
  if ((a.clockOffsetMs === null) !== (b.clockOffsetMs === null)) return false;
  if (Math.abs((a.clockOffsetMs ?? 0) - (b.clockOffsetMs ?? 0)) >= CLOCK_TOLERANCE_MS) return false;
  return a.path.length === b.path.length && a.path.every((id, i) => id === b.path[i]);
}

/** A clock creeps by parts of a millisecond; K4.2 has the same limit. */
const CLOCK_TOLERANCE_MS = 5;
