/** What children told of their branches, and what the links to them tell by themselves (PROTOCOL.md, K11.6). */

import { BRANCH_LIFE_MS } from '../config.ts';
import type { Instant } from '../link-control.ts';
import { shortId, type PeerId } from '../peer-id.ts';
import { MAX_ROUND_TRIP_MS } from '../standing.ts';
import { structureOf } from './branches.ts';
import type { SurveyChild } from './survey-io.ts';
import { MAX_SURVEY_COUNT, type Branch, type SurveyedPeer } from './survey-messages.ts';

/** A child that is asked has answered by then, or does not know the question. */
const FIRST_ANSWER_MS = 1_500;

interface Heard {
  readonly at: Instant;
  readonly branch: Branch;
  readonly structure: number;
}

export class HeardBranches {
  readonly #heard = new Map<PeerId, Heard>();
  /** When each was first asked. */
  readonly #askedAt = new Map<PeerId, Instant>();

  /** A child is asked from now on. */
  begin(from: PeerId, now: Instant): void {
    this.#askedAt.set(from, now);
  }

  isTooEarly(from: PeerId, now: Instant, leastMs: number): boolean {
    return now < (this.#heard.get(from)?.at ?? -Infinity) + leastMs;
  }

  /** @returns Whether somebody in it has come, gone or moved. */
  take(from: PeerId, now: Instant, branch: Branch): boolean {
    const before = this.#heard.get(from)?.structure;
    const structure = structureOf(branch.peers);
    this.#heard.set(from, { at: now, branch, structure });
    return structure !== before;
  }

  forget(from: PeerId): void {
    this.#heard.delete(from);
    this.#askedAt.delete(from);
  }

  /** No survey runs any more. */
  clear(): void {
    this.#heard.clear();
    this.#askedAt.clear();
  }

  /** The branches of these children, those heard last first: a peer that moves is in the newer one as it is. */
  branchesOf(children: readonly SurveyChild[], now: Instant): Branch[] {
    const at = ({ peerId }: SurveyChild): Instant => this.#heard.get(peerId)?.at ?? -Infinity;
    return [...children]
      .sort((one, other) => compare(at(other), at(one)))
      .flatMap((child) => this.#branchOf(child, now) ?? []);
  }

  /** `null`: it is shown elsewhere, or has yet to answer. */
  #branchOf(child: SurveyChild, now: Instant): Branch | null {
    const fresh = this.#fresh(child, now);
    if (fresh !== null) {
      const [head, ...rest] = fresh.peers;
      return head ? { peers: [entryOf(child, head), ...rest], hidden: fresh.hidden } : null;
    }
    const isAwaited = !this.#heard.has(child.peerId) && now < this.#silentAt(child);
    if (isAwaited) return null;
    const below = child.kind === 'browser' ? child.viewers - 1 : child.viewers;
    return { peers: [entryOf(child)], hidden: Math.max(0, below) };
  }

  #fresh({ peerId }: SurveyChild, now: Instant): Branch | null {
    const heard = this.#heard.get(peerId);
    return heard && now < heard.at + BRANCH_LIFE_MS ? heard.branch : null;
  }

  #silentAt({ peerId }: SurveyChild): Instant {
    return (this.#askedAt.get(peerId) ?? Infinity) + FIRST_ANSWER_MS;
  }
}

function compare(one: Instant, other: Instant): number {
  return one === other ? 0 : one < other ? -1 : 1;
}

/** What the link tells by itself needs nobody's word. */
function entryOf({ peerId, kind, rttMs, viewers }: SurveyChild, head?: SurveyedPeer): SurveyedPeer {
  const measured = rttMs === null ? (head?.rttMs ?? null) : Math.min(MAX_ROUND_TRIP_MS, Math.round(rttMs));
  return {
    id: shortId(peerId),
    parent: null,
    kind,
    rttMs: measured,
    bitrateKbps: head?.bitrateKbps ?? null,
    viewers: head?.viewers ?? Math.min(MAX_SURVEY_COUNT, viewers),
  };
}
