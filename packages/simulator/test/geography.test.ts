import { createRandom } from '@casto/core';
import { expect, test } from 'vitest';
import { PlaneLatency } from '../src/engine/latency.ts';

function placed(seed: number, peers: number): PlaneLatency {
  const plane = new PlaneLatency();
  const draw = createRandom(seed);
  for (let peer = 0; peer < peers; peer++) plane.place(peer, peer % plane.regions, draw);
  return plane;
}

test('delays are the same both ways, and for the same seed', () => {
  const [a, b, other] = [placed(1, 200), placed(1, 200), placed(2, 200)];
  let differing = 0;
  for (let peer = 1; peer < 200; peer++) {
    expect(a.delayMs(0, peer)).toBe(a.delayMs(peer, 0));
    expect(a.delayMs(0, peer)).toBe(b.delayMs(0, peer));
    if (a.delayMs(0, peer) !== other.delayMs(0, peer)) differing++;
  }
  expect(differing).toBe(199);
});

test('peers of one region are near each other, and those of the farthest are a sixth of a second apart', () => {
  const plane = placed(3, 5_000);
  const mean = (from: number, to: number): number => {
    let sum = 0;
    for (let i = 0; i < 900; i++) sum += plane.delayMs(from + 5 * i, to + 5 * (i + 1));
    return sum / 900;
  };

  // Two access lines of 2 + 6 * 0.8 ms, and about 16 ms between two points of a normal cloud.
  expect(mean(0, 0)).toBeGreaterThan(25);
  expect(mean(0, 0)).toBeLessThan(33);
  expect(mean(0, 4)).toBeGreaterThan(155);
  expect(mean(0, 4)).toBeLessThan(172);
});

test('no way is shorter than the two access lines', () => {
  const plane = placed(4, 1_000);
  for (let peer = 1; peer < 1_000; peer++) expect(plane.delayMs(peer - 1, peer)).toBeGreaterThanOrEqual(4);
});
