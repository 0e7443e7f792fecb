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
const OPEN_QUEUE_MS = 30;
/** A change shows after this long. */
const SETTLE_MS = 600;
/** A link that was too slow has to be clean for so long before more is tried. */
const CLEAN_MS = 5_000;
/** An estimate this much above what is needed is enough for more, and one this much below is too little. */
const ROOM = 1.15;
const TIGHT = 0.95;
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
  #changedAt = -Infinity;
  /**
   * Least difference of written and sent bytes so far: the queue was empty then. It falls by itself, since packets
   * carry descriptors of a few bytes that the hub does not count.
   */
  #empty = Infinity;

  get isLimited(): boolean {
    return this.#isClosed || this.#temporalLayer < TOP;
  }

  /** @returns The limit when it is another than before, else `null`. */
  look(sample: LinkSample, now: number): ChildLimit | null {
    const queueMs = this.#queueMs(sample);
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
    return ((difference - this.#empty) * 8_000) / Math.max(LEAST_BPS, availableBps || UNKNOWN_BPS);
  }

  #move(queueMs: number, { availableBps, mediaBps }: LinkSample, now: number): void {
    const sinceChangeMs = now - this.#changedAt;
    const needed = (layer: number): number => (SHARES[layer] ?? 1) * (mediaBps ?? 0);
    const isTight = availableBps > 0 && availableBps < needed(this.#temporalLayer) * TIGHT;
    if (queueMs > LOWER_QUEUE_MS || isTight) {
      if (this.#temporalLayer > 0 && sinceChangeMs >= SETTLE_MS) this.#change(-1, now);
      return;
    }
    const hasRoom = availableBps > needed(this.#temporalLayer + 1) * ROOM && queueMs < RAISE_QUEUE_MS;
    if (hasRoom && this.#temporalLayer < TOP && sinceChangeMs >= CLEAN_MS) this.#change(1, now);
  }

  #change(by: 1 | -1, now: number): void {
    this.#temporalLayer += by;
    this.#changedAt = now;
  }
}
