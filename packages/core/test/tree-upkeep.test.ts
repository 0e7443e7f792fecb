/** PROTOCOL.md, U: what a peer looks after, and what it can be relied on for. */

import { describe, expect, test } from 'vitest';
import { Roster } from '../src/tree/roster.ts';
import { parentCost } from '../src/tree/scores.ts';
import { TREE_DEFAULTS } from '../src/tree/tree-tuning.ts';
import { id, LonePeer, numberOf, offered, sent, START } from './lone-peer.ts';
import { TreeWorld, type WorldPeer } from './tree-world.ts';

const { upkeepMs, roster: rosterSize, freshMs } = TREE_DEFAULTS;

describe('upkeep', () => {
  /** When it recommends a child to its parent, which is part of each upkeep. */
  function upkeepTimes(seed: number): number[] {
    const peer = new LonePeer({ seed });
    peer.tell({ type: 'uplink', bps: 1e9 });
    peer.attach(2).standBy(3, 4).child(5, { slots: 3, ageS: 900 });
    const times: number[] = [];
    while (times.length < 6) {
      peer.advanceUntil((effects) => sent('recommend', effects).length > 0, 1);
      times.push(peer.now - START);
    }
    return times;
  }

  test('[U1.1] is every ten seconds and up to half of it again', () => {
    const gaps = [1, 2, 3].flatMap((seed) => upkeepTimes(seed).map((at, i, all) => at - (all[i - 1] ?? at)));
    const later = gaps.filter((gap) => gap > 0);
    expect(Math.min(...later)).toBeGreaterThanOrEqual(upkeepMs);
    expect(Math.max(...later)).toBeLessThanOrEqual(1.5 * upkeepMs + 1);
    expect(new Set(later.map(Math.round)).size).toBeGreaterThan(10);
  });
});

describe('the roster', () => {
  const numbers = (roster: Roster, now: number): number[] =>
    roster.best(now, 100, () => true).map(({ peerId }) => numberOf(peerId));

  test('[U2.1] is of at most forty, of which the dearest goes', () => {
    const roster = new Roster(TREE_DEFAULTS);
    for (let i = 0; i < rosterSize; i++) roster.learn(offered(2 + i, { delayMs: 10 * i }), START);
    roster.learn(offered(90, { delayMs: 55 }), START);
    expect(roster.size).toBe(rosterSize);
    const known = numbers(roster, START);
    expect(known).toContain(90);
    expect(known).not.toContain(2 + rosterSize - 1);
    roster.learn(offered(91, { delayMs: 10_000 }), START);
    expect(numbers(roster, START)).toEqual(known);
  });

  test('[U2.1] counts 40 ms for each half minute without news', () => {
    const kept = (delayMs: number) => {
      const roster = new Roster({ ...TREE_DEFAULTS, roster: 1 });
      roster.learn(offered(2, { delayMs: 100 }), START);
      roster.learn(offered(3, { delayMs }), START + 30_000);
      return numbers(roster, START + 30_000);
    };
    expect(kept(139)).toEqual([3]);
    expect(kept(141)).toEqual([2]);
  });

  test('[U2.1] puts the best first, with the round trip where one is known', () => {
    const roster = new Roster(TREE_DEFAULTS);
    const known = { lossShare: 0, receivedShare: 1 };
    roster.learn(offered(2), START, 10);
    roster.learn(offered(3), START);
    roster.learn(offered(4), START, 400);
    expect(numbers(roster, START)).toEqual([2, 3, 4]);
    const cost = (rttMs: number | null) => parentCost({ ...offered(2).offer, ...known, rttMs }).totalMs;
    expect(cost(10)).toBeLessThan(cost(null));
    roster.learn(offered(2, { delayMs: 51 }), START);
    expect(roster.get(id(2))?.rttMs).toBe(10);
    expect(roster.best(START, 1, () => true)).toHaveLength(1);
  });

  test('[U2.1] does not use what is a minute old, and forgets it later', () => {
    const roster = new Roster(TREE_DEFAULTS);
    roster.learn(offered(2), START);
    expect(numbers(roster, START + freshMs)).toEqual([2]);
    expect(numbers(roster, START + freshMs + 1)).toEqual([]);
    roster.expire(START + 2 * freshMs);
    expect(roster.size).toBe(1);
    roster.expire(START + 2 * freshMs + 1);
    expect(roster.size).toBe(0);
  });
});

describe('a run', () => {
  function run(seed: number): WorldPeer['effects'][] {
    const world = new TreeWorld({ seed });
    world.streamer({ maxChildren: 2 });
    const viewers = Array.from({ length: 12 }, (_, i) => world.join({ maxChildren: i % 4, uplinkBps: 20e6 }));
    world.advance(15_000);
    const [lost] = viewers;
    if (lost) world.crash(lost);
    world.advance(15_000);
    return world.peers.map(({ effects }) => effects);
  }

  test('[U3.1] is the same with the same seed and inputs', () => {
    expect(run(5)).toEqual(run(5));
  });

  test('[U3.1] is another with another seed', () => {
    expect(JSON.stringify(run(5))).not.toEqual(JSON.stringify(run(6)));
  });
});
