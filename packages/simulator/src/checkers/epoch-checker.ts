import type { Census } from '../census.ts';
import { PeerNumbers } from '../peer-numbers.ts';
import type { PeerIndex } from '../world-view.ts';
import type { Violations } from './violations.ts';

/** An honest peer never goes back to an older broadcast, and never forwards one that the streamer has not begun. */
export class EpochChecker {
  readonly #violations: Violations;
  readonly #highest = new PeerNumbers(0);
  /** `null` until a streamer has been seen. */
  #streamerEpoch: number | null = null;

  constructor(violations: Violations) {
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
    if (epoch === highest) return;
    this.#highest.set(peer, epoch);
    if (epoch < highest) this.#report(peer, census, `went back from epoch ${highest} to ${epoch}`);
    else if (this.#streamerEpoch !== null && epoch > this.#streamerEpoch)
      this.#report(peer, census, `is in epoch ${epoch}, the streamer in ${this.#streamerEpoch}`);
  }

  #report(peer: PeerIndex, census: Census, detail: string): void {
    this.#violations.add({ at: census.now, peer, rule: 'epoch', detail });
  }
}
