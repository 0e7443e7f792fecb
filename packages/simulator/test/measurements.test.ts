import { describe, expect, test } from 'vitest';
import { observe } from '../src/census.ts';
import { Measurements } from '../src/measurements.ts';
import type { WorldEvent } from '../src/world-view.ts';
import { FakeWorld } from './fake-world.ts';

const MEASURED_FROM_MS = 10_000;

function measuredWorld() {
  const world = new FakeWorld();
  const measurements = new Measurements(MEASURED_FROM_MS);
  const observer = observe([measurements]);
  world.add('streamer', -1);
  return {
    world,
    measurements,
    pass: (seconds: number, eachSecond: () => void = () => {}): void => {
      for (let i = 0; i < seconds; i++) {
        world.now += 1_000;
        eachSecond();
        observer.tick?.(world);
      }
    },
    tell: (event: WorldEvent): void => observer.event?.(event, world),
  };
}

describe('joins and repairs', () => {
  test('count from the measured part on, by their beginning', () => {
    const { tell, measurements } = measuredWorld();
    tell({ type: 'joined', at: 10_400, peer: 1, tookMs: 401 });
    tell({ type: 'joined', at: 10_400, peer: 2, tookMs: 400 });
    tell({ type: 'joined', at: 12_000, peer: 3, tookMs: 600 });
    tell({ type: 'join-retried', at: 9_000, peer: 3 });
    tell({ type: 'join-retried', at: 11_500, peer: 3 });
    const { join, retries, retriesPerJoin } = measurements.metrics();
    expect(join).toEqual({ count: 2, mean: 500, p50: 400, p95: 600, p99: 600, max: 600 });
    expect([retries, retriesPerJoin]).toEqual([1, 0.5]);
  });

  test('are told by how they came about', () => {
    const { tell, measurements } = measuredWorld();
    for (const tookMs of [100, 200, 300])
      tell({ type: 'repaired', at: 20_000, peer: 1, tookMs, by: 'standby' });
    tell({ type: 'repaired', at: 20_000, peer: 1, tookMs: 900, by: 'search' });
    const { repair, repairByStandby, repairBySearch, standbyShare } = measurements.metrics();
    expect([repair?.count, repairByStandby?.max, repairBySearch?.p50, standbyShare]).toEqual([
      4, 300, 900, 0.75,
    ]);
  });

  test('of a flash crowd and of an exodus stand for themselves as well', () => {
    const { tell, measurements } = measuredWorld();
    tell({ type: 'fault', at: 20_000, name: 'flash', isOver: false });
    tell({ type: 'joined', at: 20_100, peer: 1, tookMs: 200 });
    tell({ type: 'joined', at: 21_000, peer: 2, tookMs: 300 });
    tell({ type: 'fault', at: 30_000, name: 'flash', isOver: true });
    tell({ type: 'joined', at: 30_400, peer: 3, tookMs: 500 });
    tell({ type: 'joined', at: 31_000, peer: 4, tookMs: 500 });
    tell({ type: 'fault', at: 40_000, name: 'exodus', isOver: false });
    tell({ type: 'fault', at: 40_001, name: 'exodus', isOver: true });
    tell({ type: 'repaired', at: 40_700, peer: 1, tookMs: 700, by: 'search' });
    tell({ type: 'repaired', at: 40_900, peer: 2, tookMs: 850, by: 'search' });
    const { flashJoin, exodusRepair, join, repair } = measurements.metrics();
    expect([flashJoin?.count, flashJoin?.max, join?.count]).toEqual([2, 500, 4]);
    expect([exodusRepair?.count, exodusRepair?.max, repair?.count]).toEqual([1, 700, 2]);
    expect(measurements.faults).toEqual([
      { name: 'flash', from: 20_000, to: 30_000 },
      { name: 'exodus', from: 40_000, to: 40_001 },
    ]);
  });

  test('that did not happen are null, not zero', () => {
    const { measurements } = measuredWorld();
    const metrics = measurements.metrics();
    expect([metrics.join, metrics.repair, metrics.standbyShare, metrics.depth, metrics.disturbed]).toEqual([
      null,
      null,
      null,
      null,
      null,
    ]);
  });
});

