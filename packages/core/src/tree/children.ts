/**
 * The links to children: who gets a place, who is sent further down, who has to make room (PROTOCOL.md, C and P).
 */

import { MAX_REDIRECT_PEERS } from '../config.ts';
import type { LinkState } from '../control-messages.ts';
import type { Instant } from '../link-control.ts';
import type { ParentCandidate } from '../link-messages.ts';
import type { PeerId } from '../peer-id.ts';
import { BUSY_MS, hasTooManyStandbys, judge, weakestChild, type Verdict } from './judging.ts';
import { childStrength } from './scores.ts';
import { yieldStandby } from './standbys.ts';
import { greet, landingRoom, tellDirectories, tellParent } from './telling.ts';
import type { TreeJoin } from './tree-io.ts';
import {
  activeChildren,
  allowedChildren,
  candidateOf,
  currentParent,
  hasRelayPlace,
  isFlowing,
  mostChildren,
  slotsOf,
  type ChildLink,
  type TreeState,
} from './tree-state.ts';

/** Places named to a joiner: enough to choose, few enough that a crowd spreads. */
const NAMED_PLACES = 3;

/** Somebody asks for a place. */
export function childAsks(
  state: TreeState,
  now: Instant,
  asked: { peerId: PeerId; addresses: readonly string[]; join: TreeJoin; isFull?: boolean },
): void {
  const { peerId, join, isFull = false } = asked;
  yieldStandby(state, peerId, join);
  const judged = judge(state, now, peerId, join);
  const verdict: Verdict = isFull && judged.type === 'accept' ? { type: 'redirect' } : judged;
  if (verdict.type === 'accept') return accept(state, now, asked);
  if (verdict.type === 'redirect') {
    const parents = placesBelow(state, peerId, join);
    if (parents.length > 0) {
      state.effects.push({ type: 'redirect', peerId, parents });
      return;
    }
  }
  const refusal = verdict.type === 'refuse' ? verdict : { reason: 'full' as const, retryAfterMs: BUSY_MS };
  const { reason, retryAfterMs } = refusal;
  state.effects.push({ type: 'refuse', peerId, reason, retryAfterMs });
}

export function childLinked(state: TreeState, now: Instant, child: ChildLink): void {
  if (child.isLinked) return;
  child.isLinked = true;
  greet(state, now, child);
  drainChild(state, now, child);
}

export function childUnlinked(state: TreeState, now: Instant, peerId: PeerId): void {
  state.children.delete(peerId);
  roomChanged(state, now);
}

export function childState(state: TreeState, now: Instant, child: ChildLink, word: LinkState): void {
  child.state = word;
  child.slots = word.slots;
  child.ageS = word.ageS;
  child.sentDown = 0;
  tellParent(state, now);
}

/** C4: a standby is needed. A few more children than slots are carried until the weakest has found another place. */
export function childActivates(state: TreeState, now: Instant, child: ChildLink): void {
  if (child.isActive) return;
  const hasPlace =
    activeChildren(state) < mostChildren(state) || (child.kind === 'headless' && hasRelayPlace(state));
  if (!hasPlace || state.goneAt !== null) {
    const parents = placesBelow(state, child.peerId, { slots: child.slots, layers: child.layers });
    state.effects.push({ type: 'send', peerId: child.peerId, message: { type: 'redirect', parents } });
    return;
  }
  child.isActive = true;
  child.activeSince = now;
  state.effects.push({ type: 'serve', peerId: child.peerId, isActive: true });
  roomChanged(state, now);
}

export function childPauses(state: TreeState, now: Instant, child: ChildLink): void {
  if (!child.isActive) return;
  child.isActive = false;
  child.leavingSince = null;
  if (hasTooManyStandbys(state)) {
    state.children.delete(child.peerId);
    state.effects.push({ type: 'close', peerId: child.peerId, reason: 'moved' });
  } else {
    state.effects.push({ type: 'serve', peerId: child.peerId, isActive: false });
  }
  roomChanged(state, now);
}

