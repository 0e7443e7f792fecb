/**
 * What the link to one viewer carries, from what the viewer tells once a second: the ladder of PROTOCOL.md, M2.1.
 *
 *   all temporal layers ⇄ without the highest ⇄ the base ⇄ the next lower layer, with all of its own ⇄ ...
 *   ... the base of the lowest layer ⇄ no video until a key frame
 *
 * The way up to a higher layer leads over half of its pictures, because all of them are several times as many bytes.
 *
 * A relay sends at once and knows of no queue of its own: the queue is in the network, and shows as a round trip that
 * grows, and as loss. A receiver's own estimate (REMB) says too little: without header extensions it falls when the
 * viewer's processor is busy, and it does not rise above what is sent.
 *
 * A viewer that is sent nothing has nothing to tell before long: libwebrtc leaves a stream out of its reports 8 s after its
 * last packet (`kStatisticsTimeoutMs` in receive_statistics_impl.cc). So what is closed, and of which nothing is heard, is
 * opened all the same, and the reports on what is sent then decide.
 *
 * A way that has become longer looks like a queue, and does not become shorter when less is sent.
 */

import { LeastDelay } from './least-delay.ts';

/** What a viewer is sent of a video. */
export interface SinkLimit {
  /** The highest layer that its link carries; 0 is the highest of all. */
  readonly bestLayer: number;
  /** Packets of higher temporal layers are left out. */
  readonly maxTemporalLayer: number;
  /** Nothing until it is open again, and a key frame comes. */
  readonly isClosed: boolean;
}

/** Temporal layers are numbered with two bits (RFC 7741, section 4.2). */
export const NO_LIMIT: SinkLimit = { bestLayer: 0, maxTemporalLayer: 3, isClosed: false };

/** The highest of the three layers that encoders make. */
const TOP = 2;
/** Where a higher layer is tried. */
const HALF = 1;
/** Looks in a row that find the link too slow before less is sent; before nothing is sent. */
const BAD_LOOKS = 2;
const BAD_LOOKS_TO_CLOSE = 4;
/** A share of packets lost that repeating them does not mend, and one that makes the next look unnecessary. */
const LOSSY = 0.1;
const VERY_LOSSY = 0.3;
const CLEAN_LOSS = 0.02;
/** How much longer than the shortest round trip shows a queue; a line without one is back below the second. */
const QUEUE_MS = 400;
const CLEAN_QUEUE_MS = 60;
/** Reports, a minute of them, that the shortest round trip is taken of. */
const BASE_LOOKS = 60;
/** What stands still by this much while less was sent twice is no queue. */
const STILL_MS = 100;
const VAIN_STEPS = 2;
/** How long a link must be clean before more is tried; twice as long after each vain try. */
const CLEAN_MS = 5_000;
const LONGEST_CLEAN_MS = 60_000;
/** More that has been carried for so long was not tried in vain. */
const PROVEN_MS = 10_000;

export interface ViewerLook {
  /** Of the last interval, 0 to 1. */
  readonly fractionLost: number;
  /** `null` where it was not measured since the last look. */
  readonly roundTripMs: number | null;
  /** The layer that the viewer asked for; by default the highest. */
  readonly asked?: number;
  /** The highest layer that it is sent now, or soon; by default the highest of all. */
  readonly layer?: number;
  /** Whether a lower one is there; by default none. */
  readonly hasLower?: boolean;
  /** The highest temporal layer that comes, 0 where an encoder makes none; by default {@link TOP}. */
  readonly topTemporalLayer?: number;
}

export class ViewerBudget {
  #bestLayer = 0;
  #temporalLayer = TOP;
  #isClosed = false;
  #badLooks = 0;
  readonly #roundTrips = new LeastDelay(BASE_LOOKS);
  /** When less was sent, and it was not seen yet what that did; `null`: nothing was. */
  #queueAtStepMs: number | null = null;
  #vainSteps = 0;
  #changedAt = -Infinity;
  #badAt = -Infinity;
  #lookedAt = -Infinity;
  #raisedAt = -Infinity;
  #cleanMs = CLEAN_MS;

