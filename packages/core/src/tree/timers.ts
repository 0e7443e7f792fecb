import type { Instant } from '../link-control.ts';

const NAMES = [
  'search',
  'activation',
  'orphan',
  'starved',
  'upkeep',
  'rebalance',
  'tell',
  'report',
  'shed',
] as const;

export type TreeTimer = (typeof NAMES)[number];

/** The named timers of one peer. A hundred thousand peers share a process, so they are one small array each. */
export class TreeTimers {
  /** A plain array of doubles: a typed one of this size has a buffer of its own outside of the heap. */
  readonly #due: number[] = NAMES.map(() => Infinity);
  #next = Infinity;

  /** The earliest instant at which one is due; `null` when none is set. */
  get next(): Instant | null {
    return this.#next === Infinity ? null : this.#next;
  }

  set(name: TreeTimer, at: Instant): void {
    this.#due[NAMES.indexOf(name)] = at;
    this.#next = this.#earliest();
  }

  /** Sets it unless it is due earlier. */
  setEarlier(name: TreeTimer, at: Instant): void {
    if (at < this.#at(name)) this.set(name, at);
  }

  clear(name: TreeTimer): void {
    this.set(name, Infinity);
  }

  clearAll(): void {
    this.#due.fill(Infinity);
    this.#next = Infinity;
  }

  isSet(name: TreeTimer): boolean {
    return this.#at(name) !== Infinity;
  }

  /** Takes one that is due, in the order of the table; `null` when none is. */
  takeDue(now: Instant): TreeTimer | null {
    if (this.#next > now) return null;
    const name = NAMES.find((each) => this.#at(each) <= now);
    if (name === undefined) return null;
    this.clear(name);
    return name;
  }

  #at(name: TreeTimer): Instant {
    return this.#due[NAMES.indexOf(name)] ?? Infinity;
  }

  #earliest(): Instant {
    let next = Infinity;
    for (const at of this.#due) if (at < next) next = at;
    return next;
  }
}
