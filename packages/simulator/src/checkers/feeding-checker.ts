import type { Census } from '../census.ts';
import { PeerNumbers } from '../peer-numbers.ts';
import type { PeerIndex, WorldEvent } from '../world-view.ts';
import type { CheckLimits } from './limits.ts';
import type { Violations } from './violations.ts';

/**
 * Every honest viewer is fed: nobody who can reach the streamer's side is without media for longer than the bound,
 * counted from the last fault's end when that was later. While a fault is at work there is no bound.
 */
export class FeedingChecker {
  readonly #limits: CheckLimits;
  readonly #violations: Violations;
  /** Names of faults at work. */
  readonly #faults = new Set<string>();
  #calmSince = 0;
  #longestMs = 0;
  readonly #cutOffUntil = new PeerNumbers(0);
  /** Beginning of the hunger that was reported last. */
  readonly #reported = new PeerNumbers(-1);

  constructor(limits: CheckLimits, violations: Violations) {
    this.#limits = limits;
    this.#violations = violations;
  }

  /** The longest that an honest viewer has been without media while no fault was at work. */
  get longestMs(): number {
    return this.#longestMs;
  }

  event(event: WorldEvent): void {
    if (event.type !== 'fault') return;
    if (event.isOver) this.#faults.delete(event.name);
    else this.#faults.add(event.name);
    this.#calmSince = event.at;
  }

  tick(census: Census): void {
    if (this.#faults.size > 0) return;
    const streamer = census.peers.find((peer) => census.world.role(peer) === 'streamer');
    if (streamer === undefined) return;
    for (const peer of census.peers) this.#check(peer, streamer, census);
  }

  #check(peer: PeerIndex, streamer: PeerIndex, census: Census): void {
    const { world, now } = census;
    const hungrySince = world.hungrySince(peer);
    if (hungrySince === null || world.role(peer) !== 'viewer' || world.isLiar(peer)) return;
    if (!world.canReach(peer, streamer)) {
      this.#cutOffUntil.set(peer, now);
      return;
    }
    const lastedMs = now - Math.max(hungrySince, this.#calmSince, this.#cutOffUntil.get(peer));
    this.#longestMs = Math.max(this.#longestMs, lastedMs);
    if (lastedMs <= this.#limits.hungryMs || this.#reported.get(peer) === hungrySince) return;
    this.#reported.set(peer, hungrySince);
    const depth = census.depth(peer);
    const place = depth < 0 ? 'with no path to the streamer' : `at depth ${depth}`;
    const detail = `without media for ${Math.round(now - hungrySince)} ms, ${place}`;
    this.#violations.add({ at: now, peer, rule: 'feeding', detail });
  }
}
