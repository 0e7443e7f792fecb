/** A world in turmoil for a minute: joins, crashes, departures, cuts and liars. Then peace for half of one. */

import type { TreeEffect } from '../src/tree/tree-io.ts';
import { encodePath, shortId } from '../src/peer-id.ts';
import { seededRandom } from './seeded-random.ts';
import { EPOCH, TreeWorld, type PeerSetup, type WorldPeer } from './tree-world.ts';

const CHURN_MS = 60_000;
const QUIET_MS = 30_000;

/** What a liar makes of an honest core's effects. */
type Lie = (peer: WorldPeer, effect: TreeEffect) => TreeEffect[];

const LIES: Readonly<Record<string, Lie>> = {
  refusesAll: (_, effect) =>
    effect.type === 'accept'
      ? [{ type: 'refuse', peerId: effect.peerId, reason: 'full', retryAfterMs: 0 }]
      : [effect],
  claimsSlots: (_, effect) => {
    if (effect.type === 'report' && effect.offer)
      return [{ ...effect, offer: { ...effect.offer, freeSlots: 500 } }];
    if (effect.type !== 'advertise') return [effect];
    return [{ ...effect, state: { ...effect.state, freeSlots: 500, slots: 500, subtreeSlots: 5_000 } }];
  },
  claimsNearness: (peer, effect) => {
    if (effect.type !== 'advertise') return [effect];
    const path = encodePath([shortId(peer.world.channel), shortId(peer.id)]);
    return [{ ...effect, state: { ...effect.state, depth: 1, path, delayMs: 0 } }];
  },
  claimsDepth: (_, effect) =>
    effect.type === 'advertise' ? [{ ...effect, state: { ...effect.state, depth: 1 } }] : [effect],
  replaysEpochs: (_, effect) =>
    effect.type === 'advertise' ? [{ ...effect, state: { ...effect.state, epoch: EPOCH - 100 } }] : [effect],
};

export class Churn {
  readonly world: TreeWorld;
  readonly #random: () => number;
  readonly #most: number;
  readonly #liars = new Set<WorldPeer>();

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.#most = 10 + this.#below(31);
    this.world = new TreeWorld({ seed, latencyMs: 5 + this.#below(60) });
    this.world.streamer({ maxChildren: 8 });
    for (let i = 0; i < this.#most / 2; i++) this.#join();
  }

  get honest(): WorldPeer[] {
    return this.world.peers.filter((peer) => peer.isAlive && !this.#liars.has(peer));
  }

  run(check: () => void): void {
    const until = this.world.now + CHURN_MS;
    while (this.world.now < until) {
      this.world.advance(this.#below(2_000));
      check();
      this.#happen();
    }
    this.world.cut(() => false);
    this.world.advance(QUIET_MS);
    check();
  }

  #happen(): void {
    const viewers = this.world.peers.filter(({ isAlive, number }) => isAlive && number > 0);
    const one = viewers[this.#below(viewers.length)];
    const what = this.#random();
    if (what < 0.5 || one === undefined) {
      if (viewers.length < this.#most) this.#join();
    } else if (what < 0.7) this.world.crash(one);
    else if (what < 0.85) this.world.leave(one);
    else if (what < 0.9) this.world.cut(() => false);
    else {
      // Two parts of the world lose each other, and find each other again with the next cut.
      const salt = this.#below(1_000);
      const side = ({ number }: WorldPeer): boolean =>
        ((number + salt) * 2_654_435_761) % 4_294_967_296 > 2_900_000_000;
      this.world.cut((a, b) => side(a) !== side(b));
    }
  }

  #join(): void {
    const isRelay = this.#random() < 0.1;
    const setup: PeerSetup = {
      kind: isRelay ? 'headless' : 'browser',
      maxChildren: this.#random() < 0.2 ? 0 : 2 + this.#below(4),
      uplinkBps: 50e6,
      isViewer: !isRelay,
    };
    const peer = this.world.join(setup);
    if (this.#random() > 0.1) return;
    this.#liars.add(peer);
    const lies = Object.values(LIES);
    const lie = lies[this.#below(lies.length + 2)];
    if (lie) peer.tamper = (effect) => lie(peer, effect);
    else peer.givenShare = this.#random() < 0.5 ? 0 : 0.5;
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }
}
