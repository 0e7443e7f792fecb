import type { Census } from '../census.ts';
import { PeerNumbers } from '../peer-numbers.ts';
import type { PeerIndex } from '../world-view.ts';
import type { CheckLimits } from './limits.ts';
import type { Violations } from './violations.ts';

/** Averages over a life change slowly: looking this often is enough. */
const LOOK_MS = 10_000;

/** Control traffic stays bounded: of each honest viewer over its life, and of all of them on average. */
export class ControlTrafficChecker {
  readonly #limits: CheckLimits;
  readonly #violations: Violations;
  readonly #isReported = new PeerNumbers(0);
  #lookedAt = 0;
  #isMeanReported = false;
  #highestBps = 0;

  constructor(limits: CheckLimits, violations: Violations) {
    this.#limits = limits;
    this.#violations = violations;
  }

  /** The highest average of an honest viewer that lived long enough to have one. */
  get highestBps(): number {
    return this.#highestBps;
  }

  tick(census: Census): void {
    const { world, now } = census;
    if (now - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = now;
    let bits = 0;
    let livedMs = 0;
    for (const peer of census.peers) {
      if (world.role(peer) !== 'viewer' || world.isLiar(peer)) continue;
      const sentBits = world.controlBytes(peer).wire * 8;
      const aliveMs = world.aliveMs(peer);
      if (aliveMs < this.#limits.controlLifeMs) continue;
      bits += sentBits;
      livedMs += aliveMs;
      this.#check(peer, (sentBits * 1000) / aliveMs, now);
    }
    this.#checkMean((bits * 1000) / Math.max(1, livedMs), now);
  }

  #check(peer: PeerIndex, bps: number, now: number): void {
    this.#highestBps = Math.max(this.#highestBps, bps);
    if (bps <= this.#limits.viewerControlBps || this.#isReported.get(peer) === 1) return;
    this.#isReported.set(peer, 1);
    const detail = `has sent ${Math.round(bps)} b/s of control over its life`;
    this.#violations.add({ at: now, peer, rule: 'control-traffic', detail });
  }

  #checkMean(bps: number, now: number): void {
    if (bps <= this.#limits.meanControlBps || this.#isMeanReported) return;
    this.#isMeanReported = true;
    const detail = `viewers send ${Math.round(bps)} b/s of control on average`;
    this.#violations.add({ at: now, peer: 0, rule: 'control-traffic', detail });
  }
}
