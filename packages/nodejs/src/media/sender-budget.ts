/**
 * What the link from one sender carries, told to it by REMB: what it may send at most, and less while a queue stands
 * in front of the relay.
 *
 * A queue shows as packets that come later and later by the sender's own timestamps. The event loop only ever adds to
 * that, so the least delay of half a second is what the network did. Sound is asked first: it is sent at once and
 * evenly, while pictures also wait for their encoder and its pacer. Loss is the receiver reports' to tell, and the
 * sender's to judge.
 *
 * Estimating here instead of by transport-wide feedback: docs/decisions/estimating-at-the-relay.md.
 */

import type { MediaKind } from '@casto/host';
import { LeastDelay } from './least-delay.ts';
import { timestampDistance } from './rtp-packet.ts';

/** What a sender's encoders may send over all layers, unless the owner of the relay says otherwise. */
export const DEFAULT_MAX_BITRATE_BPS = 10_000_000;
/** How often the link is looked at. */
const LOOK_MS = 500;
/** A delay this much above the least one is a queue; below the second there is none. */
const QUEUE_MS = 80;
const CLEAN_QUEUE_MS = 30;
/** Less than what comes, so that the queue drains. */
const BACK_OFF = 0.85;
/** What was asked for needs a round trip, an encoder that follows, and the queue that stands to drain. */
const CUT_INTERVAL_MS = 2_000;
/** A delay that two cuts have not moved by a quarter is no queue: the sender is slower than it was. */
const VAIN_CUTS = 2;
const LEAST_EFFECT = 0.75;
/** Growth per look of a link without a queue, eight per cent a second, and how long after a queue it begins. */
const GROWTH = 1.04;
const REST_MS = 3_000;
/** What the sender does not use needs no more room. */
const USED_SHARE = 0.5;
/** Below this there is no picture worth its name, and sound needs some of it. */
const LEAST_BPS = 150_000;
/** Looks that the least delay is taken of: clocks drift apart, by up to a millisecond in this time, and routes change. */
const BASE_LOOKS = 20;
/** A delay that jumps by more is a clock that was set, or a page that slept. */
const LONGEST_DELAY_MS = 5_000;
const BITS_PER_BYTE = 8;
const MS_PER_S = 1_000;

/** The arrivals of one stream. */
export interface StreamArrivals {
  /** One packet that was not sent again. */
  packet(bytes: number, timestamp: number, now: number): void;
  /** The stream begins anew: its timestamps say nothing about those before. */
  forget(): void;
}

export class SenderBudget {
  readonly #maxBps: number;
  readonly #streams: { readonly kind: MediaKind; readonly arrivals: Arrivals }[] = [];
  #limitBps: number;
  #lookedAt: number;
  #cutAt = -Infinity;
  #queuedAt = -Infinity;
  #vainCuts = 0;
  #queueAtCutMs = 0;

  /** @param now - Monotonic milliseconds. */
  constructor(maxBps: number, now: number) {
    this.#maxBps = maxBps;
    this.#limitBps = maxBps;
    this.#lookedAt = now;
  }

  stream(kind: MediaKind, clockRate: number): StreamArrivals {
    const arrivals = new Arrivals(clockRate);
    this.#streams.push({ kind, arrivals });
    return arrivals;
  }

  /** @returns Bits per second that the sender should stay below, over all streams. */
  limitBps(now: number): number {
    if (now - this.#lookedAt >= LOOK_MS) this.#look(now);
    return this.#limitBps;
  }

  #look(now: number): void {
    const seconds = (now - this.#lookedAt) / MS_PER_S;
    this.#lookedAt = now;
    const queueMs = this.#queueMs();
    let bytes = 0;
    for (const { arrivals } of this.#streams) bytes += arrivals.takeBytes();
    const receivedBps = (BITS_PER_BYTE * bytes) / seconds;
    if (queueMs === null) return;
    if (queueMs > QUEUE_MS) this.#cut(queueMs, receivedBps, now);
    else if (queueMs < CLEAN_QUEUE_MS) this.#raise(receivedBps, now);
    else this.#queuedAt = now;
  }

  /** @returns `null` when nothing came that would tell. */
  #queueMs(): number | null {
    let sound: number | null = null;
    let picture: number | null = null;
    for (const { kind, arrivals } of this.#streams) {
      const queueMs = arrivals.takeQueueMs();
      if (queueMs === null) continue;
      if (kind === 'audio') sound = Math.max(sound ?? 0, queueMs);
      else picture = Math.max(picture ?? 0, queueMs);
    }
    return sound ?? picture;
  }

  #cut(queueMs: number, receivedBps: number, now: number): void {
    this.#queuedAt = now;
    if (now - this.#cutAt < CUT_INTERVAL_MS) return;
    const isInVain = this.#vainCuts > 0 && queueMs > LEAST_EFFECT * this.#queueAtCutMs;
    this.#vainCuts = isInVain || this.#vainCuts === 0 ? this.#vainCuts + 1 : 1;
    if (this.#vainCuts > VAIN_CUTS) {
      for (const { arrivals } of this.#streams) arrivals.forget();
      this.#vainCuts = 0;
      return;
    }
    this.#cutAt = now;
    this.#queueAtCutMs = queueMs;
    const cut = Math.min(this.#limitBps, BACK_OFF * receivedBps);
    this.#limitBps = Math.min(this.#maxBps, Math.max(LEAST_BPS, cut));
  }

  #raise(receivedBps: number, now: number): void {
    this.#vainCuts = 0;
    const isUsed = receivedBps >= USED_SHARE * this.#limitBps;
    if (!isUsed || now - this.#queuedAt < REST_MS) return;
    this.#limitBps = Math.min(this.#maxBps, this.#limitBps * GROWTH);
  }
}

class Arrivals implements StreamArrivals {
  readonly #ticksPerMs: number;
  readonly #base = new LeastDelay(BASE_LOOKS);
  #bytes = 0;
  /** Of this look; how long a packet took is known only up to what the first one took. */
  #leastMs = Infinity;
  #firstTimestamp = 0;
  #firstAt: number | null = null;

  constructor(clockRate: number) {
    this.#ticksPerMs = clockRate / MS_PER_S;
  }

  packet(bytes: number, timestamp: number, now: number): void {
    this.#bytes += bytes;
    if (this.#firstAt === null) {
      this.#firstTimestamp = timestamp;
      this.#firstAt = now;
    }
    const sentMs = timestampDistance(this.#firstTimestamp, timestamp) / this.#ticksPerMs;
    const delayMs = now - this.#firstAt - sentMs;
    if (Math.abs(delayMs) > LONGEST_DELAY_MS) this.forget();
    else if (delayMs < this.#leastMs) this.#leastMs = delayMs;
  }

  takeBytes(): number {
    const bytes = this.#bytes;
    this.#bytes = 0;
    return bytes;
  }

  takeQueueMs(): number | null {
    const leastMs = this.#leastMs;
    if (leastMs === Infinity) return null;
    this.#leastMs = Infinity;
    return this.#base.above(leastMs);
  }

  forget(): void {
    this.#base.forget();
    this.#leastMs = Infinity;
    this.#firstAt = null;
  }
}
