/** Whether a joiner gets a place (PROTOCOL.md, C, P and F4). */

import { MAX_DEPTH } from '../config.ts';
import type { Instant } from '../link-control.ts';
import type { Refusal } from '../link-messages.ts';
import type { PeerId } from '../peer-id.ts';
import { closesLoop } from '../position.ts';
import { childStrength } from './scores.ts';
import { landingRoom, passedLayers, reservedSlots } from './telling.ts';
import type { TreeJoin } from './tree-io.ts';
import {
  activeChildren,
  allowedChildren,
  hasRelayPlace,
  isFlowing,
  mostChildren,
  type ChildLink,
  type TreeState,
} from './tree-state.ts';

/** A joiner that is refused for the moment may ask again after this. */
export const BUSY_MS = 1_000;
const REFUSED_MS = 10_000;
/** Peers whose joins are counted. */
const MAX_JOINERS = 256;

export type Verdict =
  { type: 'accept' } | { type: 'refuse'; reason: Refusal; retryAfterMs: number } | { type: 'redirect' };

/** What a joiner is told. */
export function judge(state: TreeState, now: Instant, peerId: PeerId, join: TreeJoin): Verdict {
  if (state.bans.has(peerId, now)) return refuse('busy', REFUSED_MS);
  if (isFlood(state, now, peerId)) {
    state.bans.add(peerId, 'flood', now);
    return refuse('busy', REFUSED_MS);
  }
  if (state.goneAt !== null || state.phase.type === 'left') return refuse('draining', BUSY_MS);
  const { depth } = state.position;
  if (depth === null || !isFlowing(state)) return refuse('busy', BUSY_MS);
  if (state.parents.has(peerId) || closesLoop(state.position, peerId)) return refuse('loop', BUSY_MS);
  if (depth >= MAX_DEPTH) return refuse('too-deep', BUSY_MS);
  if ((join.layers & passedLayers(state)) === 0) {
    if (state.options.kind !== 'headless') return { type: 'redirect' };
    state.effects.push({ type: 'fetch', layers: join.layers });
  }
  if (state.children.size >= state.tuning.maxLinks && !state.children.has(peerId))
    return { type: 'redirect' };
  return join.standby ? judgeStandby(state, join) : judgePlace(state, now, peerId, join);
}

function judgeStandby(state: TreeState, { kind }: TreeJoin): Verdict {
  const isAllowed = state.maxChildren > 0 || kind === 'headless';
  if (state.slots === 0 || !isAllowed) return refuse('full', REFUSED_MS);
  return standbys(state) < standbyLimit(state) ? { type: 'accept' } : { type: 'redirect' };
}

export function hasTooManyStandbys(state: TreeState): boolean {
  return standbys(state) > standbyLimit(state);
}

function standbys(state: TreeState): number {
  return state.children.size - activeChildren(state);
}

function standbyLimit({ tuning, slots }: TreeState): number {
  return tuning.standbysPerSlot * slots + tuning.standbysBesides;
}

function judgePlace(state: TreeState, now: Instant, peerId: PeerId, join: TreeJoin): Verdict {
  const before = state.children.get(peerId);
  const active = activeChildren(state) - (before?.isActive ? 1 : 0);
  const invitation = state.invited.get(peerId);
  const { preemption } = state.tuning;
  const hasOverflow = active < mostChildren(state);
  const hasPlaceToGive = hasOverflow || canMakeRoom(state, active, join);
  if (invitation !== undefined && invitation >= now && hasOverflow) return { type: 'accept' };
  if (join.kind === 'headless' && hasRelayPlace(state)) return { type: 'accept' };
  // A headless relay takes the place of a page at once: whoever comes later finds more room behind it.
  if (join.kind === 'headless' && preemption && hasPlaceToGive && hasWeakChild(state)) {
    return { type: 'accept' };
  }
  if (join.path.length === 0 && active < state.slots + landingRoom(state)) return { type: 'accept' };
  // Whoever comes back reached nobody of those that it was sent to, as some can connect to few others.
  if (state.options.kind === 'headless' && hasComeBack(state, peerId) && hasOverflow) {
    return { type: 'accept' };
  }
  // P5.3: near the streamer a page that serves others takes the place of one that serves nobody.
  if (isWorthMore(state, join) && hasPlaceToGive) return { type: 'accept' };
  const isStrong = join.kind === 'headless' || join.slots >= state.tuning.promotionSlots;
  const reserved = isStrong ? 0 : reservedSlots(state);
  return active + reserved < state.slots ? { type: 'accept' } : { type: 'redirect' };
}

/**
 * C4.3: at the limit of its owner a peer serves nobody besides: the weakest child has to go first. That interrupts it,
 * so it is done for those alone who see nothing yet, and for relays.
 */
function canMakeRoom(state: TreeState, active: number, join: TreeJoin): boolean {
  const isUrgent = join.kind === 'headless' || join.path.length === 0;
  if (!isUrgent || active < state.slots || state.slots < allowedChildren(state)) return false;
  const weakest = weakestChild(state);
  return weakest !== null && childStrength(weakest) < childStrength(join);
}

function isWorthMore(state: TreeState, join: TreeJoin): boolean {
  const { preemption, promotionSlots, reserveDepth } = state.tuning;
  if (!preemption || join.slots < promotionSlots || (state.position.depth ?? 0) > reserveDepth) return false;
  const weakest = weakestChild(state);
  return weakest !== null && childStrength(weakest) === 0;
}

function hasComeBack({ joinTokens, tuning }: TreeState, peerId: PeerId): boolean {
  return (joinTokens.get(peerId)?.tokens ?? Infinity) < tuning.joinBurst - 1.5;
}

function hasWeakChild(state: TreeState): boolean {
  if (state.slots - activeChildren(state) > 0) return true;
  const weakest = weakestChild(state);
  return weakest !== null && weakest.kind !== 'headless';
}

/** The child whose place is worth least to the channel; the youngest of equals. */
export function weakestChild(state: TreeState): ChildLink | null {
  let weakest: ChildLink | null = null;
  let least = Infinity;
  for (const child of state.children.values()) {
    if (!child.isActive || !child.isLinked || child.leavingSince !== null) continue;
    const strength = childStrength(child);
    if (strength > least || (strength === least && weakest !== null && child.since < weakest.since)) continue;
    weakest = child;
    least = strength;
  }
  return weakest;
}

/** F4: joins of one peer beyond a token bucket. */
function isFlood(state: TreeState, now: Instant, peerId: PeerId): boolean {
  const { joinBurst, joinsPerSecond } = state.tuning;
  const before = state.joinTokens.get(peerId) ?? { tokens: joinBurst, at: now };
  const refilled = Math.min(joinBurst, before.tokens + ((now - before.at) / 1000) * joinsPerSecond);
  state.joinTokens.delete(peerId);
  state.joinTokens.set(peerId, { tokens: Math.max(0, refilled - 1), at: now });
  const [oldest] = state.joinTokens.keys();
  if (state.joinTokens.size > MAX_JOINERS && oldest !== undefined) state.joinTokens.delete(oldest);
  return refilled < 1;
}

function refuse(reason: Refusal, retryAfterMs: number): Verdict {
  return { type: 'refuse', reason, retryAfterMs };
}
