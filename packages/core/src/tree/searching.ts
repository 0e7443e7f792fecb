/**
 * The search for a parent, a standby or a better parent (PROTOCOL.md, J): candidates from the roster and two
 * directories, probes in parallel, joins to the best.
 *
 *   finding ──probed──▶ joining ──all failed──▶ waiting ──▶ finding
 *
 * What becomes of a link once it is up is decided in `parents.ts`.
 */

import type { Instant } from '../link-control.ts';
import type { ParentCandidate, PeerKind } from '../link-messages.ts';
import { encodePath, type PeerId } from '../peer-id.ts';
import type { OfferedCandidate, Standing } from '../standing.ts';
import {
  attempts,
  freshAttempts,
  isServed,
  joinsUnderWay,
  missingStandbys,
  patienceMs,
  stalestAttempt,
} from './attempts.ts';
import { isGood, isWorthAsking, mayAsk, ranked, reachCost } from './candidates.ts';
import { parentCost } from './scores.ts';
import type { JoinAnswer } from './tree-io.ts';
import {
  ageS,
  currentParent,
  isUp,
  newParentLink,
  type ParentLink,
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
    named: [],
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
  joinUnseen(state, now, search, candidates);
  let left = PROBES_PER_ANSWER;
  for (const candidate of candidates) {
    if (left === 0 || search.probes.size >= probesFor(state, search)) break;
    if (search.probes.has(candidate.peerId) || !isWorthAsking(state, now, candidate, search)) continue;
    probe(state, search, candidate);
    left--;
  }
  search.isFound ||= isLast;
  if (isLast && isAnswered(search)) decide(state, now, search);
}

/** J2.5: a newcomer asks the likely best for a place at once: the join says as much as a probe, and sooner. */
function joinUnseen(
  state: TreeState,
  now: Instant,
  search: Search,
  candidates: readonly OfferedCandidate[],
): void {
  if (search.purpose !== 'parent' || isServed(state) || joinsUnderWay(state, now) > 0) return;
  if (attempts(state) >= state.tuning.maxAttempts) return;
  let best: OfferedCandidate | null = null;
  let lowest = Infinity;
  for (const candidate of candidates) {
    if (search.probes.has(candidate.peerId) || !isWorthAsking(state, now, candidate, search)) continue;
    const { rttMs = null } = state.roster.get(candidate.peerId) ?? {};
    const { totalMs } = parentCost({ ...candidate.offer, rttMs, lossShare: 0, receivedShare: 1 });
    const cost = totalMs + reachCost(state, now, candidate.offer.kind);
    if (cost >= lowest) continue;
    best = candidate;
    lowest = cost;
  }
  if (best === null) return;
  const { kind } = best.offer;
  search.probes.set(best.peerId, { candidate: best, rttMs: 0, standing: null, isTried: true });
  join(state, now, { ...addressed(best), kind }, 'parent');
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
  if ((search.isFound || probes.length >= probesFor(state, search)) && isAnswered(search)) {
    decide(state, now, search);
  } else if (good >= ENOUGH_ANSWERS || (good > 0 && isAnswered(search))) {
    state.timers.setEarlier('search', now + state.tuning.probeSettleMs);
  }
}

