import { describe, expect, test } from 'vitest';
import { observe } from '../src/census.ts';
import { Checkers } from '../src/checkers.ts';
import { CHECK_LIMITS } from '../src/checkers/limits.ts';
import type { WorldEvent } from '../src/world-view.ts';
import { FakeWorld } from './fake-world.ts';

const STREAMER = 0;

/** A world under the eyes of the checkers. */
function watchedWorld() {
  const world = new FakeWorld();
  const checkers = new Checkers();
  const observer = observe([checkers]);
  world.add('streamer', -1);
  return {
    world,
    /** Lets time pass, with a tick every half second. */
    pass: (ms: number): void => {
      for (const end = world.now + ms; world.now < end;) {
        world.now += 500;
        observer.tick?.(world);
      }
    },
    tell: (event: WorldEvent): void => observer.event?.(event, world),
    report: () => checkers.report(),
    rules: () => checkers.report().violations.map(({ rule, peer }) => `${rule} ${peer}`),
  };
}

function chain(world: FakeWorld, length: number): number {
  let last = STREAMER;
  for (let i = 0; i < length; i++) last = world.add('viewer', last);
  return last;
}

test('a good world breaks no rule', () => {
  const { world, pass, report } = watchedWorld();
  const relay = world.add('relay', STREAMER, { activeChildren: 2 });
  world.add('viewer', relay);
  world.add('viewer', relay);
  world.of(STREAMER).activeChildren = 1;
  pass(120_000);
  expect(report()).toMatchObject({ total: 0, violations: [], transientLoops: 0, longestHungerMs: 0 });
});

describe('loops', () => {
  function looped(values = {}) {
    const watched = watchedWorld();
    const first = watched.world.add('viewer', -1);
    const second = watched.world.add('viewer', first, values);
    const third = watched.world.add('viewer', second);
    // Hangs below the loop, and is not part of it.
    watched.world.add('viewer', third);
    watched.world.of(first).parent = third;
    return { ...watched, first };
  }

  test('one that stays is a violation, reported once, with its time and a peer', () => {
    const { pass, report } = looped();
    pass(30_000);
    const loops = report().violations.filter(({ rule }) => rule === 'loop');
    expect(loops).toMatchObject([{ at: 2_500, peer: 1, rule: 'loop' }]);
    expect(loops[0]?.detail).toContain('3 peers');
    expect(report().transientLoops).toBe(0);
  });

  test('one that is gone within two seconds is counted as transient', () => {
    const { world, first, pass, report } = looped();
    pass(1_500);
    world.of(first).parent = STREAMER;
    pass(5_000);
    expect(report()).toMatchObject({ total: 0, transientLoops: 1 });
  });

  test('the age starts anew when the loop is another one', () => {
    const { world, first, pass, report } = looped();
    for (let i = 0; i < 10; i++) {
      pass(1_500);
      const other = world.add('viewer', world.of(first).parent);
      world.of(first).parent = other;
    }
    expect(report().byRule.loop).toBe(0);
    expect(report().transientLoops).toBe(10);
  });

  test('one that a liar is part of is counted apart', () => {
    const { pass, report } = looped({ isLiar: true });
    pass(30_000);
    expect(report()).toMatchObject({ total: 0, transientLoops: 0, loopsThroughLiars: 1 });
  });

  test('a peer that is its own parent is a loop', () => {
    const { world, pass, rules } = watchedWorld();
    world.add('viewer', 1);
    pass(3_000);
    expect(rules()).toEqual(['loop 1']);
  });
});

describe('depth', () => {
  test('twelve hops are allowed, thirteen are not for long', () => {
    const { world, pass, report, rules } = watchedWorld();
    const twelfth = chain(world, 12);
    pass(CHECK_LIMITS.depthMs + 1_000);
    expect(report().total).toBe(0);
    const thirteenth = world.add('viewer', twelfth);
    pass(1_500);
    expect(report()).toMatchObject({ total: 0, tooDeep: 1 });
    pass(CHECK_LIMITS.depthMs + 1_000);
    expect(rules()).toEqual([`depth ${thirteenth}`]);
  });

  test('below a liar nobody can know', () => {
    const { world, pass, report } = watchedWorld();
    const last = chain(world, 20);
    world.of(5).isLiar = true;
    pass(10_000);
    expect(report().total).toBe(0);
    world.of(5).isLiar = false;
    pass(CHECK_LIMITS.depthMs + 5_000);
    expect(report().byRule.depth).toBe(8);
    expect(world.depth(last)).toBe(20);
  });
});

