import type { Census } from '../census.ts';
import type { CheckLimits } from './limits.ts';
import { Spells } from './spells.ts';
import type { Violations } from './violations.ts';

/** Nobody is deeper than the limit for long, except below a liar, who may have understated the way to it. */
export class DepthChecker {
  readonly #limits: CheckLimits;
  readonly #violations: Violations;
  readonly #spells: Spells;

  constructor(limits: CheckLimits, violations: Violations) {
    this.#limits = limits;
    this.#violations = violations;
    this.#spells = new Spells(limits.depthMs);
  }

  /** How often a peer was too deep, briefly or not. */
  get spells(): Spells {
    return this.#spells;
  }

  tick(census: Census): void {
    for (const peer of census.peers) {
      const depth = census.depth(peer);
      const isTooDeep = depth > this.#limits.depth && !census.isMisled(peer) && !census.world.isLiar(peer);
      if (!isTooDeep) this.#spells.ends(peer);
      else if (this.#spells.goesOn(peer, census.now)) {
        const detail = `${depth} hops from the streamer for more than ${this.#limits.depthMs} ms`;
        this.#violations.add({ at: census.now, peer, rule: 'depth', detail });
      }
    }
  }
}