/** A search's own timer: probes are over, attempts took too long, or it is time for another round. */
export function searchTimeout(state: TreeState, now: Instant): void {
  const { search } = state;
  if (search === null) return;
  dropSlowAttempts(state, now);
  switch (search.stage) {
    case 'finding':
      return decide(state, now, search);
    case 'joining':
      return joinNext(state, now, search);
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
  if (answer.type === 'failed') noteUnreachable(state, now, link);
  attemptFailed(state, now);
}

/** An attempt came to nothing. */
export function attemptFailed(state: TreeState, now: Instant): void {
  if (state.search?.stage === 'joining') joinNext(state, now, state.search);
}

function find(state: TreeState, now: Instant, search: Search): void {
  search.stage = 'finding';
  search.isFound = false;
  search.named.length = 0;
  search.probes.clear();
  const { tuning, timers, options, effects } = state;
  const known = state.roster.best(now, tuning.probes, (peer) => isWorthAsking(state, now, peer, search));
  // A first join has nobody but the directories; a repair asks those it knows and the directories alike.
  const wanted = search.purpose === 'better' ? [] : known;
  for (const peer of wanted.slice(0, Math.min(PROBES_PER_ANSWER, probesFor(state, search))))
    probe(state, search, peer);
  if (search.purpose !== 'standby' || known.length < ENOUGH_KNOWN || search.round > 0) {
    effects.push({ type: 'seek', layers: options.layers });
  }
  timers.set('search', now + (wanted.length > 0 ? tuning.probeMs : tuning.directoryMs + tuning.probeMs));
}

/** A peer that has a picture looks less widely. */
function probesFor({ tuning }: TreeState, { purpose }: Search): number {
  return purpose === 'parent' ? tuning.probes : Math.ceil(tuning.probes / 2);
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
  let missing = attemptsWanted(state, search) - freshAttempts(state, now);
  while (missing > 0) {
    const isFull = attempts(state) >= state.tuning.maxAttempts;
    const stalest = isFull ? stalestAttempt(state, now) : null;
    if (isFull && stalest === null) break;
    const next = takeNext(state, now, search);
    if (next === null) break;
    if (stalest !== null) giveUp(state, now, stalest);
    join(state, now, next, search.purpose);
    missing--;
  }
  if (freshAttempts(state, now) === 0 && (attempts(state) === 0 || search.purpose === 'parent')) {
    return giveUpRound(state, now, search);
  }
  armAttempts(state, now);
}

/** The next to ask: one that a full peer named, else the best of the probed. */
function takeNext(
  state: TreeState,
  now: Instant,
  search: Search,
): (ParentCandidate & { kind: PeerKind }) | null {
  for (let named = search.named.shift(); named !== undefined; named = search.named.shift()) {
    // Nothing is known of it until it answers; a page is the more careful guess.
    if (mayAsk(state, now, named.peerId)) return { ...named, kind: 'browser' };
  }
  const [best] = ranked(state, now, search);
  if (best === undefined) return null;
  const probed = search.probes.get(best.candidate.peerId);
  if (probed) probed.isTried = true;
  return { ...addressed(best.candidate), kind: best.standing.kind };
}

/** J5: wakes when an attempt becomes slow, so that another begins beside it, or has taken too long. */
function armAttempts(state: TreeState, now: Instant): void {
  const { attemptMs } = state.tuning;
  let next = Infinity;
  for (const link of state.parents.values()) {
    if (isUp(link)) continue;
    const slowAt = link.since + patienceMs(link, state.tuning);
    next = Math.min(next, slowAt > now ? slowAt : link.since + attemptMs);
  }
  if (next !== Infinity) state.timers.set('search', Math.max(next, now));
}

function giveUpRound(state: TreeState, now: Instant, search: Search): void {
  search.round++;
  search.redirects = 0;
  if (search.purpose !== 'parent') {
    if (search.purpose === 'standby') state.fruitless++;
    else state.contented++;
    endSearch(state);
    return;
  }
  if (search.round >= MANY_ROUNDS && keepForWantOfBetter(state)) return endSearch(state);
  search.stage = 'waiting';
  const doubled = state.tuning.retryMs * (1 << Math.min(search.round - 1, 6));
  const waitMs = Math.min(state.tuning.longestRetryMs, doubled);
  state.timers.set('search', now + waitMs / 2 + state.random.next() * (waitMs / 2));
}

/** Rounds that found nobody before a peer makes do with the parent it has. */
const MANY_ROUNDS = 6;

/** F1.2: little is more than nothing. */
function keepForWantOfBetter(state: TreeState): boolean {
  const parent = currentParent(state);
  if (parent?.phase !== 'active' || parent.isSilent || parent.state?.flowing !== true) return false;
  if (state.position.depth === null) return false;
  parent.isDraining = false;
  parent.poorReports = 0;
  return true;
}

function attemptsWanted(state: TreeState, { purpose, round }: Search): number {
  if (purpose === 'standby') return missingStandbys(state);
  if (purpose === 'better') return 1;
  const { attempts: first, repairAttempts } = state.tuning;
  return round > 0 || currentParent(state) !== null ? repairAttempts : first;
}

function join(
  state: TreeState,
  now: Instant,
  candidate: ParentCandidate & { kind: PeerKind },
  purpose: SearchPurpose,
): void {
  const wantsMedia = purpose !== 'standby';
  if (state.children.delete(candidate.peerId)) {
    // S2.5: it stands by here.
    state.effects.push({ type: 'close', peerId: candidate.peerId, reason: 'moved' });
  }
  state.parents.set(candidate.peerId, newParentLink(candidate, { purpose, wantsMedia, now }));
  const { kind, layers } = state.options;
  const { position, slots } = state;
  state.effects.push({
    type: 'join',
    candidate: addressed(candidate),
    join: {
      kind,
      path: isServed(state) ? encodePath(position.path) : new Uint8Array(),
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
  search.named.splice(0, search.named.length, ...parents);
  const next = parents.some(({ peerId }) => mayAsk(state, now, peerId)) ? takeNext(state, now, search) : null;
  if (next === null) return false;
  join(state, now, next, search.purpose);
  if (search.stage === 'finding' && search.probes.size > 0) return true;
  search.stage = 'joining';
  armAttempts(state, now);
  return true;
}

function followRedirect(state: TreeState, now: Instant, parents: readonly ParentCandidate[]): boolean {
  const { search, tuning } = state;
  if (search === null || search.redirects >= tuning.maxRedirects) return false;
  search.redirects++;
  return joinNamed(state, now, parents);
}

/** J4.2: remembers a link that never came about. */
export function noteUnreachable(state: TreeState, now: Instant, { peerId, kind }: ParentLink): void {
  state.bans.add(peerId, 'unreachable', now);
  if (kind === 'browser') state.unreached++;
}

function noteRefusal(state: TreeState, now: Instant, peerId: PeerId, reason: string): void {
  state.roster.forget(peerId);
  const claimed = state.search?.probes.get(peerId)?.standing?.freeSlots ?? 0;
  // Another joiner may have been faster; a peer that is found so again and again is avoided ever longer.
  if (reason === 'full' && claimed > 0) state.bans.add(peerId, 'refused', now);
}

function dropSlowAttempts(state: TreeState, now: Instant): void {
  for (const link of state.parents.values()) {
    if (!isUp(link) && now >= link.since + state.tuning.attemptMs) giveUp(state, now, link);
  }
}

function giveUp(state: TreeState, now: Instant, link: ParentLink): void {
  state.parents.delete(link.peerId);
  noteUnreachable(state, now, link);
  state.effects.push({ type: 'close', peerId: link.peerId, reason: 'moved' });
}

function addressed({ peerId, addresses }: ParentCandidate): ParentCandidate {
  return { peerId, addresses };
}
