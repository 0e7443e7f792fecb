/** Pings, clock offsets and where a peer stands in time (K3, K4.5). */

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PING_MS, STANDBY_PING_MS } from '../src/config.ts';
import { measureClock, type ClockEstimate } from '../src/clock-offset.ts';
import { createLinkControl } from '../src/link-control.ts';
import { LinkWorld, START, timeoutsUntil, type Role } from './link-world.ts';

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

describe('pings', () => {
  test.each<Role>(['parent', 'child'])(
    '[K3.1] a %s sends five within the first second, then one every 30 s',
    (role) => {
      const world = new LinkWorld({ latencyMs: 10 });
      world.open();
      world.advance(1_000 + 2 * PING_MS);
      const sinceOpen = world.timesSent(role, 'ping').map((at) => at - START);
      expect(sinceOpen).toEqual([0, 250, 500, 750, 1_000, 1_000 + PING_MS, 1_000 + 2 * PING_MS]);
    },
  );

  test.each<Role>(['parent', 'child'])('[K3.1] a %s sends one every minute on a standby', (role) => {
    const world = new LinkWorld({ latencyMs: 10 });
    world[role].step({ type: 'standby', isStandby: true });
    world.open();
    world.advance(1_000 + 2 * STANDBY_PING_MS);
    const sinceOpen = world.timesSent(role, 'ping').map((at) => at - START);
    const later = [1_000 + STANDBY_PING_MS, 1_000 + 2 * STANDBY_PING_MS];
    expect(sinceOpen).toEqual([0, 250, 500, 750, 1_000, ...later]);
  });

  test.each<Role>(['parent', 'child'])('[K3.1] a %s pings an activated standby within 30 s', (role) => {
    const world = new LinkWorld({ latencyMs: 10 });
    world[role].step({ type: 'standby', isStandby: true });
    world.open();
    world.advance(2_000);
    world[role].step({ type: 'standby', isStandby: false });
    world.advance(2 * PING_MS);
    const sinceOpen = world.timesSent(role, 'ping').map((at) => at - START);
    expect(sinceOpen.slice(5)).toEqual([2_000 + PING_MS, 2_000 + 2 * PING_MS]);
  });

  test.each<Role>(['parent', 'child'])('[K3.1] a %s answers at once, with its own clock', (role) => {
    const control = createLinkControl(role);
    control.step(START, { type: 'opened' });
    expect(control.step(START + 7, { type: 'received', message: { type: 'ping', sentAt: 123.5 } })).toEqual([
      { type: 'send', message: { type: 'pong', sentAt: 123.5, receivedAt: START + 7 } },
    ]);
  });
});

