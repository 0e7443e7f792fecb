import { createTreePeer, type TreeTuning } from '@casto/core';
import { Arrivals, start } from './engine/arrivals.ts';
import { announce } from './engine/finding.ts';
import { PlaneLatency } from './engine/latency.ts';
import { setFed } from './engine/media.ts';
import { Population } from './engine/population.ts';
import { runWorld } from './engine/run-world.ts';
import { MEASURED_FROM_MS, Scenes, viewersAtFirst } from './engine/scenes.ts';
import { stepPeer } from './engine/stepping.ts';
import { World, type WorldOptions } from './engine/world.ts';
import type { Ablation, SimulationOptions, SimulationResult } from './world-view.ts';

/** Not the first broadcast of this streamer, so that liars have an older one to replay. */
const EPOCH = 7;

const TUNING: Readonly<Record<Ablation, Partial<TreeTuning>>> = {
  none: {},
  'no-standby': { standbys: 0 },
  'random-parents': { randomParents: true },
  'no-headless-relays': {},
  'no-preemption': { preemption: false },
};

/** A run, and its world as it is in the end. */
export interface SimulatedWorld extends SimulationResult {
  readonly world: World;
}

/** Runs one scenario to its end. The seed decides everything. */
export function simulate(options: SimulationOptions): SimulationResult {
  const { hash, events, measuredFrom, endedAt } = simulateWorld(options);
  return { hash, events, measuredFrom, endedAt };
}

/** @internal For tests and diagnosis. */
export function simulateWorld(
  options: SimulationOptions,
  createCore: WorldOptions['createCore'] = createTreePeer,
): SimulatedWorld {
  const { seed, scenario, ablation, viewers, relays, minutes, tickMs, observers } = options;
  const world = new World({ seed, latency: new PlaneLatency(), observers, createCore });
  const relaysServe = ablation !== 'no-headless-relays';
  const hasLiars = scenario === 'liars' || scenario === 'chaos';
  const population = new Population(world, { seed, tuning: TUNING[ablation], hasLiars, relaysServe });
  population.addInfrastructure(relays);
  const arrivals = new Arrivals(world, population, viewersAtFirst(scenario, viewers));
  let epoch = EPOCH;
  const scenes = new Scenes(world, arrivals, () => {
    epoch++;
    population.reviveStreamer();
    beginBroadcast(world, epoch);
    announce(world, epoch);
  });
  scenes.prepare(scenario, viewers);
  beginBroadcast(world, epoch);
  arrivals.begin(relaysServe);
  const endedAt = Math.max(minutes * 60_000, scenes.endsAt);
  const events = runWorld(world, arrivals, scenes, { endMs: endedAt, tickMs });
  return { world, hash: world.hash.text, events, measuredFrom: MEASURED_FROM_MS, endedAt };
}

function beginBroadcast(world: World, epoch: number): void {
  const { streamer } = world;
  setFed(world, streamer, true);
  start(world, streamer);
  stepPeer(world, streamer, { type: 'broadcast', epoch });
}