/** P3, P4: a child of a child is strong enough for a place here. */
export function childRecommends(
  state: TreeState,
  now: Instant,
  child: ChildLink,
  word: { peer: ParentCandidate; slots: number; ageS: number },
): void {
  const { tuning, invited, position } = state;
  const { peer, slots, ageS } = word;
  for (const [peerId, until] of invited) if (until < now) invited.delete(peerId);
  if (!tuning.preemption || position.depth === null || !isFlowing(state) || state.slots === 0) return;
  if (slots < tuning.promotionSlots || invited.size >= tuning.maxInvitations) return;
  if (peer.peerId === state.options.self || state.children.has(peer.peerId)) return;
  if (state.parents.has(peer.peerId) || state.bans.has(peer.peerId, now)) return;
  const strength = childStrength({ kind: 'browser', slots, ageS });
  if (strength < tuning.promotionGain * weakestKept(state)) return;
  if (activeChildren(state) >= mostChildren(state)) return makeRoom(state, now);
  invited.set(peer.peerId, now + tuning.invitationMs);
  // The child passes them on to the one that is invited.
  const addresses = [...state.options.addresses];
  state.effects.push({ type: 'send', peerId: child.peerId, message: { type: 'addresses', addresses } });
  state.effects.push({
    type: 'send',
    peerId: child.peerId,
    message: { type: 'invite', peerId: peer.peerId },
  });
}

/** C4.3: a place for whoever is recommended next time, once the weakest child has found another. */
function makeRoom(state: TreeState, now: Instant): void {
  for (const { leavingSince } of state.children.values()) if (leavingSince !== null) return;
  askWeakestToGo(state, now);
  roomChanged(state, now);
}

function askWeakestToGo(state: TreeState, now: Instant): boolean {
  const weakest = weakestChild(state);
  if (weakest === null) return false;
  weakest.leavingSince = now;
  weakest.timesAsked++;
  const parents = placesBelow(state, weakest.peerId, weakest);
  state.effects.push({ type: 'send', peerId: weakest.peerId, message: { type: 'redirect', parents } });
  return true;
}

/** C4: sends the weakest of too many children away, and lets go of those that did not go. */
export function shed(state: TreeState, now: Instant): void {
  const { shedGraceMs, shedRequests } = state.tuning;
  let staying = 0;
  // Those that are not up yet may never be, and cannot be asked.
  for (const child of state.children.values()) if (child.isActive && child.isLinked) staying++;
  for (const child of state.children.values()) {
    if (child.leavingSince === null) continue;
    staying -= child.isActive ? 1 : 0;
    if (now - child.leavingSince < shedGraceMs) continue;
    if (!hasTooMany(state) || child.timesAsked < shedRequests) {
      // Asked again, or another in its place.
      child.leavingSince = null;
      staying += child.isActive ? 1 : 0;
      continue;
    }
    state.children.delete(child.peerId);
    state.effects.push({ type: 'close', peerId: child.peerId, reason: 'leaving' });
  }
  while (staying > state.slots && hasTooMany(state) && askWeakestToGo(state, now)) staying--;
  roomChanged(state, now);
}

/** C4.2: whether some have to go. A relay with room for newcomers sends nobody away who would find no place. */
function hasTooMany(state: TreeState): boolean {
  const active = activeChildren(state);
  if (active <= state.slots) return false;
  return active > state.slots + landingRoom(state) || hasPlacesBelow(state);
}

function hasPlacesBelow({ children }: TreeState): boolean {
  for (const { isActive, isLinked, state, sentDown } of children.values()) {
    if (isActive && isLinked && state !== null && state.freeSlots + state.subtreeSlots > sentDown)
      return true;
  }
  return false;
}

/** Slots, children or both are others than before. */
export function roomChanged(state: TreeState, now: Instant): void {
  state.slots = slotsOf(state);
  const leaving = [...state.children.values()].some(({ leavingSince }) => leavingSince !== null);
  if (activeChildren(state) > state.slots || leaving) {
    state.timers.setEarlier('shed', now + state.tuning.shedMs);
  }
  tellParent(state, now);
  tellDirectories(state, now);
}

/** C6.1: sends every child away, because this peer will be gone. Those that are not up yet are told when they are. */
export function drainChildren(state: TreeState, now: Instant): void {
  for (const child of state.children.values()) if (child.isLinked) drainChild(state, now, child);
}

function drainChild(state: TreeState, now: Instant, { peerId }: ChildLink): void {
  if (state.goneAt === null) return;
  const withinMs = Math.max(0, Math.round(state.goneAt - now));
  state.effects.push({ type: 'send', peerId, message: { type: 'drain', withinMs } });
}

