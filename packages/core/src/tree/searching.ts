/**
 * The search for a parent, a standby or a better parent (PROTOCOL.md, J): candidates from the roster and two
 * directories, probes in parallel, joins to the best.
 *
 *   finding ──probed──▶ joining ──all failed──▶ waiting ──▶ finding
 *
 * What becomes of a link once it is up is decided in `parents.ts`.
 */

import { MAX_DEPTH } from '../config.ts';
import type { Instant } from '../link-control.ts';
import type { ParentCandidate, PeerKind } from '../link-messages.ts';
import { decodePath, encodePath, shortId, type PeerId } from '../peer-id.ts';
import type { OfferedCandidate, Standing } from '../rendezvous-messages.ts';
import { HOP_MS, parentCost } from './scores.ts';
import type { JoinAnswer } from './tree-io.ts';
import {
  ageS,
  costOf,
  currentParent,
  isUp,
  jittered,
  newParentLink,
  type Probe,
  type Search,
  type SearchPurpose,
  type TreeState,
} from './tree-state.ts';

/** Candidates known already that make a directory's answer unnecessary for a standby. */
const ENOUGH_KNOWN = 3;
/** Of one directory's answer, so that the other's has room. */
const PROBES_PER_ANSWER = 4;
/** Good answers after which the rest is waited for only shortly. */
const ENOUGH_ANSWERS = 2;

/**
 * Begins a search, unless one that matters as much is under way.
 *
 * @param named - Peers that the present parent named: they are asked at once, without probes.
 */
export function beginSearch(
  state: TreeState,
  now: Instant,
  purpose: SearchPurpose,
  named: readonly ParentCandidate[] | null = null,
): void {
  const { search } = state;
  if (search !== null && (purpose !== 'parent' || search.purpose === 'parent') && named === null) return;
  if (search?.purpose === 'parent' && purpose !== 'parent') return;
  state.search = {
    purpose,
    isForced: named !== null,
    stage: 'finding',
    round: 0,
    redirects: 0,
    isFound: false,
    probes: new Map(),
  };
  if (named === null || !joinNamed(state, now, named)) find(state, now, state.search);
}

export function endSearch(state: TreeState): void {
  state.search = null;
  state.timers.clear('search');
}

/** Peers that were named by somebody who can be believed: asked at once, without probes, and forgiven. */
export function takeNamed(state: TreeState, now: Instant, named: readonly ParentCandidate[]): void {
  if (state.phase.type !== 'attached' && state.phase.type !== 'detached') return;
  for (const { peerId } of named) state.bans.lift(peerId);
  const purpose = state.phase.type === 'attached' && state.search?.purpose !== 'parent' ? 'better' : 'parent';
  beginSearch(state, now, purpose, named);
}

/** J2: the answer of one directory, and whether it was the last one. */
export function takeFound(
  state: TreeState,
  now: Instant,
  candidates: readonly OfferedCandidate[],
  isLast = false,
): void {
  for (const candidate of candidates) {
    if (candidate.peerId !== state.options.self) state.roster.learn(candidate, now);
  }
  const { search } = state;
  if (search?.stage !== 'finding') return;
  let left = PROBES_PER_ANSWER;
  for (const candidate of candidates) {
    if (left === 0 || search.probes.size >= state.tuning.probes) break;
    if (search.probes.has(candidate.peerId) || !isWorthAsking(state, now, candidate, search)) continue;
    probe(state, search, candidate);
    left--;
  }
  search.isFound ||= isLast;
  if (isLast && isAnswered(search)) decide(state, now, search);
}

export function takeProbed(
  state: TreeState,
  now: Instant,
  answer: { peerId: PeerId; rttMs: number; standing: Standing | null },
): void {
  const { peerId, rttMs, standing } = answer;
  const found = state.search?.probes.get(peerId);
  if (standing === null) state.roster.forget(peerId);
  else if (found) {
    const { kind, depth, delayMs, freeSlots, layers } = standing;
    const offer = { kind, depth, delayMs, freeSlots, ageS: standing.ageS, layers };
    state.roster.learn({ ...found.candidate, offer }, now, rttMs);
  }
  const { search } = state;
  if (!search || !found || found.rttMs !== null) return;
  found.rttMs = rttMs;
  found.standing = standing;
  if (search.stage === 'joining') return joinNext(state, now, search);
  if (search.stage !== 'finding') return;
  const probes = [...search.probes.values()];
  const good = probes.filter((each) => isGood(state, each, search)).length;
  if ((search.isFound || probes.length >= state.tuning.probes) && isAnswered(search)) {
    decide(state, now, search);
  } else if (good >= ENOUGH_ANSWERS) {
    state.timers.setEarlier('search', now + state.tuning.probeSettleMs);
  }
}

/** A search's own timer: probes are over, attempts took too long, or it is time for another round. */
export function searchTimeout(state: TreeState, now: Instant): void {
  const { search } = state;
  if (search === null) return;
  switch (search.stage) {
    case 'finding':
      return decide(state, now, search);
    case 'joining':
      return dropSlowAttempts(state, now, search);
    case 'waiting':
      return find(state, now, search);
  }
}

