import { createRandom, type Random } from '@casto/core';
import type { PeerIndex, Simulate, SimulationOptions, WorldEvent } from '../src/world-view.ts';
import { FakeWorld } from './fake-world.ts';

const MEASURED_FROM_MS = 90_000;
const STEP_MS = 500;
const MEAN_STAY_MS = 300_000;
const RELAY_SLOTS = 60;
const HOP_MS = 12;

/**
 * A simulation without any tree code in it: peers come, hang themselves below somebody with a free slot, and go. It
 * tells what a real one would, so that all that watches can be tried.
 */
export const synthesise: Simulate = (options) => new Synthesis(options).run();

class Synthesis {
  readonly #options: SimulationOptions;
  readonly #random: Random;
  readonly #world = new FakeWorld();
  readonly #slots: number[] = [];
  readonly #used: number[] = [];
  readonly #leavesAt: number[] = [];
  readonly #children: PeerIndex[][] = [];
  #events = 0;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#random = createRandom(options.seed);
  }

  run(): ReturnType<Simulate> {
    const { viewers, relays, minutes, scenario, tickMs, observers } = this.#options;
    const world = this.#world;
    const endMs = minutes * 60_000;
    this.#come('streamer', 4);
    for (let i = 0; i < relays; i++) this.#come('relay', RELAY_SLOTS);
    let tickAt = 0;
    let owed = 0;
    const base = scenario === 'flash' ? viewers / 11 : viewers;
    for (; world.now <= endMs; world.now += STEP_MS) {
      const ramp = world.now >= 2_000 && world.now < 62_000 ? (base * STEP_MS) / 60_000 : 0;
      const arrivals = world.now >= 62_000 ? (base * STEP_MS) / MEAN_STAY_MS : ramp;
      const crowd =
        scenario === 'flash' && world.now >= 95_000 && world.now < 105_000 ? (base * STEP_MS) / 1_000 : 0;
      for (owed += arrivals + crowd; owed >= 1; owed--) this.#come('viewer', this.#drawSlots());
      if (scenario === 'flash' && world.now === 95_000) this.#fault('flash', false);
      if (scenario === 'flash' && world.now === 105_000) this.#fault('flash', true);
      if (scenario === 'exodus' && world.now === 110_000) this.#exodus();
      this.#feedAndGo();
      if (world.now >= tickAt) {
        tickAt += tickMs;
        for (const observer of observers) observer.tick?.(world);
      }
    }
    return {
      hash: `synthetic-${this.#events}`,
      events: this.#events,
      measuredFrom: MEASURED_FROM_MS,
      endedAt: endMs,
    };
  }

  #drawSlots(): number {
    const draw = this.#random.next();
    return draw < 0.45 ? 0 : 1 + Math.floor(this.#random.next() * 6);
  }

  #come(role: 'streamer' | 'relay' | 'viewer', slots: number): void {
    const peer = this.#world.add(role, -1, {
      hungrySince: role === 'viewer' ? this.#world.now : null,
      uplinkBps: Math.max(2_500_000, slots * 5_500_000),
    });
    this.#slots.push(slots);
    this.#used.push(0);
    this.#children.push([]);
    const stay = -Math.log(this.#random.next() + 1e-9) * MEAN_STAY_MS;
    this.#leavesAt.push(role === 'viewer' ? this.#world.now + stay : Infinity);
    if (role === 'viewer')
      this.#world.of(peer).isLiar = this.#options.scenario === 'liars' && peer % 33 === 0;
    this.#events++;
    if (role === 'streamer') return;
    if (!this.#attach(peer)) return;
    if (role === 'viewer') {
      const tookMs = 200 + this.#random.next() ** 3 * 1_000 + this.#world.of(peer).pathDelayMs * 0.3;
      this.#tell({ type: 'joined', at: this.#world.now + tookMs, peer, tookMs });
    }
  }

  /** Below the nearest to the streamer of a few that are drawn. */
  #attach(peer: PeerIndex): boolean {
    const world = this.#world;
    let best = -1;
    for (let i = 0; i < 40; i++) {
      // Those who came first are tried more often: they are the relays.
      const draw = i < 20 ? this.#random.below(Math.min(peer, 120)) : this.#random.below(peer);
      const isOpen =
        world.isAlive(draw) && draw !== peer && (this.#used[draw] ?? 0) < (this.#slots[draw] ?? 0);
      const depth = isOpen ? world.depth(draw) : null;
      if (depth !== null && depth < 12 && (best < 0 || depth < (world.depth(best) ?? 99))) best = draw;
    }
    if (best < 0) return false;
    const { pathDelayMs } = world.of(best);
    Object.assign(world.of(peer), { parent: best, hungrySince: null });
    world.of(peer).pathDelayMs = pathDelayMs + HOP_MS + 10 + this.#random.next() * 60;
    this.#used[best] = (this.#used[best] ?? 0) + 1;
    world.of(best).activeChildren++;
    this.#children[best]?.push(peer);
    return true;
  }

  #feedAndGo(): void {
    const world = this.#world;
    const last = world.count;
    for (let peer = 1; peer < last; peer++) {
      const state = world.of(peer);
      if (!state.isAlive) continue;
      state.payloadBytes += 40;
      state.wireBytes += 120;
      state.mediaBytes += (state.activeChildren * world.bitrateBps * STEP_MS) / 8_000;
      if ((this.#leavesAt[peer] ?? Infinity) <= world.now) this.#go(peer, this.#random.next() < 0.3);
      else if (state.parent < 0) this.#attach(peer);
    }
    world.of(0).mediaBytes += (world.of(0).activeChildren * world.bitrateBps * STEP_MS) / 8_000;
  }

  #go(peer: PeerIndex, isAbrupt: boolean): void {
    const world = this.#world;
    const state = world.of(peer);
    Object.assign(state, { isAlive: false, diedAt: world.now });
    this.#events++;
    if (state.parent >= 0) {
      this.#used[state.parent] = (this.#used[state.parent] ?? 0) - 1;
      world.of(state.parent).activeChildren--;
    }
    const orphans = (this.#children[peer] ?? []).filter(
      (child) => world.isAlive(child) && world.parentOf(child) === peer,
    );
    this.#tell({ type: 'left', at: world.now, peer, isAbrupt, disturbed: isAbrupt ? orphans.length : 0 });
    for (const child of orphans) {
      Object.assign(world.of(child), { parent: -1, hungrySince: world.now });
      const by = this.#random.next() < 0.8 ? ('standby' as const) : ('search' as const);
      const tookMs = by === 'standby' ? 120 + this.#random.next() * 180 : 400 + this.#random.next() * 800;
      if (!this.#attach(child) || !isAbrupt) continue;
      this.#tell({ type: 'repaired', at: world.now + tookMs, peer: child, tookMs, by });
      this.#tell({ type: 'resumed', at: world.now + tookMs, peer: child, tookMs });
    }
  }

  #exodus(): void {
    this.#fault('exodus', false);
    const last = this.#world.count;
    for (let peer = 1; peer < last; peer++) {
      if (this.#world.role(peer) === 'viewer' && this.#world.isAlive(peer) && this.#random.next() < 0.3)
        this.#go(peer, true);
    }
    this.#fault('exodus', true);
  }

  #fault(name: string, isOver: boolean): void {
    this.#tell({ type: 'fault', at: this.#world.now, name, isOver });
  }

  #tell(event: WorldEvent): void {
    this.#events++;
    for (const observer of this.#options.observers) observer.event?.(event, this.#world);
  }
}