describe('uplink', () => {
  test('over-full for longer than it takes to find out is a violation', () => {
    const { world, pass, report, rules } = watchedWorld();
    const weak = world.add('viewer', STREAMER, { uplinkBps: 4_900_000, activeChildren: 2 });
    pass(CHECK_LIMITS.uplinkMs - 1_000);
    expect(report()).toMatchObject({ total: 0, overfull: 1 });
    pass(3_000);
    expect(rules()).toEqual([`uplink ${weak}`]);
  });

  test('what just fits is no violation, nor is a short excess, nor what a liar gives away', () => {
    const { world, pass, report } = watchedWorld();
    world.add('viewer', STREAMER, { uplinkBps: 5_000_000, activeChildren: 2 });
    world.add('viewer', STREAMER, { uplinkBps: 1_000_000, activeChildren: 6, isLiar: true });
    const brief = world.add('viewer', STREAMER, { uplinkBps: 1_000_000, activeChildren: 1 });
    for (let i = 0; i < 5; i++) {
      world.of(brief).activeChildren = 1;
      pass(8_000);
      world.of(brief).activeChildren = 0;
      pass(1_000);
    }
    expect(report()).toMatchObject({ total: 0, overfull: 5 });
  });
});

describe('feeding', () => {
  test('nobody is hungry for longer than the bound', () => {
    const { world, pass, report, rules } = watchedWorld();
    world.now = 5_000;
    const hungry = world.add('viewer', -1, { hungrySince: 5_000 });
    pass(CHECK_LIMITS.hungryMs);
    expect(report()).toMatchObject({ total: 0, longestHungerMs: CHECK_LIMITS.hungryMs });
    pass(20_000);
    expect(rules()).toEqual([`feeding ${hungry}`]);
    world.of(hungry).hungrySince = null;
    pass(1_000);
    world.of(hungry).hungrySince = world.now;
    pass(20_000);
    expect(rules()).toEqual([`feeding ${hungry}`, `feeding ${hungry}`]);
  });

  test('a viewer who hangs below the dead is not attached', () => {
    const { world, pass, report } = watchedWorld();
    const dead = world.add('viewer', STREAMER);
    world.add('viewer', dead, { hungrySince: 0 });
    world.of(dead).isAlive = false;
    pass(CHECK_LIMITS.hungryMs + 1_000);
    expect(report().violations[0]?.detail).toContain('no path to the streamer');
  });

  test('while a fault is at work there is no bound, and it starts anew when it is over', () => {
    const { world, pass, tell, report } = watchedWorld();
    world.add('viewer', -1, { hungrySince: 0 });
    tell({ type: 'fault', at: 0, name: 'relay-loss', isOver: false });
    pass(40_000);
    expect(report().total).toBe(0);
    tell({ type: 'fault', at: 40_000, name: 'relay-loss', isOver: true });
    pass(CHECK_LIMITS.hungryMs);
    expect(report().total).toBe(0);
    pass(1_000);
    expect(report().byRule.feeding).toBe(1);
  });

  test('who cannot reach the streamer is not counted until he can', () => {
    const { world, pass, report } = watchedWorld();
    const cutOff = world.add('viewer', -1, { hungrySince: 0, side: 1 });
    pass(60_000);
    expect(report().total).toBe(0);
    world.of(cutOff).side = 0;
    pass(CHECK_LIMITS.hungryMs);
    expect(report().total).toBe(0);
    pass(1_000);
    expect(report().byRule.feeding).toBe(1);
  });

  test('relays without children and liars may be without media', () => {
    const { world, pass, report } = watchedWorld();
    world.add('relay', -1, { hungrySince: 0 });
    world.add('viewer', -1, { hungrySince: 0, isLiar: true });
    pass(60_000);
    expect(report()).toMatchObject({ total: 0, longestHungerMs: 0 });
  });

  test('nobody is to blame when the streamer is gone', () => {
    const { world, pass, report } = watchedWorld();
    world.add('viewer', STREAMER, { hungrySince: 0 });
    world.of(STREAMER).isAlive = false;
    pass(60_000);
    expect(report().total).toBe(0);
  });
});

test('what a core wants and nobody can do is a violation, but for liars', () => {
  const { world, tell, report } = watchedWorld();
  const viewer = world.add('viewer', STREAMER);
  const liar = world.add('viewer', STREAMER, { isLiar: true });
  for (const peer of [liar, viewer]) tell({ type: 'odd', at: 7, peer, what: 'play without a link' });
  expect(report()).toMatchObject({
    total: 1,
    byRule: { wish: 1 },
    violations: [{ at: 7, peer: viewer, rule: 'wish', detail: 'play without a link' }],
  });
});

