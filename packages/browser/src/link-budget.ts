/**
 * What a child's link carries, from what its sender tells: the ladder of PROTOCOL.md, M2.1.
 *
 *   all layers ⇄ without the highest ⇄ the base ⇄ nothing until a key frame
 *
 * The browser's pacer queues encoded frames and never drops one, so the queue in front of it is the signal: what the
 * hub has written and the sender has not sent.
 */

import type { ChildLimit } from './hub/child-stream.ts';

/** Of the whole rate, with as many temporal layers: as encoders divide three layers. */
const SHARES = [0.4, 0.6, 1] as const;
const TOP = SHARES.length - 1;
const LOWER_QUEUE_MS = 120;
const RAISE_QUEUE_MS = 40;
const CLOSE_QUEUE_MS = 500;
const OPEN_QUEUE_MS = 40;
/** A queue to which nothing is added grows shorter; one that does not for so many looks is none. */
const STILL_LOOKS = 5;
const STILL_BYTES = 300;
/** A change shows after this long. */
const SETTLE_MS = 600;
/** A link that was too slow has to be clean for so long before more is tried; twice as long after each vain try. */
const CLEAN_MS = 5_000;
const LONGEST_CLEAN_MS = 60_000;
/** More that has been carried for so long was not tried in vain. */
const PROVEN_MS = 10_000;
/** An estimate this much above what is needed is enough for more, and one this much below is too little. */
const ROOM = 1.15;
const TIGHT = 0.95;
/**
 * A congestion control that is given less than the link carries looks no further than half as much again (libwebrtc's
 * AIMD controller). An estimate close to that is no limit of the link.
 */
const UNLIMITED = 1.4;
/** An estimate below this is none to divide by. */
const LEAST_BPS = 50_000;
/** Of a sender that tells no estimate, as in Firefox. */
const UNKNOWN_BPS = 2_500_000;

export interface LinkSample {
  /** Bytes that were written to the sender, and payload bytes that it has sent for the first time. */
  readonly written: number;
  readonly payloadSent: number;
  /** Of the congestion control, in bits per second; 0 before it knows. */
  readonly availableBps: number;
  /** Of all that could be sent; `null` before it is known. */
  readonly mediaBps: number | null;
}

export class LinkBudget {
  #temporalLayer = TOP;
  #isClosed = false;
  /** At the last look. */
  #queuedMs = 0;
  #changedAt = -Infinity;
  #raisedAt = -Infinity;
  #cleanMs = CLEAN_MS;
  /** When the link was too slow last. */
  #slowAt = -Infinity;
  /** The try that was counted as vain. */
  #vainAt = -Infinity;
  /**
   * Least difference of written and sent bytes so far: the queue was empty then. It falls by itself, since packets
   * carry descriptors of a few bytes that the hub does not count.
   */
  #empty = Infinity;
  /** The difference while nothing but sound is written, and for how many looks it has been so. */
  #still = { difference: Infinity, payloadSent: 0, looks: 0 };

  /** Whether nothing waits, and nothing is left out. */
  get isCalm(): boolean {
    return !this.isLimited && this.#queuedMs < RAISE_QUEUE_MS;
  }

  get isLimited(): boolean {
    return this.#isClosed || this.#temporalLayer < TOP;
  }

  /** @returns The limit when it is another than before, else `null`. */
  look(sample: LinkSample, now: number): ChildLimit | null {
    const queueMs = this.#queueMs(sample);
    this.#queuedMs = queueMs;
    const before = { layer: this.#temporalLayer, isClosed: this.#isClosed };
    this.#move(queueMs, sample, now);
    if (this.#isClosed) this.#isClosed = queueMs > OPEN_QUEUE_MS;
    else this.#isClosed = queueMs > CLOSE_QUEUE_MS;
    if (before.layer === this.#temporalLayer && before.isClosed === this.#isClosed) return null;
    return { maxTemporalLayer: this.#temporalLayer, isClosed: this.#isClosed };
  }

  #queueMs({ written, payloadSent, availableBps }: LinkSample): number {
    const difference = written - payloadSent;
    this.#empty = Math.min(this.#empty, difference);
    if (this.#isStill(difference, payloadSent)) this.#empty = difference;
    return ((difference - this.#empty) * 8_000) / Math.max(LEAST_BPS, availableBps || UNKNOWN_BPS);
  }

  /** What is sent again is counted with more than its payload, so that the difference does not come back to what it was. */
  #isStill(difference: number, payloadSent: number): boolean {
    const { difference: before, payloadSent: sentBefore, looks } = this.#still;
    // Sound goes out, so that a link that carries nothing at all is no link without a queue.
    const isSame = Math.abs(difference - before) < STILL_BYTES && payloadSent > sentBefore;
    this.#still =
      this.#isClosed && isSame
        ? { difference: before, payloadSent, looks: looks + 1 }
        : { difference, payloadSent, looks: 0 };
    return this.#still.looks >= STILL_LOOKS;
  }

  #move(queueMs: number, { availableBps, mediaBps }: LinkSample, now: number): void {
    const sinceChangeMs = now - this.#changedAt;
    const cleanForMs = now - Math.max(this.#changedAt, this.#slowAt);
    const needed = (layer: number): number => (SHARES[layer] ?? 1) * (mediaBps ?? 0);
    const isTight = availableBps > 0 && availableBps < needed(this.#temporalLayer) * TIGHT;
    if (queueMs > LOWER_QUEUE_MS || isTight) {
      this.#slowAt = now;
      if (this.#temporalLayer > 0 && sinceChangeMs >= SETTLE_MS) this.#change(-1, now);
      return;
    }
    const wanted = Math.min(needed(this.#temporalLayer + 1) * ROOM, needed(this.#temporalLayer) * UNLIMITED);
    const hasRoom = availableBps > wanted && queueMs < RAISE_QUEUE_MS;
    if (hasRoom && this.#temporalLayer < TOP && cleanForMs >= this.#cleanMs) this.#change(1, now);
  }

  #change(by: 1 | -1, now: number): void {
    this.#temporalLayer += by;
    this.#changedAt = now;
    if (by === 1) {
      this.#raisedAt = now;
      return;
    }
    const wasInVain = now - this.#raisedAt < PROVEN_MS;
    if (!wasInVain) this.#cleanMs = CLEAN_MS;
    else if (this.#vainAt !== this.#raisedAt) this.#cleanMs = Math.min(LONGEST_CLEAN_MS, 2 * this.#cleanMs);
    this.#vainAt = this.#raisedAt;
  }
}
