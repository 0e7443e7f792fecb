/**
 * Packets that have not come: which to ask for, when to ask again, when to give up.
 */

/** The first request goes out at once; repeats wait for the round trip, and at least this long. */
const MIN_RETRY_MS = 20;
/** A round trip, and the sender's own processing of it. */
const RETRY_ROUND_TRIPS = 1.5;
const MAX_TRIES = 10;
/** A viewer's jitter buffer does not wait longer. */
const DEADLINE_MS = 600;
/** More missing packets than this are not worth repairing: a key frame is smaller. */
const MAX_MISSING = 256;

interface Missing {
  readonly since: number;
  askedAt: number;
  tries: number;
}

export interface MissingPackets {
  readonly size: number;
  /** Notes the packets of `from` up to, but not including, `to`. @returns `false` when there are too many to repair. */
  add(from: number, to: number, now: number): boolean;
  /** @returns Whether the packet had been missing. */
  remove(sequence: number): boolean;
  /** Forgets what came before `sequence`: nothing before a key frame is needed after it. */
  removeBefore(sequence: number): void;
  /**
   * @param ask - Receives the sequences to request at `now`, in order.
   * @returns How many were given up.
   */
  collect(now: number, roundTripMs: number, ask: number[]): number;
  clear(): void;
}

export function createMissingPackets(): MissingPackets {
  return new MissingTable();
}

class MissingTable implements MissingPackets {
  /** In order of insertion, which is the order of sequences. */
  readonly #missing = new Map<number, Missing>();

  get size(): number {
    return this.#missing.size;
  }

  add(from: number, to: number, now: number): boolean {
    if (this.#missing.size + (to - from) > MAX_MISSING) {
      this.#missing.clear();
      return false;
    }
    for (let sequence = from; sequence < to; sequence += 1) {
      this.#missing.set(sequence, { since: now, askedAt: -Infinity, tries: 0 });
    }
    return true;
  }

  remove(sequence: number): boolean {
    return this.#missing.delete(sequence);
  }

  removeBefore(sequence: number): void {
    for (const missing of this.#missing.keys()) {
      if (missing < sequence) this.#missing.delete(missing);
    }
  }

  collect(now: number, roundTripMs: number, ask: number[]): number {
    const retryMs = Math.max(MIN_RETRY_MS, roundTripMs * RETRY_ROUND_TRIPS);
    let abandoned = 0;
    for (const [sequence, missing] of this.#missing) {
      if (now - missing.askedAt < retryMs) continue;
      if (missing.tries >= MAX_TRIES || now - missing.since >= DEADLINE_MS) {
        this.#missing.delete(sequence);
        abandoned += 1;
        continue;
      }
      missing.askedAt = now;
      missing.tries += 1;
      ask.push(sequence);
    }
    return abandoned;
  }

  clear(): void {
    this.#missing.clear();
  }
}
