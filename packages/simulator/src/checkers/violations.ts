import type { PeerIndex } from '../world-view.ts';

/** What must hold of the world at every tick, whatever the code under test thinks. */
export const RULES = ['loop', 'depth', 'uplink', 'feeding', 'epoch', 'control-traffic', 'wish'] as const;

export type Rule = (typeof RULES)[number];

export interface Violation {
  /** Virtual time, milliseconds. */
  readonly at: number;
  readonly peer: PeerIndex;
  readonly rule: Rule;
  /** What was seen, for people. */
  readonly detail: string;
}

/** Kept with all their details; the others are counted. */
const MOST_KEPT = 200;

/** Violations of one run, the first of them in full. */
export class Violations {
  readonly #first: Violation[] = [];
  readonly #byRule: Record<Rule, number> = {
    loop: 0,
    depth: 0,
    uplink: 0,
    feeding: 0,
    epoch: 0,
    'control-traffic': 0,
    wish: 0,
  };

  get first(): readonly Violation[] {
    return this.#first;
  }

  get total(): number {
    return Object.values(this.#byRule).reduce((sum, count) => sum + count, 0);
  }

  get byRule(): Readonly<Record<Rule, number>> {
    return { ...this.#byRule };
  }

  add(violation: Violation): void {
    this.#byRule[violation.rule]++;
    if (this.#first.length < MOST_KEPT) this.#first.push(violation);
  }
}
