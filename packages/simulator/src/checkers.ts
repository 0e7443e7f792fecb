/**
 * Everything that must hold of the world at every tick. The checkers read the world's books and know nothing of the
 * code under test, so that a mistake there cannot hide itself here.
 */

import type { Census, Watcher } from './census.ts';
import { ControlTrafficChecker } from './checkers/control-traffic-checker.ts';
import { DepthChecker } from './checkers/depth-checker.ts';
import { EpochChecker } from './checkers/epoch-checker.ts';
import { FeedingChecker } from './checkers/feeding-checker.ts';
import { CHECK_LIMITS, type CheckLimits } from './checkers/limits.ts';
import { LoopChecker } from './checkers/loop-checker.ts';
import { UplinkChecker } from './checkers/uplink-checker.ts';
import { Violations, type Rule, type Violation } from './checkers/violations.ts';
import { WishChecker } from './checkers/wish-checker.ts';
import type { WorldEvent, WorldView } from './world-view.ts';

/** What the checkers saw, the tolerated too. */
export interface CheckReport {
  readonly total: number;
  readonly byRule: Readonly<Record<Rule, number>>;
  /** The first of them in full. */
  readonly violations: readonly Violation[];
  readonly transientLoops: number;
  readonly loopsThroughLiars: number;
  /** Peers that were too deep, and for how long at most. */
  readonly tooDeep: number;
  readonly longestTooDeepMs: number;
  /** Uplinks that were over-full, and for how long at most. */
  readonly overfull: number;
  readonly longestOverfullMs: number;
  /** The longest that an honest viewer was without media while no fault was at work. */
  readonly longestHungerMs: number;
  /** The highest control traffic of an honest viewer, averaged over its life. */
  readonly highestControlBps: number;
}

export class Checkers implements Watcher {
  readonly #violations = new Violations();
  readonly #loop: LoopChecker;
  readonly #depth: DepthChecker;
  readonly #uplink: UplinkChecker;
  readonly #feeding: FeedingChecker;
  readonly #epoch: EpochChecker;
  readonly #controlTraffic: ControlTrafficChecker;
  readonly #wish: WishChecker;

  constructor(overrides: Partial<CheckLimits> = {}) {
    const limits = { ...CHECK_LIMITS, ...overrides };
    this.#loop = new LoopChecker(limits, this.#violations);
    this.#depth = new DepthChecker(limits, this.#violations);
    this.#uplink = new UplinkChecker(limits, this.#violations);
    this.#feeding = new FeedingChecker(limits, this.#violations);
    this.#epoch = new EpochChecker(limits, this.#violations);
    this.#controlTraffic = new ControlTrafficChecker(limits, this.#violations);
    this.#wish = new WishChecker(this.#violations);
  }

  event(event: WorldEvent, world: WorldView): void {
    this.#feeding.event(event);
    this.#wish.event(event, world);
  }

  tick(census: Census): void {
    this.#loop.tick(census);
    this.#depth.tick(census);
    this.#uplink.tick(census);
    this.#feeding.tick(census);
    this.#epoch.tick(census);
    this.#controlTraffic.tick(census);
  }

  report(): CheckReport {
    const { transient, throughLiars } = this.#loop.counts;
    return {
      total: this.#violations.total,
      byRule: this.#violations.byRule,
      violations: this.#violations.first,
      transientLoops: transient,
      loopsThroughLiars: throughLiars,
      tooDeep: this.#depth.spells.count,
      longestTooDeepMs: this.#depth.spells.longestMs,
      overfull: this.#uplink.spells.count,
      longestOverfullMs: this.#uplink.spells.longestMs,
      longestHungerMs: this.#feeding.longestMs,
      highestControlBps: this.#controlTraffic.highestBps,
    };
  }
}
