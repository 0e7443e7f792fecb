/**
 * A picture of the whole tree for whoever looks at it (PROTOCOL.md, K11), without a clock and without links.
 *
 *   wishes go up      watcher ──survey──▶ parent ──survey──▶ … root
 *   the order down    root ──survey──▶ children ──survey──▶ …
 *   branches go up    leaf ──branch──▶ parent ──branch──▶ … root
 *   pictures go down  root ──picture──▶ those who wish ──picture──▶ watcher
 *
 * What a link carries is bounded whatever hangs below it, and while nobody looks nothing is said and no timer runs.
 * What was heard is only kept; all that is said is decided at a look, at most every 250 ms.
 */

import { BRANCH_MS, BRANCH_NEWS_MS, MAX_BRANCH_PEERS, SURVEY_LIFE_MS, SURVEY_MS } from '../config.ts';
import { unreachable } from '../errors.ts';
import type { Instant } from '../link-control.ts';
import { shortId, type PeerId } from '../peer-id.ts';
import { MAX_ROUND_TRIP_MS } from '../standing.ts';
import { isTree, joinBranches, structureOf, withPeer } from './branches.ts';
import { HeardBranches } from './heard-branches.ts';
import type { SurveyChild, SurveyEffect, SurveyInput, SurveyPlace } from './survey-io.ts';
import {
  MAX_BITRATE_KBPS,
  MAX_SURVEY_COUNT,
  type Branch,
  type Picture,
  type SurveyedPeer,
  type SurveyMessage,
} from './survey-messages.ts';

export interface Survey {
  /** Applies one input at `now`; returns what the host must do, in order. */
  step(now: Instant, input: SurveyInput): SurveyEffect[];
  /** When `step` next wants a timeout, or `null`. */
  deadline(): Instant | null;
}

export function createSurvey(self: PeerId): Survey {
  return new SurveyMachine(self);
}

/** How often a peer looks while a survey runs. */
const LOOK_MS = 500;
/** And at most, whatever is heard; branches and pictures of one neighbour count no more often either. */
const LEAST_LOOK_MS = 250;
/** K11.1: before a neighbour is asked once more. */
const LEAST_SURVEY_MS = 1_000;
/** K11.9: a peer that repairs itself has another parent by then. */
const ALONE_MS = 2_000;

/** What a neighbour was last asked. */
interface Asked {
  readonly isWanted: boolean;
  readonly at: Instant;
}

/** What a neighbour, or whoever looks here, was last told. */
interface Told {
  readonly at: Instant;
  readonly structure: number;
}

class SurveyMachine implements Survey {
  readonly #self: PeerId;
  readonly #id: number;
  #isWatching = false;
  /** Until when each child wants pictures. */
  readonly #wishes = new Map<PeerId, Instant>();
  /** Until when each parent wants the branch. */
  readonly #orders = new Map<PeerId, Instant>();
  /** A parent that is lost is likely to be followed by one that wants the same. */
  #orderedUntil: Instant = -Infinity;
  readonly #asked = new Map<PeerId, Asked>();
  readonly #heard = new HeardBranches();
  /** Of a parent, and not passed on yet. */
  #picture: { readonly from: PeerId; readonly picture: Picture } | null = null;
  #pictureAt: Instant = -Infinity;
  /** Branches by parent; the picture of a root under the own id. */
  readonly #told = new Map<PeerId, Told>();
  #aloneSince: Instant | null = null;
  #lookAt: Instant | null = null;
  #lookedAt: Instant = -Infinity;

  constructor(self: PeerId) {
    this.#self = self;
    this.#id = shortId(self);
  }

  deadline(): Instant | null {
    return this.#lookAt;
  }

  step(now: Instant, input: SurveyInput): SurveyEffect[] {
    switch (input.type) {
      case 'watch':
        if (input.isWatching !== this.#isWatching) this.#lookSoon(now);
        this.#isWatching = input.isWatching;
        return [];
      case 'received':
        return this.#receive(now, input);
      case 'gone':
        this.#forget(now, input.peerId);
        return [];
      case 'timeout':
        return this.#lookAt === null || now < this.#lookAt ? [] : this.#look(now, input.place);
      default:
        return unreachable(input);
    }
  }

  #receive(
    now: Instant,
    { from, role, message }: Extract<SurveyInput, { type: 'received' }>,
  ): SurveyEffect[] {
    switch (message.type) {
      case 'survey':
        if (role === 'parent') this.#takeOrder(now, from, message.isWanted);
        else this.#hold(this.#wishes, now, from, message.isWanted);
        return [];
      case 'branch':
        return role === 'child' ? this.#takeBranch(now, from, message) : [];
      case 'picture':
        return role === 'parent' ? this.#takePicture(now, from, message) : [];
      default:
        return unreachable(message);
    }
  }

