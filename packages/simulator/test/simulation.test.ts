/** Whole runs with the real core: that they can be repeated, and that what was planned happens. */

import { expect, test, vi } from 'vitest';
import { MEAN_SESSION_MS } from '../src/engine/draws.ts';
import { simulateWorld } from '../src/simulation.ts';
import type { SimulationOptions, WorldEvent } from '../src/world-view.ts';
import { ObedientCore } from './small-world.ts';

/** Runs with the real core take a second or two, and longer beside others. */
vi.setConfig({ testTimeout: 60_000 });

const OPTIONS: SimulationOptions = {
  viewers: 250,
  relays: 3,
  minutes: 2,
  seed: 11,
  scenario: 'steady',
  ablation: 'none',
  observers: [],
  tickMs: 1_000,
};

function run(options: Partial<SimulationOptions>) {
  const events: WorldEvent[] = [];
  let ticks = 0;
  const observer = { event: (event: WorldEvent) => events.push(event), tick: () => ticks++ };
  const result = simulateWorld({ ...OPTIONS, ...options, observers: [observer] });
  return { ...result, facts: events, ticks };
}

test('the same seed gives the same run, to the last event', () => {
  const [a, b] = [run({ scenario: 'chaos', viewers: 120 }), run({ scenario: 'chaos', viewers: 120 })];
  expect([a.hash, a.events]).toEqual([b.hash, b.events]);
  expect(a.facts).toEqual(b.facts);
});

test('another seed gives another run', () => {
  expect(run({ seed: 11 }).hash).not.toBe(run({ seed: 12 }).hash);
});

test('who watches, and how often, changes nothing', () => {
  const hash = simulateWorld(OPTIONS).hash;
  expect(run({ tickMs: 250 }).hash).toBe(hash);
});

test('ticks come at their instants, to the end', () => {
  const { ticks, endedAt, measuredFrom } = run({});
  expect([ticks, endedAt, measuredFrom]).toEqual([120, 120_000, 90_000]);
});

test('nearly everyone is fed when nothing happens', () => {
  const { world } = run({});
  const viewers = world.peers.filter(({ isAlive, isViewer }) => isAlive && isViewer);
  expect(viewers.length).toBeGreaterThan(220);
  expect(viewers.filter(({ isFed }) => isFed).length / viewers.length).toBeGreaterThan(0.97);
});

test('as many come as go', () => {
  expect(MEAN_SESSION_MS / 1_000).toBeCloseTo(924, 0);
  // Nobody does anything: only who is there is looked at.
  const { world } = simulateWorld({ ...OPTIONS, viewers: 5_000, minutes: 10 }, () => new ObedientCore());
  const viewers = world.peers.filter(({ isViewer }) => isViewer);

  const live = viewers.filter(({ isAlive }) => isAlive).length;
  expect(live).toBeGreaterThan(4_700);
  expect(live).toBeLessThan(5_300);
  const arrivals = viewers.length - 5_000;
  const expected = (5_000 * (600_000 - 62_000)) / MEAN_SESSION_MS;
  expect(arrivals / expected).toBeCloseTo(1, 1);
  const abrupt = viewers.filter(({ isAlive, diedAbruptly }) => !isAlive && diedAbruptly).length;
  expect(abrupt / (viewers.length - live)).toBeCloseTo(0.3, 1);
});

test.each([
  ['flash', ['ramp', 'flash']],
  ['exodus', ['ramp', 'exodus']],
  ['partition', ['ramp', 'partition']],
  ['relay-loss', ['ramp', 'relay-loss']],
  ['streamer-restart', ['ramp', 'streamer-restart']],
  ['chaos', ['ramp', 'flash', 'exodus', 'partition', 'relay-loss']],
] as const)('the faults of %s begin and end', (scenario, names) => {
  const { facts, endedAt } = run({ scenario, viewers: 100 });
  const faults = facts.filter((event) => event.type === 'fault');

  expect(faults.filter(({ isOver }) => !isOver).map(({ name }) => name)).toEqual(names);
  expect(faults.filter(({ isOver }) => isOver).map(({ name }) => name)).toEqual(names);
  for (const { at } of faults) expect(at).toBeLessThan(endedAt - 1_000);
});

test('a streamer that comes back feeds everybody in its next epoch', () => {
  const { world, facts } = run({ scenario: 'streamer-restart' });
  const [gone, back] = facts.filter((event) => event.type === 'fault' && event.name === 'streamer-restart');
  expect((back?.at ?? 0) - (gone?.at ?? 0)).toBe(5_000);
  const viewers = world.peers.filter(({ isAlive, isViewer }) => isAlive && isViewer);
  expect(viewers.filter(({ isFed }) => isFed).length / viewers.length).toBeGreaterThan(0.97);
  const serving = world.peers.filter(({ isAlive, served }) => isAlive && served > 0);
  expect(new Set(serving.map(({ epoch }) => epoch))).toEqual(new Set([8]));
});

test('a crowd is ten times those who were there', () => {
  const { world, facts } = run({ scenario: 'flash', viewers: 1_100, relays: 4 });
  const [begun, ended] = facts.filter((event) => event.type === 'fault' && event.name === 'flash');
  const came = world.peers.filter(({ bornAt }) => bornAt > (begun?.at ?? 0) && bornAt <= (ended?.at ?? 0));
  expect(came.length).toBeGreaterThanOrEqual(1_000);
  expect(came.length).toBeLessThan(1_020);
});

test('relays that only know addresses carry nothing', () => {
  const { world } = run({ ablation: 'no-headless-relays' });
  expect(world.relays.map(({ served }) => served)).toEqual([0, 0, 0]);
  expect(world.relays.some(({ directory }) => (directory?.size ?? 0) > 0)).toBe(true);
});
