import type { WorldEvent, WorldView } from '../world-view.ts';
import type { Violations } from './violations.ts';

/** The core of an honest peer never wants what cannot be done: a message over no link, or timeouts without end. */
export class WishChecker {
  readonly #violations: Violations;

  constructor(violations: Violations) {
    this.#violations = violations;
  }

  event(event: WorldEvent, world: WorldView): void {
    if (event.type !== 'odd' || world.isLiar(event.peer)) return;
    const { at, peer, what } = event;
    this.#violations.add({ at, peer, rule: 'wish', detail: what });
  }
}