/** What the peer that was asked said. A refused or lost attempt makes room for the next. */
export function takeAnswer(state: TreeState, now: Instant, peerId: PeerId, answer: JoinAnswer): void {
  const link = state.parents.get(peerId);
  if (!link || isUp(link)) return;
  if (answer.type === 'accepted') {
    link.kind = answer.kind;
    link.phase = 'connecting';
    return;
  }
  state.parents.delete(peerId);
  if (answer.type === 'redirected' && followRedirect(state, now, answer.parents)) return;
  if (answer.type === 'refused') noteRefusal(state, now, peerId, answer.reason);
  if (answer.type === 'failed') state.bans.add(peerId, 'unreachable', now);
  attemptFailed(state, now);
}

/** An attempt came to nothing. */
export function attemptFailed(state: TreeState, now: Instant): void {
  if (state.search?.stage === 'joining') joinNext(state, now, state.search);
}

function find(state: TreeState, now: Instant, search: Search): void {
  search.stage = 'finding';
  search.isFound = false;
  search.probes.clear();
  const { tuning, timers, options, effects } = state;
  const known = state.roster.best(now, tuning.probes, (peer) => isWorthAsking(state, now, peer, search));
  // A first join has nobody but the directories; a repair asks those it knows and the directories alike.
  const wanted = search.purpose === 'better' ? [] : known;
  for (const peer of wanted.slice(0, PROBES_PER_ANSWER)) probe(state, search, peer);
  if (search.purpose !== 'standby' || known.length < ENOUGH_KNOWN || search.round > 0) {
    effects.push({ type: 'seek', layers: options.layers });
  }
  timers.set('search', now + (wanted.length > 0 ? tuning.probeMs : tuning.directoryMs + tuning.probeMs));
}

function isAnswered({ probes }: Search): boolean {
  for (const { rttMs } of probes.values()) if (rttMs === null) return false;
  return true;
}

function probe(state: TreeState, search: Search, candidate: OfferedCandidate): void {
  search.probes.set(candidate.peerId, { candidate, rttMs: null, standing: null, isTried: false });
  state.effects.push({ type: 'probe', candidate: addressed(candidate) });
}

function decide(state: TreeState, now: Instant, search: Search): void {
  search.stage = 'joining';
  joinNext(state, now, search);
}

/** Asks as many of the best as the purpose needs, or waits for another round when none is left. */
function joinNext(state: TreeState, now: Instant, search: Search): void {
  const underWay = attemptsUnderWay(state);
  let missing = attemptsWanted(state, search) - underWay;
  for (const { candidate, standing } of ranked(state, search)) {
    if (missing <= 0) break;
    const tried = search.probes.get(candidate.peerId);
    if (tried) tried.isTried = true;
    join(state, now, { ...addressed(candidate), kind: standing.kind }, search.purpose);
    missing--;
  }
  if (attemptsUnderWay(state) > 0) {
    state.timers.set('search', now + state.tuning.attemptMs);
    return;
  }
  giveUpRound(state, now, search);
}

function giveUpRound(state: TreeState, now: Instant, search: Search): void {
  search.round++;
  search.redirects = 0;
  if (search.purpose !== 'parent') {
    state.fruitless++;
    endSearch(state);
    return;
  }
  search.stage = 'waiting';
  const doubled = state.tuning.retryMs * (1 << Math.min(search.round - 1, 6));
  const waitMs = Math.min(state.tuning.longestRetryMs, doubled);
  state.timers.set('search', now + waitMs / 2 + state.random.next() * (waitMs / 2));
}

function attemptsWanted(state: TreeState, { purpose }: Search): number {
  if (purpose === 'standby') return missingStandbys(state);
  return purpose === 'parent' ? state.tuning.attempts : 1;
}

/** Standbys that the peer would like to have and has not. */
export function missingStandbys(state: TreeState): number {
  let standbys = 0;
  for (const { phase, wantsMedia } of state.parents.values()) {
    if (phase === 'standby' || (phase !== 'active' && !wantsMedia)) standbys++;
  }
  return Math.max(0, state.tuning.standbys - standbys);
}

function attemptsUnderWay({ parents }: TreeState): number {
  let underWay = 0;
  for (const link of parents.values()) if (!isUp(link) || link.phase === 'activating') underWay++;
  return underWay;
}

function join(
  state: TreeState,
  now: Instant,
  candidate: ParentCandidate & { kind: PeerKind },
  purpose: SearchPurpose,
): void {
  const wantsMedia = purpose !== 'standby';
  state.parents.set(candidate.peerId, newParentLink(candidate, { purpose, wantsMedia, now }));
  const { kind, layers } = state.options;
  const { position, slots } = state;
  state.effects.push({
    type: 'join',
    candidate: addressed(candidate),
    join: {
      kind,
      path: position.depth === null ? new Uint8Array() : encodePath(position.path),
      standby: !wantsMedia,
      slots,
      ageS: ageS(state, now),
      layers,
    },
  });
}