describe('offset and round trip', () => {
  test.each([-7_200_000, -0.25, 0, 1_234.5])('[K3.2] both ends find an offset of %d ms', (childAheadMs) => {
    const world = new LinkWorld({ latencyMs: 30, childAheadMs });
    world.open();
    world.advance(2_000);
    expect(world.child.control.clock?.offsetMs).toBeCloseTo(-childAheadMs, 2);
    expect(world.parent.control.clock?.offsetMs).toBeCloseTo(childAheadMs, 2);
    expect(world.child.control.clock?.rttMs).toBeCloseTo(60, 2);
    expect(world.effectsOf('child')).toContainEqual({
      type: 'clock',
      rttMs: world.child.control.clock?.rttMs,
      offsetMs: world.child.control.clock?.offsetMs,
    });
  });

  test.each(SEEDS)('[K3.2] jitter costs at most half of the best round trip (seed %i)', (seed) => {
    const world = new LinkWorld({ latencyMs: 20, jitterMs: 80, childAheadMs: 500, seed });
    world.open();
    world.advance(40_000);
    const { clock } = world.child.control;
    if (clock === null) throw new Error(`seed ${seed}: no clock`);
    expect(clock.rttMs, `seed ${seed}`).toBeGreaterThanOrEqual(40);
    expect(Math.abs(clock.offsetMs + 500), `seed ${seed}`).toBeLessThanOrEqual((clock.rttMs - 40) / 2 + 1e-3);
  });

  test('[K3.2] of the last eight the one with the shortest round trip counts', () => {
    const trips = fc.array(
      fc.record({
        thereMs: fc.double({ min: 0, max: 500, noNaN: true }),
        backMs: fc.double({ min: 0, max: 500, noNaN: true }),
      }),
      { minLength: 1, maxLength: 30 },
    );
    fc.assert(
      fc.property(trips, fc.integer({ min: -1_000_000, max: 1_000_000 }), (pings, offset) => {
        let estimate: ClockEstimate | null = null;
        pings.forEach(({ thereMs, backMs }, i) => {
          const sentAt = START + i * 1_000;
          const receivedAt = sentAt + thereMs + offset;
          estimate = measureClock(estimate, { sentAt, receivedAt, now: sentAt + thereMs + backMs });
        });
        const best = Math.min(...pings.slice(-8).map(({ thereMs, backMs }) => thereMs + backMs));
        const found: ClockEstimate | null = estimate;
        expect(found).not.toBeNull();
        expect(rttOf(found)).toBeCloseTo(best, 2);
        expect(Math.abs(offsetOf(found) - offset)).toBeLessThanOrEqual(best / 2 + 1e-3);
      }),
    );
  });

  test('[K3.2] a short round trip counts for seven pings more, not for eight', () => {
    const pings = [10, ...Array.from({ length: 8 }, () => 90)];
    const rtts: (number | undefined)[] = [];
    let estimate: ClockEstimate | null = null;
    for (const rttMs of pings) {
      estimate = measureClock(estimate, { sentAt: START, receivedAt: START, now: START + rttMs });
      rtts.push(estimate?.rttMs);
    }
    expect(rtts).toEqual([10, 10, 10, 10, 10, 10, 10, 10, 90]);
  });

  test('[K3.2] an estimate is not changed by the next one', () => {
    const first = measureClock(null, { sentAt: 0, receivedAt: 5, now: 10 });
    const before = structuredCopy(first);
    measureClock(first, { sentAt: 20, receivedAt: 21, now: 22 });
    expect(first).toEqual(before);
  });
});

describe('pongs that count for nothing', () => {
  test('[K3.3] one that answers no ping, which would choose its own round trip', () => {
    const control = createLinkControl('child');
    control.step(START, { type: 'opened' });
    const claim = { type: 'pong', sentAt: START + 40, receivedAt: 0 } as const;
    expect(control.step(START + 40, { type: 'received', message: claim })).toEqual([]);
    expect(control.clock).toBeNull();
  });

  test('[K3.3] one that comes twice', () => {
    const control = createLinkControl('child');
    control.step(START, { type: 'opened' });
    const pong = { type: 'pong', sentAt: START, receivedAt: START } as const;
    expect(control.step(START + 30, { type: 'received', message: pong })).toHaveLength(1);
    expect(control.step(START + 40, { type: 'received', message: pong })).toEqual([]);
  });

  test('[K3.3] one that answers a ping older than the last eight', () => {
    const control = createLinkControl('parent');
    control.step(START, { type: 'standby', isStandby: true });
    control.step(START, { type: 'opened' });
    const ninth = START + 1_000 + 4 * STANDBY_PING_MS;
    timeoutsUntil(control, ninth);
    const first = { type: 'pong', sentAt: START, receivedAt: START } as const;
    const second = { type: 'pong', sentAt: START + 250, receivedAt: START } as const;
    // As by a clock that was set back, or the first would be refused for its round trip alone.
    const back = START + 30_000;
    expect(control.step(back, { type: 'received', message: first })).toEqual([]);
    expect(control.step(back, { type: 'received', message: second })).toHaveLength(1);
  });

  test.each([
    ['a minute', START - 60_000],
    ['less than nothing', START + 1],
    ['no number', Number.NaN],
  ])('[K3.3] one with a round trip of %s', (_, sentAt) => {
    expect(measureClock(null, { sentAt, receivedAt: START, now: START })).toBeNull();
    const estimate = measureClock(null, { sentAt: START - 10, receivedAt: START, now: START });
    expect(measureClock(estimate, { sentAt, receivedAt: START, now: START })).toBe(estimate);
  });

  test('[K3.3] a round trip just below a minute does count', () => {
    expect(measureClock(null, { sentAt: START - 59_999, receivedAt: START, now: START })?.rttMs).toBe(59_999);
  });
});

function rttOf(estimate: ClockEstimate | null): number {
  return estimate?.rttMs ?? Number.NaN;
}

function offsetOf(estimate: ClockEstimate | null): number {
  return estimate?.offsetMs ?? Number.NaN;
}

function structuredCopy(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
