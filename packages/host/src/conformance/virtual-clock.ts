/** The fake of the Clock port: time passes when a test says so, and timers run in order. */

import type { Clock } from '../clock.ts';

/** As large as real clocks are, since parts of a millisecond are rounded there. */
const START_MS = 1_700_000_000_000;
/** Timers at one instant after which something sets timers without end. */
const MAX_TIMERS_PER_INSTANT = 100_000;

/** Small beside every timeout, so that real streams are not outrun. */
const UNTIL_STEP_MS = 4;

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

export class VirtualClock implements Clock {
  #now = START_MS;
  /** In the order of their making, which breaks ties. */
  readonly #timers = new Set<Timer>();
  #fired = 0;

  readonly now = (): number => this.#now;

  readonly setTimer = (callback: () => void, delayMs: number): (() => void) => {
    const timer = { at: this.#now + Math.max(0, delayMs), callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  };

  /** Timers that are set: none may be left when all that uses the clock is closed. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Timers that have run: what waking up cost. */
  get fired(): number {
    return this.#fired;
  }

  /** When the next timer is due, `null` while none is set. */
  get nextAt(): number | null {
    return this.#next()?.at ?? null;
  }

  /** Lets time pass, and runs what is due in it. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let runs = 0, timer = this.#next(); timer !== null && timer.at <= end; timer = this.#next()) {
      runs = timer.at > this.#now ? 0 : runs + 1;
      if (runs > MAX_TIMERS_PER_INSTANT) throw new Error('timers are set without end');
      this.#now = Math.max(this.#now, timer.at);
      this.#timers.delete(timer);
      this.#fired++;
      timer.callback();
    }
    this.#now = end;
  }

  /** Lets time pass in small steps, with a turn of the event loop after each, for code that awaits in between. */
  async pass(ms: number, stepMs = 10): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      this.advance(Math.min(stepMs, left));
      await turn();
    }
  }

  /** Lets streams and promises go on while time passes, a few times as fast as outside, until the condition holds. */
  async until(isDone: () => boolean, what: string, withinMs = 20_000): Promise<void> {
    const end = this.#now + withinMs;
    while (!isDone()) {
      if (this.#now >= end) throw new Error(`waited ${withinMs} ms for ${what}`);
      await turn(1);
      this.advance(UNTIL_STEP_MS);
    }
  }

  #next(): Timer | null {
    let next: Timer | null = null;
    for (const timer of this.#timers) if (next === null || timer.at < next.at) next = timer;
    return next;
  }
}

/** One turn of the event loop, so that promises and streams go on. */
export function turn(ms = 0): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