  /** @returns The limit when it is another than before, else `null`. */
  look(seen: ViewerLook, now: number): SinkLimit | null {
    this.#lookedAt = now;
    const before = this.#limit;
    const queueMs = seen.roundTripMs === null ? 0 : this.#roundTrips.above(seen.roundTripMs);
    if (queueMs > QUEUE_MS || seen.fractionLost > LOSSY) this.#takeBad(seen, queueMs, now);
    else {
      this.#forgetBad();
      if (this.#mayRaise(seen, queueMs, now)) this.#raise(seen, now);
    }
    const limit = this.#limit;
    const isSame =
      before.bestLayer === limit.bestLayer &&
      before.maxTemporalLayer === limit.maxTemporalLayer &&
      before.isClosed === limit.isClosed;
    return isSame ? null : limit;
  }

  /** When to {@link ViewerBudget.retry}, unless a report comes before; `null`: not at all. */
  get retryAt(): number | null {
    return this.#isClosed ? this.#lookedAt + this.#cleanMs : null;
  }

  /** Nothing was heard of a viewer that is sent nothing. @returns The limit, with pictures from the next key frame on. */
  retry(now: number): SinkLimit {
    this.#isClosed = false;
    this.#forgetBad();
    this.#changedAt = this.#raisedAt = now;
    return this.#limit;
  }

  get #limit(): SinkLimit {
    const maxTemporalLayer = this.#temporalLayer >= TOP ? NO_LIMIT.maxTemporalLayer : this.#temporalLayer;
    return { bestLayer: this.#bestLayer, maxTemporalLayer, isClosed: this.#isClosed };
  }

  #takeBad(seen: ViewerLook, queueMs: number, now: number): void {
    const { fractionLost } = seen;
    this.#badAt = now;
    this.#badLooks++;
    if (this.#badLooks < BAD_LOOKS && fractionLost <= VERY_LOSSY) return;
    if (fractionLost <= LOSSY && this.#isNoQueue(queueMs)) {
      this.#roundTrips.forget();
      this.#forgetBad();
    } else if (!this.#isClosed) this.#lower(seen, queueMs, now);
  }

  #forgetBad(): void {
    this.#badLooks = 0;
    this.#queueAtStepMs = null;
    this.#vainSteps = 0;
  }

  /** Whether sending less has not moved it: the way itself is longer than it was. */
  #isNoQueue(queueMs: number): boolean {
    const before = this.#queueAtStepMs;
    if (before === null) return false;
    this.#vainSteps = Math.abs(queueMs - before) <= STILL_MS ? this.#vainSteps + 1 : 0;
    // Where nothing is sent every report tells.
    this.#queueAtStepMs = this.#isClosed ? queueMs : null;
    return this.#vainSteps >= VAIN_STEPS;
  }

  #lower(seen: ViewerLook, queueMs: number, now: number): void {
    const { layer = 0, hasLower = false, topTemporalLayer = TOP } = seen;
    // Leaving out what does not come would help nobody, where there is another way.
    const temporalLayer = hasLower ? Math.min(this.#temporalLayer, topTemporalLayer) : this.#temporalLayer;
    // What does not come makes no difference either.
    const isLess = temporalLayer === 0 || temporalLayer <= topTemporalLayer;
    if (temporalLayer > 0) this.#temporalLayer = temporalLayer - 1;
    else if (hasLower) {
      this.#bestLayer = Math.max(this.#bestLayer, layer) + 1;
      this.#temporalLayer = TOP;
    } else if (this.#badLooks >= BAD_LOOKS_TO_CLOSE) this.#isClosed = true;
    else return;
    this.#changedAt = now;
    this.#badLooks = 0;
    if (isLess) this.#queueAtStepMs = queueMs;
    const wasInVain = now - this.#raisedAt < PROVEN_MS;
    this.#cleanMs = wasInVain ? Math.min(LONGEST_CLEAN_MS, 2 * this.#cleanMs) : CLEAN_MS;
  }

  #mayRaise({ fractionLost, asked = 0 }: ViewerLook, queueMs: number, now: number): boolean {
    if (!this.#isClosed && this.#temporalLayer >= TOP && this.#bestLayer <= asked) return false;
    if (fractionLost > CLEAN_LOSS || queueMs > CLEAN_QUEUE_MS) return false;
    return now - Math.max(this.#changedAt, this.#badAt) >= this.#cleanMs;
  }

  #raise({ asked = 0, topTemporalLayer = TOP }: ViewerLook, now: number): void {
    if (this.#isClosed) this.#isClosed = false;
    else if (this.#temporalLayer < Math.min(TOP, topTemporalLayer) || this.#bestLayer <= asked)
      this.#temporalLayer++;
    else {
      this.#bestLayer--;
      this.#temporalLayer = topTemporalLayer > 0 ? HALF : TOP;
    }
    this.#changedAt = this.#raisedAt = now;
  }
}
