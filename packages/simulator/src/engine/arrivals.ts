/** When people come and go: a ramp, then as many arrivals as departures, and crowds. */

import { exponential, MEAN_SESSION_MS, metSessionMs, sessionMs } from './draws.ts';
import { EVENT } from './events.ts';
import { depart } from './exits.ts';
import type { Population } from './population.ts';
import type { SimPeer } from './sim-peer.ts';
import { stepPeer } from './stepping.ts';
import type { World } from './world.ts';

/** Relays start one after the other, viewers during a minute after them. */
const RELAY_EVERY_MS = 5;
const RAMP = { fromMs: 2_000, lastsMs: 60_000 } as const;
/** When all have come. */
export const RAMP_ENDS_MS = RAMP.fromMs + RAMP.lastsMs;
/** Departures without a word. */
const ABRUPT_SHARE = 0.3;

/** How somebody comes. */
const MANNER = { relay: 0, ramp: 1, steady: 2, crowd: 3 } as const;

export class Arrivals {
  readonly #world: World;
  readonly #population: Population;
  readonly #viewers: number;

  /** @param viewers - As many as there are at any time, once all have come. */
  constructor(world: World, population: Population, viewers: number) {
    this.#world = world;
    this.#population = population;
    this.#viewers = viewers;
  }

  /** Sets the arrivals of relays and of all who come by themselves. */
  begin(relaysServe: boolean): void {
    const { queue, relays } = this.#world;
    if (relaysServe) {
      relays.forEach((relay, i) => queue.add(i * RELAY_EVERY_MS, EVENT.arrive, relay.index, MANNER.relay));
    }
    for (let i = 0; i < this.#viewers; i++) {
      queue.add(RAMP.fromMs + (i * RAMP.lastsMs) / this.#viewers, EVENT.arrive, 0, MANNER.ramp);
    }
    this.#next(RAMP.fromMs + RAMP.lastsMs);
  }

  /** Sets the arrivals of a crowd. */
  crowd(viewers: number, withinMs: number): void {
    const { queue, now } = this.#world;
    for (let i = 0; i < viewers; i++) {
      queue.add(now + this.#population.draw.next() * withinMs, EVENT.arrive, 0, MANNER.crowd);
    }
  }

  arrive(index: number, manner: number): void {
    const { draw } = this.#population;
    switch (manner) {
      case MANNER.relay:
        return start(this.#world, this.#world.peer(index));
      case MANNER.ramp: {
        // Met in the middle of a session: a part of it is over.
        const lastsMs = metSessionMs(draw);
        const over = draw.next();
        return this.#come((over * lastsMs) / 1000, (1 - over) * lastsMs);
      }
      case MANNER.steady:
        this.#next(this.#world.now);
        return this.#come(0, sessionMs(draw));
      default:
        return this.#come(0, sessionMs(draw));
    }
  }

  depart(index: number): void {
    const peer = this.#world.peer(index);
    // A relay that stops in an orderly way drains first; here it goes only when it dies.
    const isAbrupt = peer.isRelay || this.#world.chance.next() < ABRUPT_SHARE;
    depart(this.#world, peer, isAbrupt ? 'abrupt' : 'graceful');
  }

  #come(ageS: number, staysMs: number): void {
    const { queue, now } = this.#world;
    const viewer = this.#population.addViewer(ageS);
    queue.add(now + staysMs, EVENT.depart, viewer.index);
    start(this.#world, viewer);
  }

  #next(from: number): void {
    const meanMs = MEAN_SESSION_MS / this.#viewers;
    const at = from + exponential(this.#population.draw, meanMs);
    this.#world.queue.add(at, EVENT.arrive, 0, MANNER.steady);
  }
}

/** A peer begins to look for its place. */
export function start(world: World, peer: SimPeer): void {
  const { traits, isStreamer, isRelay } = peer;
  if (isStreamer || isRelay) stepPeer(world, peer, { type: 'uplink', bps: traits.uplinkBps });
  if (traits.isMobile) stepPeer(world, peer, { type: 'network', network: 'mobile' });
  if (!isStreamer) stepPeer(world, peer, { type: 'start' });
}