describe('epoch', () => {
  test('whoever passes on the media of an epoch as those of the last is reported, after a while', () => {
    const { world, pass, rules } = watchedWorld();
    world.of(STREAMER).epoch = 7;
    const values = { epoch: 7, activeChildren: 1 };
    const [late, quick] = [world.add('viewer', STREAMER, values), world.add('viewer', STREAMER, values)];
    const leaf = world.add('viewer', late, { epoch: 7 });
    pass(10_000);
    world.of(STREAMER).epoch = 8;
    pass(CHECK_LIMITS.epochMs - 500);
    world.of(quick).epoch = 8;
    expect(rules()).toEqual([]);
    pass(1_000);
    expect(rules()).toEqual([`epoch ${late}`]);
    expect(world.of(leaf).epoch).toBe(7);
  });

  test('below a liar nobody can know which is the last', () => {
    const { world, pass, rules } = watchedWorld();
    world.of(STREAMER).epoch = 8;
    const liar = world.add('viewer', STREAMER, { epoch: 7, activeChildren: 1, isLiar: true });
    world.add('viewer', liar, { epoch: 7, activeChildren: 1 });
    pass(CHECK_LIMITS.epochMs + 5_000);
    expect(rules()).toEqual([]);
  });

  test('never goes back', () => {
    const { world, pass, rules } = watchedWorld();
    world.of(STREAMER).epoch = 8;
    const viewer = world.add('viewer', STREAMER, { epoch: 0 });
    const liar = world.add('viewer', STREAMER, { epoch: 8, isLiar: true });
    for (const epoch of [0, 7, 8, 8]) {
      world.of(viewer).epoch = epoch;
      pass(500);
    }
    expect(rules()).toEqual([]);
    world.of(viewer).epoch = 7;
    world.of(liar).epoch = 7;
    pass(2_000);
    expect(rules()).toEqual([`epoch ${viewer}`]);
  });

  test('is none that the streamer has not begun', () => {
    const { world, pass, report } = watchedWorld();
    world.add('viewer', STREAMER, { epoch: 2 });
    pass(2_000);
    expect(report().violations).toMatchObject([
      { rule: 'epoch', detail: 'is in epoch 2, the streamer in 1' },
    ]);
  });
});

describe('control traffic', () => {
  /** @param bps - What each viewer sends. */
  function talking(bps: readonly number[], role: 'viewer' | 'relay' = 'viewer') {
    const watched = watchedWorld();
    const peers = bps.map(() => watched.world.add(role, STREAMER));
    return {
      ...watched,
      talk: (seconds: number): void => {
        for (let i = 0; i < seconds; i++) {
          for (const [index, peer] of peers.entries())
            watched.world.of(peer).wireBytes += (bps[index] ?? 0) / 8;
          watched.pass(1_000);
        }
      },
    };
  }

  test('of one viewer is bounded over its life', () => {
    const quiet = new Array<number>(20).fill(1_000);
    const { talk, report, rules } = talking([...quiet, 101_000]);
    talk(50);
    expect(report().total).toBe(0);
    talk(30);
    expect(rules()).toEqual(['control-traffic 21']);
    expect(report().highestControlBps).toBeCloseTo(101_000, -2);
  });

  test('of all viewers is bounded on average', () => {
    const { talk, rules } = talking(new Array<number>(20).fill(25_500));
    talk(80);
    expect(rules()).toEqual(['control-traffic 0']);
  });

  test('of relays and of the streamer is their own affair', () => {
    const { talk, report } = talking([900_000], 'relay');
    talk(120);
    expect(report()).toMatchObject({ total: 0, highestControlBps: 0 });
  });
});

test('many violations are counted, and the first of them kept', () => {
  const { world, pass, report } = watchedWorld();
  for (let i = 0; i < 1_000; i++) world.add('viewer', -1, { hungrySince: 0 });
  pass(CHECK_LIMITS.hungryMs + 2_000);
  expect(report().byRule.feeding).toBe(1_000);
  expect(report().violations.length).toBe(200);
});

test('limits can be set', () => {
  const checkers = new Checkers({ hungryMs: 1_000 });
  const observer = observe([checkers]);
  const world = new FakeWorld();
  world.add('streamer', -1);
  world.add('viewer', -1, { hungrySince: 0 });
  world.now = 2_000;
  observer.tick?.(world);
  expect(checkers.report().byRule.feeding).toBe(1);
});
