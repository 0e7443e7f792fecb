/** Who comes, by the thousand, without letting them do anything. */

import { expect, test } from 'vitest';
import { PlaneLatency } from '../src/engine/latency.ts';
import { LIES } from '../src/engine/lies.ts';
import { Population, type PopulationOptions } from '../src/engine/population.ts';
import type { SimPeer } from '../src/engine/sim-peer.ts';
import { World } from '../src/engine/world.ts';
import { ObedientCore } from './small-world.ts';

const VIEWERS = 8_000;
const RELAYS = 50;

function people(options: Partial<PopulationOptions> = {}): { world: World; viewers: SimPeer[] } {
  const { world, population } = channel(RELAYS, options);
  return { world, viewers: Array.from({ length: VIEWERS }, () => population.addViewer(0)) };
}

/** Streamer and relays. */
function channel(relays: number, options: Partial<PopulationOptions> = {}) {
  const createCore = (): ObedientCore => new ObedientCore();
  const world = new World({ seed: 3, latency: new PlaneLatency(), observers: [], createCore });
  const population = new Population(world, {
    seed: 3,
    tuning: {},
    hasLiars: false,
    relaysServe: true,
    ...options,
  });
  population.addInfrastructure(relays);
  return { world, population };
}

function shareOf(viewers: readonly SimPeer[], isMeant: (peer: SimPeer) => boolean): number {
  return viewers.filter(isMeant).length / viewers.length;
}

test('lines are as in the study of them, a third are mobile, and some can hardly be reached', () => {
  const { viewers } = people();

  expect(shareOf(viewers, ({ traits }) => traits.isMobile)).toBeCloseTo(0.35, 1);
  expect(shareOf(viewers, ({ traits }) => traits.reachability === 'hard')).toBeCloseTo(0.12 * 0.65, 1);
  expect(shareOf(viewers, ({ traits }) => traits.uplinkBps >= 3e6)).toBeCloseTo(0.94, 1);
  expect(shareOf(viewers, ({ traits }) => traits.uplinkBps >= 20e6)).toBeCloseTo(0.66, 1);
  const hardWithSlots = viewers.filter(
    ({ traits }) => traits.reachability === 'hard' && traits.maxChildren > 0,
  );
  expect(hardWithSlots).toEqual([]);
});

test('nearly all know the two relays that are nearest, the others any two', () => {
  const { world, viewers } = people();
  const knowsNearest = ({ contacts, index }: SimPeer): boolean => {
    const others = world.relays.filter((relay) => !contacts.includes(relay));
    const delays = (relays: readonly SimPeer[]): number[] =>
      relays.map((relay) => world.latency.delayMs(index, relay.index));
    return Math.max(...delays(contacts)) <= Math.min(...delays(others));
  };

  expect(viewers.filter(({ contacts }) => new Set(contacts).size !== 2)).toEqual([]);
  const share = shareOf(viewers, knowsNearest);
  expect(share).toBeGreaterThan(0.94);
  expect(share).toBeLessThan(0.97);
});

test('who comes to the wrong side of a cut knows relays all the same', () => {
  const { world, population } = channel(1);
  const [relay] = world.relays;
  if (relay === undefined) throw new Error('no relay');
  world.setCut([relay.traits.region]);
  const viewers = Array.from({ length: 50 }, () => population.addViewer(0));

  expect(viewers.filter((viewer) => !world.isSameSide(viewer, relay))).not.toEqual([]);
  expect(viewers.filter(({ contacts }) => !contacts.includes(relay))).toEqual([]);
});

test('three percent lie where there are liars, in all ways alike, and none is mobile or hard to reach', () => {
  const { viewers } = people({ hasLiars: true });
  const liars = viewers.filter(({ traits }) => traits.lie !== null);

  expect(liars.length / VIEWERS).toBeCloseTo(0.03, 2);
  for (const kind of LIES) {
    expect(shareOf(liars, ({ traits }) => traits.lie === kind)).toBeCloseTo(1 / LIES.length, 1);
  }
  expect(liars.filter(({ traits }) => traits.isMobile || traits.reachability === 'hard')).toEqual([]);
  const overclaimers = liars.filter(({ traits }) => traits.lie === 'overclaim');
  expect(new Set(overclaimers.map(({ traits }) => traits.uplinkBps))).toEqual(new Set([2e6]));
});

test('the honest are the same people, whether liars are among them or not', () => {
  const traitsOf = (hasLiars: boolean) => people({ hasLiars }).viewers.map(({ traits }) => traits);
  const [without, among] = [traitsOf(false), traitsOf(true)];
  const differing = among.filter((traits, i) => traits.lie === null && !sameTraits(traits, without[i]));
  expect(differing).toEqual([]);
});

function sameTraits(a: SimPeer['traits'], b: SimPeer['traits'] | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

test('the uplink of relays and streamer is just enough for their slots', () => {
  const { world } = people();
  const slots = ({ traits }: SimPeer): number => Math.floor((traits.uplinkBps * 0.5) / (2_500_000 * 1.1));
  expect(slots(world.streamer)).toBe(4);
  expect(new Set(world.relays.map(slots))).toEqual(new Set([60]));
});
