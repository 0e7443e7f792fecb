import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createTreePeer, isPeerId, type PeerId } from '@casto/core';
import { FairRate, UplinkEstimate, type UplinkReport } from '../src/uplink-estimate.ts';

const SELF = '12D3KooWBqmp8Ve4vme4Ei5KWkDKAm7E9KwWb7JMcxFZ9rpg93Kh';
const MAX_CHILDREN = 7;

/** What the tree makes of the estimate. */
function slotsFor(
  estimate: UplinkEstimate,
  children: { relays: number; active: number; maxUplinkBps?: number },
): number {
  const tree = createTreePeer({
    self: peer(SELF),
    channel: peer(SELF),
    kind: 'browser',
    addresses: [],
    seed: 1,
    maxChildren: MAX_CHILDREN,
    isViewer: false,
    layers: 1,
  });
  const { bitrateBps } = estimate;
  if (bitrateBps !== null) tree.step(0, { type: 'bitrate', bps: bitrateBps });
  tree.step(0, { type: 'uplink', bps: estimate.bpsFor(children) });
  return tree.view(0).slots;
}

function peer(id: string): PeerId {
  if (!isPeerId(id)) throw new Error('not a PeerId');
  return id;
}

/** One child that gets 2 Mbps, looked at twice. */
function measured(report: Partial<UplinkReport>): UplinkEstimate {
  const estimate = new UplinkEstimate();
  const look = (bytesSent: number): UplinkReport => ({
    bytesSent,
    availableBps: 0,
    isLimited: false,
    isServed: true,
    ...report,
  });
  estimate.measure([look(0)], 0);
  estimate.measure([look(1_250_000)], 5_000);
  return estimate;
}

describe('the uplink of a streamer', () => {
  test('has room for one child before anything is measured', () => {
    expect(slotsFor(new UplinkEstimate(), { relays: 0, active: 0 })).toBe(1);
  });

  test('always has room for one more relay', () => {
    expect(slotsFor(new UplinkEstimate(), { relays: 1, active: 1 })).toBe(2);
    expect(slotsFor(measured({ isLimited: true }), { relays: 2, active: 2 })).toBe(3);
  });

  test('has room for more when the children it has are not held back', () => {
    expect(slotsFor(measured({}), { relays: 0, active: 1 })).toBe(3);
    expect(slotsFor(measured({}), { relays: 0, active: 2 })).toBe(5);
    expect(slotsFor(measured({ isLimited: true }), { relays: 0, active: 2 })).toBe(1);
  });

  test('is at least half of what the congestion control reports', () => {
    expect(slotsFor(measured({ isLimited: true, availableBps: 20_000_000 }), { relays: 0, active: 1 })).toBe(
      4,
    );
  });

  test('is not thought larger because of children that stand by', () => {
    const standby = { bytesSent: 0, availableBps: 90_000_000, isLimited: true, isServed: false };
    const estimate = measured({});
    const child = { bytesSent: 2_500_000, availableBps: 0, isLimited: false, isServed: true };
    estimate.measure([child, standby, standby], 10_000);
    expect(slotsFor(estimate, { relays: 0, active: 1 })).toBe(3);
    estimate.measure([standby], 15_000);
    expect(slotsFor(estimate, { relays: 0, active: 0 })).toBe(1);
  });

  test('is not thought larger because the picture stands still for a while', () => {
    const estimate = measured({});
    estimate.measure([{ bytesSent: 1_260_000, availableBps: 0, isLimited: false, isServed: true }], 10_000);
    expect(estimate.bitrateBps).toBe(1_900_000);
  });
});

describe('the uplink that the owner of a streamer allows', () => {
  test('is no place more than it carries, whatever the links prove', () => {
    const fast = measured({ availableBps: 100_000_000 });
    const slots = (maxUplinkBps: number): number => slotsFor(fast, { relays: 0, active: 3, maxUplinkBps });
    // Three children of 2 Mbps and a tenth.
    expect(slots(6_700_000)).toBe(3);
    expect(slots(6_500_000)).toBe(2);
    expect(slots(100_000_000)).toBe(MAX_CHILDREN);
  });

  test('lets one more relay in all the same, because the others watch through it', () => {
    const fast = measured({ availableBps: 100_000_000 });
    expect(slotsFor(fast, { relays: 0, active: 0, maxUplinkBps: 500_000 })).toBe(1);
    expect(slotsFor(fast, { relays: 2, active: 2, maxUplinkBps: 500_000 })).toBe(3);
  });

  test('is not thought to be there because it is allowed', () => {
    const slow = measured({ isLimited: true, availableBps: 9_000_000 });
    expect(slotsFor(slow, { relays: 0, active: 1, maxUplinkBps: 100_000_000 })).toBe(2);
  });
});

