import type { Census } from '../census.ts';
import type { CheckLimits } from './limits.ts';
import { Spells } from './spells.ts';
import type { Violations } from './violations.ts';

/** No honest peer sends more media than its true uplink carries for longer than it takes to find out. */
export class UplinkChecker {
  readonly #violations: Violations;
  readonly #spells: Spells;

  constructor(limits: CheckLimits, violations: Violations) {
    this.#violations = violations;
    this.#spells = new Spells(limits.uplinkMs);
  }

  /** How often an uplink was over-full, briefly or not. */
  get spells(): Spells {
    return this.#spells;
  }

  tick(census: Census): void {
    const { world } = census;
    for (const peer of census.peers) {
      const children = world.activeChildren(peer);
      const neededBps = children * world.bitrateBps;
      if (children === 0 || neededBps <= world.uplinkBps(peer) || world.isLiar(peer)) this.#spells.ends(peer);
      else if (this.#spells.goesOn(peer, census.now)) {
        const uplink = (world.uplinkBps(peer) / 1e6).toFixed(1);
        const detail = `${children} children need ${(neededBps / 1e6).toFixed(1)} of ${uplink} Mb/s`;
        this.#violations.add({ at: census.now, peer, rule: 'uplink', detail });
      }
    }
  }
}