/** Asks peers that somebody named, without probes. @returns Whether there was one to ask. */
function joinNamed(state: TreeState, now: Instant, parents: readonly ParentCandidate[]): boolean {
  const { search } = state;
  if (!search) return false;
  const open = parents.filter(({ peerId }) => mayAsk(state, now, peerId));
  const [first] = open;
  if (first === undefined) return false;
  search.stage = 'joining';
  // Nothing is known of it until it answers; a page is the more careful guess.
  join(state, now, { ...first, kind: 'browser' }, search.purpose);
  state.timers.set('search', now + state.tuning.attemptMs);
  return true;
}

function followRedirect(state: TreeState, now: Instant, parents: readonly ParentCandidate[]): boolean {
  const { search, tuning } = state;
  if (search?.stage !== 'joining' || search.redirects >= tuning.maxRedirects) return false;
  search.redirects++;
  return joinNamed(state, now, parents);
}

function noteRefusal(state: TreeState, now: Instant, peerId: PeerId, reason: string): void {
  state.roster.forget(peerId);
  const claimed = state.search?.probes.get(peerId)?.standing?.freeSlots ?? 0;
  // Another joiner may have been faster; a peer that is found so again and again is avoided ever longer.
  if (reason === 'full' && claimed > 0) state.bans.add(peerId, 'refused', now);
}

function dropSlowAttempts(state: TreeState, now: Instant, search: Search): void {
  for (const link of state.parents.values()) {
    if (isUp(link) || now - link.since < state.tuning.attemptMs) continue;
    state.parents.delete(link.peerId);
    state.bans.add(link.peerId, 'unreachable', now);
    state.effects.push({ type: 'close', peerId: link.peerId, reason: 'moved' });
  }
  joinNext(state, now, search);
}

function mayAsk(state: TreeState, now: Instant, peerId: PeerId): boolean {
  if (peerId === state.options.self || state.parents.has(peerId) || state.children.has(peerId)) return false;
  return !state.bans.has(peerId, now);
}

function isWorthAsking(state: TreeState, now: Instant, candidate: OfferedCandidate, search: Search): boolean {
  const { peerId, offer } = candidate;
  if (!mayAsk(state, now, peerId) || offer.depth >= MAX_DEPTH) return false;
  if ((offer.layers & state.options.layers) === 0) return false;
  if (search.purpose === 'standby') return true;
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

function isGood(state: TreeState, { standing }: Probe, search: Search): boolean {
  if (standing === null || !standing.flowing || standing.depth >= MAX_DEPTH) return false;
  if (standing.epoch < state.epoch || (standing.layers & state.options.layers) === 0) return false;
  const path = decodePath(standing.path, MAX_DEPTH + 1);
  if (path.length !== standing.depth + 1 || path[0] !== shortId(state.options.channel)) return false;
  if (path.includes(state.shortId)) return false;
  if (search.purpose === 'standby') return !sharesParent(state, path);
  if (standing.freeSlots === 0) return false;
  return search.purpose === 'parent' || search.isForced || isShallower(state, standing.depth);
}

/** S2: a standby that hangs below the present parent would be lost together with it. */
export function sharesParent(state: TreeState, path: readonly number[]): boolean {
  const parent = currentParent(state);
  return parent !== null && parent.state?.depth !== 0 && path.includes(parent.shortId);
}

/** What is shared with the present path beyond the streamer may take both parents away at once. */
const SHARED_HOP_MS = 30;

function ranked(state: TreeState, search: Search): { candidate: OfferedCandidate; standing: Standing }[] {
  const { randomParents } = state.tuning;
  const ranks: { candidate: OfferedCandidate; standing: Standing; cost: number }[] = [];
  for (const each of search.probes.values()) {
    if (each.isTried || state.parents.has(each.candidate.peerId) || !isGood(state, each, search)) continue;
    if (each.standing === null) continue;
    const { candidate, standing, rttMs } = each;
    const base = parentCost({ ...standing, rttMs, lossShare: 0, receivedShare: 1 }).totalMs;
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
  return shared * SHARED_HOP_MS;
}

/** B2: moving disturbs the peers below, so it must be worth something. */
function isGain(state: TreeState, cost: number): boolean {
  const parent = currentParent(state);
  if (parent === null) return true;
  const { hysteresis, leastGainMs } = state.tuning;
  const present = costOf(parent);
  const pathMs = present.delayMs + present.hopsMs + HOP_MS[parent.kind];
  return present.totalMs - cost >= Math.max(leastGainMs, pathMs * (1 - hysteresis));
}

function addressed({ peerId, addresses }: ParentCandidate): ParentCandidate {
  return { peerId, addresses };
}

/** When standbys were looked for in vain, the next look waits longer: a small tree has none to give. */
export function standbyWaitMs(state: TreeState): number {
  return jittered(state, state.tuning.upkeepMs * (1 << Math.min(state.fruitless, 3)));
}
