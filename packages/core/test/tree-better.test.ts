/** PROTOCOL.md, B: a peer that is fed looks for a better place now and then. */

import { describe, expect, test } from 'vitest';
import { TREE_DEFAULTS } from '../src/tree/tree-tuning.ts';
import { about, joins, LonePeer, offered, only, probes, standing, word } from './lone-peer.ts';
import { TreeWorld } from './tree-world.ts';

const { rebalanceMs, hysteresis, leastGainMs } = TREE_DEFAULTS;
const VIA = [21, 22, 23];

/** At depth 5, with a path of a given delay, and looking for a better parent. */
function looking(delayMs = 200, seed = 1): LonePeer {
  const peer = new LonePeer({ seed, tuning: { standbys: 0 } });
  peer.attach(2, word(2, { via: VIA, delayMs, ageS: 0 }));
  peer.looking();
  return peer;
}

/** Whom it asks when one candidate answers. */
function asked(peer: LonePeer, answer: ReturnType<typeof standing>): number[] {
  peer.found([offered(3, { depth: answer.depth })]);
  return joins(peer.probed(3, answer));
}

describe('a better parent', () => {
  test('[B1.1] is looked for every now and then', () => {
    const times = [1, 2, 3].map((seed) => {
      const peer = looking(200, seed);
      expect(peer.view.searchingFor).toBe('better');
      return peer.times('seek').at(-1) ?? 0;
    });
    expect(Math.min(...times)).toBeGreaterThanOrEqual(rebalanceMs);
    expect(Math.max(...times)).toBeLessThanOrEqual(1.5 * rebalanceMs);
    expect(new Set(times).size).toBe(3);
  });

  test('[B1.1] is looked for ever less often in vain', () => {
    const peer = looking();
    const gaps: number[] = [];
    for (let before = peer.times('seek').at(-1) ?? 0; gaps.length < 6;) {
      peer.found([]);
      peer.looking();
      const at = peer.times('seek').at(-1) ?? 0;
      gaps.push((at - before) / rebalanceMs);
      before = at;
    }
    [1, 2, 4, 8, 8, 8].forEach((times, i) => {
      expect(gaps[i]).toBeGreaterThanOrEqual(times);
      expect(gaps[i]).toBeLessThanOrEqual(1.5 * times);
    });
  });

  test('[B1.1] is not looked for near the streamer, or without a parent that is well', () => {
    const near = new LonePeer({ tuning: { standbys: 0 } }).attach(2, word(2, { via: [21] }));
    expect(only('seek', near.advance(3 * rebalanceMs))).toEqual([]);
    const left = new LonePeer({ tuning: { standbys: 0 } }).attach(2, word(2, { via: VIA }));
    left.hears(2, word(2, { via: VIA, flowing: false }));
    left.advance(2 * rebalanceMs);
    expect(left.view.searchingFor).toBe('parent');
  });

  /** Costs 0 more or less than the present parent, which costs delay + 20 + 12 + 40. */
  function cheaperBy(ms: number, delayMs: number): ReturnType<typeof standing> {
    return standing(3, { via: [31, 32], delayMs: delayMs + 8 - ms, ageS: 0 });
  }

  test('[B2.1] costs a fifth less than the way to the present one', () => {
    const delayMs = 200;
    const pathMs = delayMs + 20 + 12 + 40 + 12;
    const leastMs = (1 - hysteresis) * pathMs;
    expect(leastMs).toBeGreaterThan(leastGainMs);
    expect(asked(looking(delayMs), cheaperBy(Math.ceil(leastMs) + 1, delayMs))).toEqual([3]);
    expect(asked(looking(delayMs), cheaperBy(Math.floor(leastMs) - 1, delayMs))).toEqual([]);
  });

  test('[B2.1] costs 15 ms less where a fifth is nothing', () => {
    const near = (gainMs: number) => {
      const peer = new LonePeer({ tuning: { standbys: 0 } });
      peer.attach(2, word(2, { via: VIA, delayMs: 0, ageS: 0 }), 'headless');
      peer.measured(2, { rttMs: 0, lossShare: 0.2 });
      peer.looking();
      const { totalMs } = peer.view.parents[0]?.cost ?? { totalMs: 0 };
      const empty = standing(3, { via: [], kind: 'headless', ageS: 0, delayMs: 0 });
      peer.found([offered(3, { depth: 1, kind: 'headless' })]);
      const rttMs = 2 * (totalMs - gainMs + 60 - 1 - 16);
      return joins(peer.probed(3, empty, rttMs));
    };
    expect(near(leastGainMs + 1)).toEqual([3]);
    expect(near(leastGainMs - 1)).toEqual([]);
  });

  test('[B2.1] is moved to when it delivers, if it is still better', () => {
    const peer = looking();
    asked(peer, standing(3, { via: [31], delayMs: 0 }));
    peer.up(3, word(3, { via: [31], delayMs: 0 }));
    expect(peer.active).toEqual([2]);
    expect(about('play', peer.flowing(3))).toEqual([3]);
    const worse = looking();
    asked(worse, standing(3, { via: [31], delayMs: 0 }));
    worse.up(3, word(3, { via: [31], delayMs: 900 }));
    expect(about('play', worse.flowing(3))).toEqual([]);
    expect(worse.active).toEqual([2]);
  });

  test('[B3.1] is nearer to the streamer than the peer itself', () => {
    const same = standing(3, { via: [31, 32, 33, 34], delayMs: 0, ageS: 0 });
    expect(same.depth).toBe(5);
    const peer = looking(500);
    peer.found([offered(3, { depth: 4 }), offered(4, { depth: 5 })]);
    expect(probes(peer.done.map(({ effect }) => effect))).toEqual([3]);
    expect(joins(peer.probed(3, same))).toEqual([]);
    expect(asked(looking(500), standing(3, { via: [31, 32, 33], delayMs: 0, ageS: 0 }))).toEqual([3]);
  });

  test('[B3.1] closes no loop when many move at once', () => {
    const world = new TreeWorld({ tuning: { rebalanceMs: 1_000, hysteresis: 1, leastGainMs: 0 } });
    world.streamer({ maxChildren: 2 });
    Array.from({ length: 16 }, () => world.join({ maxChildren: 2, uplinkBps: 20e6 }));
    for (let round = 0; round < 100; round++) {
      world.advance(200);
      expect(world.loops).toEqual([]);
    }
  });
});