function accept(
  state: TreeState,
  now: Instant,
  { peerId, addresses, join }: { peerId: PeerId; addresses: readonly string[]; join: TreeJoin },
): void {
  state.invited.delete(peerId);
  state.children.set(peerId, {
    peerId,
    addresses,
    kind: join.kind,
    layers: join.layers,
    since: now,
    isLinked: false,
    isActive: !join.standby,
    activeSince: now,
    slots: join.slots,
    ageS: join.ageS,
    state: null,
    sentDown: 0,
    leavingSince: null,
    timesAsked: 0,
  });
  state.effects.push({ type: 'accept', peerId, standby: join.standby, layers: join.layers });
  if (activeChildren(state) > allowedChildren(state)) letWeakestGo(state);
  roomChanged(state, now);
}

/** C4.3: it is told where to go, but not waited for. */
function letWeakestGo(state: TreeState): void {
  const weakest = weakestChild(state);
  if (weakest === null) return;
  const { peerId } = weakest;
  const parents = placesBelow(state, peerId, weakest);
  state.children.delete(peerId);
  state.effects.push({ type: 'send', peerId, message: { type: 'redirect', parents } });
  state.effects.push({ type: 'close', peerId, reason: 'leaving' });
}

/**
 * C2: children with room at or below them, drawn by how much room there is, so that a crowd spreads. What was sent
 * down since a child last told of its slots counts as taken.
 */
function placesBelow(
  state: TreeState,
  joiner: PeerId,
  join: { slots: number; layers: number },
): ParentCandidate[] {
  const near: { child: ChildLink; room: number }[] = [];
  const far: { child: ChildLink; room: number }[] = [];
  for (const child of state.children.values()) {
    if (!child.isActive || !child.isLinked || child.peerId === joiner || child.state === null) continue;
    if ((child.state.layers & join.layers) === 0) continue;
    const own = child.state.freeSlots - child.sentDown;
    if (own > 0) near.push({ child, room: own });
    else if (own + child.state.subtreeSlots > 0) far.push({ child, room: own + child.state.subtreeSlots });
  }
  // Children with a place of their own first: further down the joiner would be sent on.
  const rooms = near.length > 0 ? near : far;
  const places: ParentCandidate[] = [];
  while (rooms.length > 0 && places.length < Math.min(NAMED_PLACES, MAX_REDIRECT_PEERS)) {
    const at = draw(state, rooms);
    const [drawn] = rooms.splice(at, 1);
    if (drawn === undefined) break;
    if (places.length === 0) drawn.child.sentDown++;
    places.push(candidateOf(drawn.child));
  }
  return places;
}

function draw(state: TreeState, rooms: readonly { room: number }[]): number {
  let left = state.random.next() * rooms.reduce((sum, { room }) => sum + room, 0);
  for (let i = 0; i < rooms.length; i++) {
    left -= rooms[i]?.room ?? 0;
    if (left <= 0) return i;
  }
  return rooms.length - 1;
}

/** Strength of the weakest child that has a place to stay; 0 while there is one to give away. */
function weakestKept(state: TreeState): number {
  const strengths: number[] = [];
  for (const child of state.children.values()) if (child.isActive) strengths.push(childStrength(child));
  return strengths.sort((a, b) => b - a)[state.slots - 1] ?? 0;
}

/** P1: what the parent hears of the strongest child: the child's own measurement, and this peer's attestation. */
export function recommendStrongest(state: TreeState, now: Instant): void {
  const parent = currentParent(state);
  const { attestMs, promotionSlots, servedShare, preemption } = state.tuning;
  if (!preemption || parent === null || parent.state?.depth === undefined) return;
  let strongest: ChildLink | null = null;
  for (const child of state.children.values()) {
    const received = (child.state?.received ?? 1000) / 1000;
    const isProven = child.isActive && now - child.activeSince >= attestMs && received >= servedShare;
    if (!isProven || child.kind === 'headless' || child.leavingSince !== null) continue;
    if (child.slots < promotionSlots || child.addresses.length === 0) continue;
    if (strongest === null || childStrength(child) > childStrength(strongest)) strongest = child;
  }
  if (strongest === null) return;
  const { slots, ageS } = strongest;
  state.effects.push({
    type: 'send',
    peerId: parent.peerId,
    message: { type: 'recommend', peer: candidateOf(strongest), slots, ageS },
  });
}

/** P4: passes the invitation of the own parent on to the child that it is for. */
export function passInvitation(state: TreeState, peerId: PeerId): void {
  const parent = currentParent(state);
  const child = state.children.get(peerId);
  if (parent === null || !child?.isActive || !child.isLinked) return;
  const message = { type: 'redirect' as const, parents: [candidateOf(parent)] };
  state.effects.push({ type: 'send', peerId, message });
}
