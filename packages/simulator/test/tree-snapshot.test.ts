import { createRandom } from '@casto/core';
import { describe, expect, test } from 'vitest';
import { DETACHED, IS_HUNGRY, IS_LIAR, NO_PARENT, PEER_KINDS } from '../page/tree-picture.ts';
import { Census, observe } from '../src/census.ts';
import { SnapshotRecorder, takeSnapshot } from '../src/tree-snapshot.ts';
import { FakeWorld } from './fake-world.ts';

function censusOf(world: FakeWorld): Census {
  const census = new Census();
  census.take(world);
  return census;
}

/** A streamer with four relays, viewers below them at random. */
function grownWorld(viewers: number, seed: number): FakeWorld {
  const random = createRandom(seed);
  const world = new FakeWorld();
  world.add('streamer', -1);
  for (let i = 0; i < 4; i++) world.add('relay', 0);
  for (let i = 0; i < viewers; i++)
    world.add('viewer', 1 + random.below(Math.min(world.count - 1, 40 + i / 4)), {
      pathDelayMs: 50 + i / 100,
    });
  return world;
}

describe('a small tree', () => {
  const world = new FakeWorld();
  world.add('streamer', -1);
  const relay = world.add('relay', 0, { pathDelayMs: 20 });
  const serving = world.add('viewer', relay, { pathDelayMs: 80 });
  const hungry = world.add('viewer', serving, { pathDelayMs: 120, hungrySince: 0, isLiar: true });
  const lost = world.add('viewer', -1, { hungrySince: 0 });
  const snapshot = takeSnapshot(censusOf(world), 100, ['exodus']);

  test('is drawn whole, parents first', () => {
    expect(snapshot).toMatchObject({
      viewers: 3,
      fed: 1,
      detached: 1,
      peers: 4,
      depth: 3,
      faults: ['exodus'],
    });
    expect(snapshot.ids).toEqual([0, relay, serving, hungry, lost]);
    expect(snapshot.parents).toEqual([NO_PARENT, 0, 1, 2, DETACHED]);
  });

  test('tells kinds, children, viewers below and delay', () => {
    const [streamerKind, relayKind, servingKind, viewerKind] = PEER_KINDS.keys();
    expect(snapshot.kinds).toEqual([
      streamerKind,
      relayKind,
      servingKind,
      (viewerKind ?? 0) + IS_HUNGRY + IS_LIAR,
      (viewerKind ?? 0) + IS_HUNGRY,
    ]);
    expect(snapshot.children).toEqual([1, 1, 1, 0, 0]);
    expect(snapshot.below).toEqual([2, 2, 1, 0, 0]);
    expect(snapshot.delays).toEqual([0, 20, 80, 120, 0]);
  });
});

describe('a large tree', () => {
  test('is drawn in part: the top whole, and whole branches below it', () => {
    const world = grownWorld(20_000, 3);
    const census = censusOf(world);
    const snapshot = takeSnapshot(census, 1_500);
    expect(snapshot.ids.length).toBeGreaterThan(1_300);
    expect(snapshot.ids.length).toBeLessThanOrEqual(1_500);
    const drawn = new Set(snapshot.ids);
    const children = childrenOf(world);
    const whole = Math.max(
      ...[0, 1, 2, 3].filter((depth) => levels(census, depth).every((peer) => drawn.has(peer))),
    );
    expect(whole).toBeGreaterThanOrEqual(1);
    for (const [row, peer] of snapshot.ids.entries()) {
      const parent = snapshot.parents[row] ?? 0;
      expect(parent).toBeLessThan(Math.max(1, row));
      // Below the sampled circle every child of a drawn peer is drawn.
      if (census.depth(peer) > whole)
        for (const child of children.get(peer) ?? []) expect(drawn.has(child)).toBe(true);
    }
  });

  test('keeps showing the branches that it showed before', () => {
    const world = grownWorld(20_000, 4);
    const before = takeSnapshot(censusOf(world), 1_500).ids;
    for (let i = 0; i < 300; i++) world.add('viewer', 2_000 + i);
    const after = new Set(takeSnapshot(censusOf(world), 1_500).ids);
    expect(before.filter((peer) => after.has(peer)).length).toBeGreaterThan(before.length * 0.8);
  });

  test('gives branches places that do not overlap', () => {
    const census = censusOf(grownWorld(3_000, 5));
    const { parents, angles } = takeSnapshot(census, 1_500);
    const spans = new Map<number, number[]>();
    for (const [row, parent] of parents.entries()) {
      expect(angles[row]).toBeGreaterThanOrEqual(0);
      expect(angles[row]).toBeLessThanOrEqual(3_600);
      spans.set(parent, [...(spans.get(parent) ?? []), angles[row] ?? 0]);
    }
    for (const siblings of spans.values()) expect(siblings).toEqual(siblings.toSorted((a, b) => a - b));
  });

  function levels(census: Census, depth: number): number[] {
    return [...census.peers].filter((peer) => census.depth(peer) === depth);
  }

  function childrenOf(world: FakeWorld): Map<number, number[]> {
    const children = new Map<number, number[]>();
    for (const [peer, { parent }] of world.peers.entries())
      children.set(parent, [...(children.get(parent) ?? []), peer]);
    return children;
  }
});

test('those without a path are shown up to a hundred, within the rows', () => {
  const world = grownWorld(5_000, 7);
  for (let i = 0; i < 400; i++) world.add('viewer', -1, { hungrySince: 0 });
  const snapshot = takeSnapshot(censusOf(world), 1_500);
  expect(snapshot.detached).toBe(400);
  expect(snapshot.parents.filter((parent) => parent === DETACHED).length).toBe(100);
  expect(snapshot.ids.length).toBeLessThanOrEqual(1_500);
});

test('there are at most ten pictures a minute, and few enough rows in all', () => {
  const world = grownWorld(3_000, 6);
  for (const minutes of [3, 60]) {
    const recorder = new SnapshotRecorder(minutes);
    const observer = observe([recorder]);
    for (world.now = 0; world.now <= minutes * 60_000; world.now += 1_000) observer.tick?.(world);
    expect(recorder.snapshots.length).toBeLessThanOrEqual(Math.min(61, minutes * 10 + 1));
    expect(recorder.snapshots.length).toBeGreaterThan(25);
    expect(recorder.snapshots.flatMap(({ ids }) => ids).length).toBeLessThan(95_000);
  }
});
