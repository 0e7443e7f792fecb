import type { Census } from '../census.ts';
import { PeerNumbers } from '../peer-numbers.ts';
import type { PeerIndex } from '../world-view.ts';
import type { CheckLimits } from './limits.ts';
import type { Violations } from './violations.ts';

/** Never a tick's number. */
const NO_TICK = -1;

export interface LoopCounts {
  /** Loops that were gone before they were too old. */
  readonly transient: number;
  /** Loops of which a liar was part: nobody can see through them at once. */
  readonly throughLiars: number;
}

/**
 * No loops among the true parents. A loop is known by its edges: it is as old as the youngest stay of a member in it
 * with the same parent, so that another loop of partly the same peers starts anew.
 */
export class LoopChecker {
  readonly #limits: CheckLimits;
  readonly #violations: Violations;
  readonly #since = new PeerNumbers(0);
  readonly #seenAt = new PeerNumbers(NO_TICK);
  readonly #parentThen = new PeerNumbers(-1);
  readonly #reported = new PeerNumbers(0);
  #tick = 0;
  #begun = 0;
  #old = 0;
  #throughLiars = 0;

  constructor(limits: CheckLimits, violations: Violations) {
    this.#limits = limits;
    this.#violations = violations;
  }

  get counts(): LoopCounts {
    return { transient: this.#begun - this.#old, throughLiars: this.#throughLiars };
  }

  tick(census: Census): void {
    this.#tick++;
    for (const loop of census.loops) this.#check(loop, census);
  }

  #check(loop: readonly PeerIndex[], census: Census): void {
    const isLiars = loop.some((peer) => census.world.isLiar(peer));
    const youngest = loop.reduce((latest, peer) => Math.max(latest, this.#stay(peer, census)), -Infinity);
    const isBegun = youngest === census.now;
    if (isBegun && isLiars) this.#throughLiars++;
    if (isLiars) return;
    if (isBegun) this.#begun++;
    const first = Math.min(...loop);
    if (census.now - youngest < this.#limits.loopMs) return;
    if (this.#reported.get(first) === youngest) return;
    this.#reported.set(first, youngest);
    this.#old++;
    const members = loop.slice(0, 12).join(' <- ');
    const detail = `${loop.length} peers are each other's parents since ${youngest} ms: ${members}`;
    this.#violations.add({ at: census.now, peer: first, rule: 'loop', detail });
  }

  /** Since when the peer has been in a loop with the parent that it has. */
  #stay(peer: PeerIndex, census: Census): number {
    const parent = census.parent(peer);
    const goesOn = this.#seenAt.get(peer) === this.#tick - 1 && this.#parentThen.get(peer) === parent;
    if (!goesOn) this.#since.set(peer, census.now);
    this.#seenAt.set(peer, this.#tick);
    this.#parentThen.set(peer, parent);
    return this.#since.get(peer);
  }
}