test('interruptions, moves and the time with media are told per hour of viewing', () => {
  const { world, pass, tell, measurements } = measuredWorld();
  for (let i = 0; i < 10; i++) world.add('viewer', 0);
  pass(10);
  world.of(1).hungrySince = 0;
  pass(360);
  tell({ type: 'moved', at: world.now, peer: 2 });
  tell({ type: 'resumed', at: world.now, peer: 1, tookMs: 250 });
  tell({ type: 'resumed', at: world.now, peer: 1, tookMs: 350 });
  const metrics = measurements.metrics();
  expect(metrics.viewerHours).toBeCloseTo(1);
  expect(metrics.interruptionsPerViewerHour).toBeCloseTo(2);
  expect(metrics.interruption?.p95).toBe(350);
  expect(metrics.movesPerViewerHour).toBeCloseTo(1);
  expect(metrics.fedShare).toBeCloseTo(0.9);
  expect(metrics.leastFedShare).toBeCloseTo(0.9);
});

test('disturbed viewers are counted per abrupt exit of a viewer', () => {
  const { world, tell, measurements } = measuredWorld();
  const viewer = world.add('viewer', 0);
  const relay = world.add('relay', 0);
  for (const disturbed of [0, 0, 0, 4])
    tell({ type: 'left', at: 20_000, peer: viewer, isAbrupt: true, disturbed });
  tell({ type: 'left', at: 20_000, peer: viewer, isAbrupt: false, disturbed: 2 });
  tell({ type: 'left', at: 20_000, peer: relay, isAbrupt: true, disturbed: 500 });
  const { disturbed, disturbedByGraceful } = measurements.metrics();
  expect(disturbed).toMatchObject({ count: 4, mean: 1, p99: 4 });
  expect(disturbedByGraceful).toBe(2);
});

test('depth and path delay are those of viewers at all ticks of the measured part', () => {
  const { world, pass, measurements } = measuredWorld();
  const relay = world.add('relay', 0, { pathDelayMs: 30 });
  const first = world.add('viewer', relay, { pathDelayMs: 100 });
  world.add('viewer', first, { pathDelayMs: 200 });
  const dead = world.add('viewer', first);
  world.add('viewer', dead, { pathDelayMs: 999 });
  world.of(dead).isAlive = false;
  pass(30);
  const { depth, pathDelay } = measurements.metrics();
  expect(depth).toMatchObject({ count: 2 * 21, mean: 2.5, p50: 2, p95: 3, max: 3 });
  expect(pathDelay).toMatchObject({ p50: 100, p95: 200 });
  expect(measurements.distributions().depth).toEqual({ from: 0, width: 1, counts: [0, 0, 21, 21] });
});

test('traffic is that of the measured part, of the dead too', () => {
  const { world, pass, measurements } = measuredWorld();
  const relay = world.add('relay', 0);
  const viewer = world.add('viewer', relay);
  const shortLived = world.add('viewer', relay);
  world.of(viewer).wireBytes = 1e9;
  const send = (): void => {
    world.of(viewer).wireBytes += 250;
    world.of(viewer).payloadBytes += 125;
    world.of(relay).wireBytes += 1_000;
    world.of(0).mediaBytes += 100;
    world.of(relay).mediaBytes += 900;
    if (world.isAlive(shortLived)) world.of(shortLived).wireBytes += 5_000;
  };
  pass(10, send);
  pass(10, send);
  Object.assign(world.of(shortLived), { isAlive: false, diedAt: world.now });
  pass(90, send);
  const { traffic } = measurements.metrics();
  // 100 s of three peers and 10 s of one.
  const bits = (250 * 100 + 1_000 * 100 + 5_000 * 10) * 8;
  expect(traffic.wireMeanKbps).toBeCloseTo(bits / 310 / 1_000);
  expect(traffic.payloadMeanKbps).toBeCloseTo((125 * 100 * 8) / 310 / 1_000);
  expect(traffic.wireP95Kbps).toBeCloseTo(8);
  expect(traffic.relayWireMeanKbps).toBeCloseTo(8);
  expect(traffic.streamerShare).toBeCloseTo(0.1);
});

test('the series has a point per second, whatever the ticks', () => {
  const world = new FakeWorld();
  const measurements = new Measurements(0);
  const observer = observe([measurements]);
  world.add('streamer', -1);
  world.add('viewer', world.add('viewer', 0));
  world.add('viewer', -1, { hungrySince: 0 });
  for (; world.now < 5_000; world.now += 100) observer.tick?.(world);
  expect(measurements.series.map(({ at }) => at)).toEqual([0, 1_000, 2_000, 3_000, 4_000]);
  expect(measurements.series.at(-1)).toEqual({
    at: 4_000,
    live: 3,
    fed: 2,
    depthP50: 1,
    depthP95: 2,
    depthMax: 2,
  });
});
