import type { Census } from '../census.ts';
import { PeerNumbers } from '../peer-numbers.ts';
import type { PeerIndex } from '../world-view.ts';
import type { CheckLimits } from './limits.ts';
import { Spells } from './spells.ts';
import type { Violations } from './violations.ts';

/**
 * An honest peer never goes back to an older broadcast, never forwards one that the streamer has not begun, and does
 * not pass on as one that is over the media of the next.
 */
export class EpochChecker {
  readonly #violations: Violations;
  readonly #highest = new PeerNumbers(0);
  readonly #late: Spells;
  /** `null` until a streamer has been seen. */
  #streamerEpoch: number | null = null;

  constructor(limits: CheckLimits, violations: Violations) {
    this.#late = new Spells(limits.epochMs);
    this.#violations = violations;
  }

  tick(census: Census): void {
    const { world } = census;
    for (const peer of census.peers) {
      if (world.role(peer) === 'streamer')
        this.#streamerEpoch = Math.max(this.#streamerEpoch ?? 0, world.epoch(peer));
    }
    for (const peer of census.peers) if (!world.isLiar(peer)) this.#check(peer, census);
  }

  #check(peer: PeerIndex, census: Census): void {
    const epoch = census.world.epoch(peer);
    const highest = this.#highest.get(peer);
    this.#checkLate(peer, epoch, census);
    if (epoch === highest) return;
    this.#highest.set(peer, epoch);
    if (epoch < highest) this.#report(peer, census, `went back from epoch ${highest} to ${epoch}`);
    else if (this.#streamerEpoch !== null && epoch > this.#streamerEpoch)
      this.#report(peer, census, `is in epoch ${epoch}, the streamer in ${this.#streamerEpoch}`);
  }

  #checkLate(peer: PeerIndex, epoch: number, census: Census): void {
    const { world } = census;
    // Whoever has no children has nobody to tell, and below a liar nobody can know.
    const isHeard = world.activeChildren(peer) > 0 && !census.isMisled(peer);
    const isLate = isHeard && epoch < (this.#streamerEpoch ?? 0);
    if (!isLate) this.#late.ends(peer);
    else if (this.#late.goesOn(peer, census.now))
      this.#report(peer, census, `is still in epoch ${epoch}, the streamer in ${this.#streamerEpoch}`);
  }

  #report(peer: PeerIndex, census: Census, detail: string): void {
    this.#violations.add({ at: census.now, peer, rule: 'epoch', detail });
  }
}
