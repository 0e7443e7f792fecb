import { createRandom } from '@casto/core';
import { expect, test } from 'vitest';
import { Census } from '../src/census.ts';
import { FakeWorld } from './fake-world.ts';

test('depths agree with walking every path, over growth and loss', () => {
  const random = createRandom(5);
  const world = new FakeWorld();
  const census = new Census();
  world.add('streamer', -1);
  for (let round = 0; round < 30; round++) {
    for (let i = 0; i < 100; i++) world.add('viewer', random.below(world.count));
    for (let i = 0; i < 40; i++) {
      const peer = 1 + random.below(world.count - 1);
      if (random.next() < 0.5) world.of(peer).isAlive = false;
      // Downwards too, so that there are loops.
      else world.of(peer).parent = random.below(world.count);
    }
    census.take(world);
    const living = [...world.peers.keys()].filter((peer) => world.isAlive(peer));
    expect([...census.peers]).toEqual(living);
    for (const peer of census.peers) expect(census.depth(peer)).toBe(world.depth(peer) ?? -1);
    for (const loop of census.loops)
      for (const [i, peer] of loop.entries()) expect(world.parentOf(peer)).toBe(loop[(i + 1) % loop.length]);
  }
  expect(world.count).toBe(3_001);
});

test('each loop is found once, without what hangs below it', () => {
  const world = new FakeWorld();
  world.add('streamer', -1);
  world.add('viewer', 4);
  world.add('viewer', 1);
  world.add('viewer', 6);
  world.add('viewer', 2);
  world.add('viewer', 4);
  world.add('viewer', 3);
  const census = new Census();
  census.take(world);
  expect(census.loops.map((loop) => loop.toSorted((a, b) => a - b))).toEqual([
    [1, 2, 4],
    [3, 6],
  ]);
  expect(census.depth(5)).toBe(-1);
});

test('a liar above misleads all below, and not itself', () => {
  const world = new FakeWorld();
  world.add('streamer', -1);
  for (const parent of [0, 1, 2, 0]) world.add('viewer', parent);
  world.of(2).isLiar = true;
  const census = new Census();
  census.take(world);
  expect([0, 1, 2, 3, 4].map((peer) => census.isMisled(peer))).toEqual([false, false, false, true, false]);
});

test('cannot be read before it was taken', () => {
  expect(() => new Census().now).toThrow('a census must be taken');
});
