/**
 * How long a packet lay in the queue between the network thread and this one. The queue is unbounded and carries
 * no times, and under starvation packets waited there for 43 s without a loss, so their age has to be inferred:
 *
 * - In each turn of the event loop the queue was emptied (unless the turn took as many packets as a turn may), so
 *   no packet is older than the start of the turn before. In a healthy loop that settles it.
 * - After a stall, the packets' own timestamps tell the old ones from the fresh ones.
 */

import { timestampDistance } from './rtp-packet.ts';

/** Node.js takes at most 1000 callbacks of one native queue per turn. */
const MAX_PACKETS_PER_TURN = 1000;
/** Two turns that took less are no stall: the loop waits for a tick, which comes every 20 to 50 ms, in each. */
const HEALTHY_TURNS_MS = 150;

/** Counts the turns of the event loop while there is something to do. Shared by all streams of a process. */
export interface LoopTurns {
  /** Rises by one per turn. */
  readonly turn: number;
  /** When the turn before this one began. */
  readonly previousBeganAt: number;
  /** Says that this turn has work. Cheap; call it with every packet and every tick. */
  touch(): void;
}

/** @param atTurnEnd - Runs a callback when all events of this turn are handled: `setImmediate`. */
export function createLoopTurns(now: () => number, atTurnEnd: (callback: () => void) => void): LoopTurns {
  return new CountedTurns(now, atTurnEnd);
}

class CountedTurns implements LoopTurns {
  readonly #now: () => number;
  readonly #atTurnEnd: (callback: () => void) => void;
  turn = 0;
  previousBeganAt: number;
  #beganAt: number;
  #isTouched = false;

  constructor(now: () => number, atTurnEnd: (callback: () => void) => void) {
    this.#now = now;
    this.#atTurnEnd = atTurnEnd;
    this.#beganAt = now();
    this.previousBeganAt = this.#beganAt;
  }

  touch(): void {
    if (this.#isTouched) return;
    this.#isTouched = true;
    this.#atTurnEnd(this.#endTurn);
  }

  readonly #endTurn = (): void => {
    this.#isTouched = false;
    this.turn += 1;
    this.previousBeganAt = this.#beganAt;
    this.#beganAt = this.#now();
  };
}

export interface QueueAge {
  /** Milliseconds that a packet taken at `now` has waited, at a conservative guess. Call it once per packet. */
  measure(timestamp: number, now: number): number;
}

export function createQueueAge(clockRate: number, turns: LoopTurns): QueueAge {
  return new StreamQueueAge(clockRate, turns);
}

class StreamQueueAge implements QueueAge {
  readonly #ticksPerMs: number;
  readonly #turns: LoopTurns;
  #turn = -1;
  #packetsInTurn = 0;
  /** The queue is known to have been empty then. */
  #emptyAt: number;
  /** A packet that did not wait, as the measure for others. */
  #referenceTimestamp = 0;
  #referenceAt: number | null = null;

  constructor(clockRate: number, turns: LoopTurns) {
    this.#ticksPerMs = clockRate / 1000;
    this.#turns = turns;
    this.#emptyAt = turns.previousBeganAt;
  }

  measure(timestamp: number, now: number): number {
    const turns = this.#turns;
    turns.touch();
    if (turns.turn !== this.#turn) {
      this.#turn = turns.turn;
      if (this.#packetsInTurn < MAX_PACKETS_PER_TURN) this.#emptyAt = turns.previousBeganAt;
      this.#packetsInTurn = 0;
    }
    this.#packetsInTurn += 1;
    const mostMs = now - this.#emptyAt;
    if (mostMs < HEALTHY_TURNS_MS) {
      this.#referenceTimestamp = timestamp;
      this.#referenceAt = now;
      return 0;
    }
    if (this.#referenceAt === null) return 0;
    const dueAt =
      this.#referenceAt + timestampDistance(this.#referenceTimestamp, timestamp) / this.#ticksPerMs;
    return Math.max(0, Math.min(mostMs, now - dueAt));
  }
}