  #takeOrder(now: Instant, from: PeerId, isWanted: boolean): void {
    this.#hold(this.#orders, now, from, isWanted);
    this.#orderedUntil = Math.max(-Infinity, ...this.#orders.values());
  }

  #hold(held: Map<PeerId, Instant>, now: Instant, from: PeerId, isWanted: boolean): void {
    const wasWanted = (held.get(from) ?? -Infinity) > now;
    if (isWanted) held.set(from, now + SURVEY_LIFE_MS);
    else held.delete(from);
    if (isWanted !== wasWanted) this.#lookSoon(now);
  }

  #takeBranch(now: Instant, from: PeerId, { peers, hidden }: Branch): SurveyEffect[] {
    if (!this.#hasAsked(from) || this.#heard.isTooEarly(from, now, LEAST_LOOK_MS)) return [];
    const isBranch = peers.length === 0 || (peers[0]?.id === shortId(from) && isTree(peers));
    if (!isBranch) return [{ type: 'refused', message: 'branch' }];
    if (this.#heard.take(from, now, { peers, hidden })) this.#lookSoon(now);
    return [];
  }

  #takePicture(now: Instant, from: PeerId, { depth, peers, hidden }: Picture): SurveyEffect[] {
    if (!this.#hasAsked(from) || now < this.#pictureAt + LEAST_LOOK_MS) return [];
    if (!isTree(peers)) return [{ type: 'refused', message: 'picture' }];
    this.#picture = { from, picture: { depth, peers, hidden } };
    this.#pictureAt = now;
    this.#lookSoon(now);
    return [];
  }

  #hasAsked(from: PeerId): boolean {
    return this.#asked.get(from)?.isWanted === true;
  }

  #forget(now: Instant, peerId: PeerId): void {
    this.#wishes.delete(peerId);
    this.#orders.delete(peerId);
    this.#asked.delete(peerId);
    this.#told.delete(peerId);
    this.#heard.forget(peerId);
    if (this.#lookAt !== null) this.#lookSoon(now);
  }

  #lookSoon(now: Instant): void {
    const at = Math.max(now, this.#lookedAt + LEAST_LOOK_MS);
    this.#lookAt = Math.min(this.#lookAt ?? Infinity, at);
  }

  #look(now: Instant, place: SurveyPlace): SurveyEffect[] {
    this.#lookAt = null;
    this.#lookedAt = now;
    for (const held of [this.#wishes, this.#orders]) {
      for (const [peerId, until] of held) if (until <= now) held.delete(peerId);
    }
    const isRoot = this.#isRoot(now, place);
    const wishing = place.children.filter(({ peerId }) => this.#wishes.has(peerId));
    const wants = this.#isWatching || wishing.length > 0;
    const isSurveying = isRoot ? wants : now < this.#orderedUntil;
    if (!isSurveying) this.#heard.clear();
    const effects = [
      ...this.#ask(now, [
        ...(wants && !isRoot && place.parent !== null ? [place.parent] : []),
        ...(isSurveying ? place.children.map(({ peerId }) => peerId) : []),
      ]),
      ...(isRoot && isSurveying ? this.#showOwn(now, place, wishing) : []),
      ...(isRoot ? [] : this.#report(now, place)),
      ...(isRoot ? [] : this.#passOn(place, wishing)),
    ];
    const isAsked = this.#wishes.size > 0 || this.#orders.size > 0;
    if (wants || isSurveying || isAsked || this.#asked.size > 0) this.#lookAgain(now);
    else this.#rest();
    return effects;
  }

  /** As soon as there may be news to tell. */
  #lookAgain(now: Instant): void {
    let at = now + LOOK_MS;
    for (const told of this.#told.values()) {
      const due = told.at + BRANCH_NEWS_MS;
      if (due > now) at = Math.min(at, Math.max(due, now + LEAST_LOOK_MS));
    }
    this.#lookAt = at;
  }

  /** Nobody looks: what was told, and how long there was no parent, means nothing to the next survey. */
  #rest(): void {
    this.#told.clear();
    this.#aloneSince = null;
  }

  #isRoot(now: Instant, { isRoot, parent }: SurveyPlace): boolean {
    if (parent !== null) this.#aloneSince = null;
    else this.#aloneSince ??= now;
    return isRoot || (this.#aloneSince !== null && now >= this.#aloneSince + ALONE_MS);
  }

  /** K11.1: asks those of whom something is wanted, and tells the others that it is no more. */
  #ask(now: Instant, wanted: readonly PeerId[]): SurveyEffect[] {
    const effects: SurveyEffect[] = [];
    const wantedOf = new Set(wanted);
    for (const peerId of new Set([...wanted, ...this.#asked.keys()])) {
      const isWanted = wantedOf.has(peerId);
      const last = this.#asked.get(peerId);
      const wasWanted = last?.isWanted === true;
      const sinceMs = now - (last?.at ?? -Infinity);
      if (!isWanted && !wasWanted && sinceMs >= LEAST_SURVEY_MS) this.#asked.delete(peerId);
      if (isWanted ? sinceMs < (wasWanted ? SURVEY_MS : LEAST_SURVEY_MS) : !wasWanted) continue;
      if (!wasWanted) this.#heard.begin(peerId, now);
      this.#asked.set(peerId, { isWanted, at: now });
      effects.push({ type: 'send', to: peerId, message: { type: 'survey', isWanted } });
    }
    return effects;
  }

  /** At the root: the picture is the own branch. */
  #showOwn(now: Instant, place: SurveyPlace, wishing: readonly SurveyChild[]): SurveyEffect[] {
    if (!this.#isDue(this.#self, now)) return [];
    const branch = this.#branch(now, place);
    if (!this.#isNews(this.#self, now, branch)) return [];
    return this.#show({ depth: place.depth ?? 0, ...branch }, wishing);
  }

  /** K11.3: tells the parents that ask; the one whose media it has is told all, the others nothing. */
  #report(now: Instant, place: SurveyPlace): SurveyEffect[] {
    const due = [...this.#orders.keys()].filter((parent) => this.#isDue(parent, now));
    if (due.length === 0) return [];
    const branch = due.includes(place.parent ?? this.#self) ? this.#branch(now, place) : NOWHERE;
    return due.flatMap((to): SurveyEffect[] => {
      const { peers, hidden } = to === place.parent ? branch : NOWHERE;
      if (!this.#isNews(to, now, { peers, hidden })) return [];
      return [{ type: 'send', to, message: { type: 'branch', peers: [...peers], hidden } }];
    });
  }

  #passOn(place: SurveyPlace, wishing: readonly SurveyChild[]): SurveyEffect[] {
    const came = this.#picture;
    this.#picture = null;
    if (came === null || came.from !== place.parent) return [];
    return this.#show(withPeer(came.picture, shortId(came.from), this.#own(place)), wishing);
  }

  /** One message for all: it is encoded once. */
  #show(picture: Picture, wishing: readonly SurveyChild[]): SurveyEffect[] {
    const { depth, peers, hidden } = picture;
    const message: SurveyMessage = { type: 'picture', depth, peers: [...peers], hidden };
    return [
      ...(this.#isWatching ? [{ type: 'picture', picture } as const] : []),
      ...wishing.map(({ peerId }) => ({ type: 'send', to: peerId, message }) as const),
    ];
  }

  #branch(now: Instant, place: SurveyPlace): Branch {
    return joinBranches(this.#own(place), this.#heard.branchesOf(place.children, now), MAX_BRANCH_PEERS);
  }

  #own({ kind, rttMs, bitrateBps, viewers }: SurveyPlace): SurveyedPeer {
    return {
      id: this.#id,
      parent: null,
      kind,
      rttMs: rttMs === null ? null : Math.min(MAX_ROUND_TRIP_MS, Math.round(rttMs)),
      bitrateKbps: bitrateBps === null ? null : Math.min(MAX_BITRATE_KBPS, Math.round(bitrateBps / 1000)),
      viewers: Math.min(MAX_SURVEY_COUNT, viewers),
    };
  }

  #isDue(to: PeerId, now: Instant): boolean {
    return now >= (this.#told.get(to)?.at ?? -Infinity) + BRANCH_NEWS_MS;
  }

  /** K11.3: whether it is time to tell, or to tell what has changed. What is news counts as told. */
  #isNews(to: PeerId, now: Instant, { peers }: Branch): boolean {
    const last = this.#told.get(to);
    const structure = structureOf(peers);
    if (last && structure === last.structure && now < last.at + BRANCH_MS) return false;
    this.#told.set(to, { at: now, structure });
    return true;
  }
}

/** Of a peer that is shown below another parent. */
const NOWHERE: Branch = { peers: [], hidden: 0 };