describe('the uplink of a page that knows the rate of the media', () => {
  test('has the same places at that rate, although a child got less so far', () => {
    const estimate = measured({});
    const bpsOf = (mediaBps: number): number => estimate.bpsFor({ relays: 0, active: 1, mediaBps });
    // A child that has just come got two thirds of it.
    expect(bpsOf(3_000_000)).toBeCloseTo(1.5 * bpsOf(2_000_000), 0);
    expect(bpsOf(1_000_000)).toBe(bpsOf(2_000_000));
    expect(new UplinkEstimate().bpsFor({ relays: 0, active: 0, mediaBps: 500_000 })).toBeCloseTo(
      (500_000 * 1.1 * 1.001) / 0.5,
      0,
    );
  });
});

describe('the rate that suits the children', () => {
  const LINK = { bytesSent: 0, isLimited: false, isServed: true };
  const link = (availableBps: number, changes: Partial<UplinkReport> = {}): UplinkReport => ({
    ...LINK,
    availableBps,
    ...changes,
  });
  const follow = (rate: FairRate, ...reports: UplinkReport[]): number | null => {
    rate.follow(reports);
    return rate.bps;
  };
  const of = (...estimates: number[]): number | null =>
    follow(new FairRate(), ...estimates.map((availableBps) => link(availableBps)));

  test('is not known before any link is measured', () => {
    expect(of()).toBeNull();
    expect(of(0, 0)).toBeNull();
  });

  test('leaves a part of the estimate to packets that are sent again', () => {
    expect(of(1_000_000)).toBe(850_000);
  });

  test('is that of the middle one, whatever the slowest and the fastest carry', () => {
    expect(of(2_000_000, 100_000, 9_000_000)).toBe(1_700_000);
    expect(of(2_000_000, 50_000, 2_000_000)).toBe(1_700_000);
  });

  test('is that of the faster of two', () => {
    expect(of(100_000, 2_000_000)).toBe(1_700_000);
  });

  test('leaves out links that are not measured yet', () => {
    expect(of(0, 0, 0, 3_000_000, 1_000_000, 2_000_000)).toBe(1_700_000);
  });

  test('leaves out those that stand by', () => {
    const standby = link(20_000_000, { isServed: false });
    expect(follow(new FairRate(), standby, link(1_000_000), standby)).toBe(850_000);
    expect(follow(new FairRate(), standby)).toBeNull();
  });

  test('follows a link that carries all at once, up and down', () => {
    const rate = new FairRate();
    for (const bps of [300_000, 8_000_000, 1_000_000]) expect(follow(rate, link(bps))).toBe(0.85 * bps);
  });

  test('does not rise while the middle one gets less than all, but falls', () => {
    const rate = new FairRate();
    expect(follow(rate, link(300_000))).toBe(255_000);
    expect(follow(rate, link(900_000, { isLimited: true }))).toBe(255_000);
    expect(follow(rate, link(200_000, { isLimited: true }))).toBe(170_000);
  });

  test('comes back in seconds then, and follows at once again when it has', () => {
    const rate = new FairRate();
    follow(rate, link(300_000, { isLimited: true }));
    for (let second = 0; second < 10; second++) {
      const before = rate.bps ?? 0;
      for (let look = 0; look < 2; look++) follow(rate, link(3_000_000));
      expect(rate.bps).toBeGreaterThan(1.08 * before);
      expect(rate.bps).toBeLessThan(1.13 * before);
    }
    for (let look = 0; look < 40; look++) follow(rate, link(3_000_000));
    expect(rate.bps).toBe(2_550_000);
    expect(follow(rate, link(8_000_000))).toBe(6_800_000);
  });

  test('goes down with an uplink that all of them share', () => {
    expect(of(400_000, 410_000, 390_000)).toBe(340_000);
  });

  test('is a whole number between what the slowest and the fastest carry, in whatever order they come', () => {
    const estimates = fc.array(fc.integer({ min: 1, max: 20_000_000 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(estimates, (estimates) => {
        const rate = of(...estimates) ?? Number.NaN;
        expect(Number.isInteger(rate)).toBe(true);
        expect(rate).toBeGreaterThanOrEqual(Math.floor(Math.min(...estimates) * 0.85));
        expect(rate).toBeLessThanOrEqual(Math.max(...estimates) * 0.85);
        expect(of(...estimates.toReversed())).toBe(rate);
      }),
      { numRuns: 100 },
    );
  });
});
