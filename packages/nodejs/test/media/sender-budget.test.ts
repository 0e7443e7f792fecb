import fc from 'fast-check';
import { createRandom } from '@casto/core';
import { describe, expect, it } from 'vitest';
import { SenderBudget } from '../../src/media/sender-budget.ts';

const MAX_BPS = 10_000_000;
const TICKS_PER_MS = 90;
const PACKET_BYTES = 500;
const STEP_MS = 10;
const ROUTER_MS = 300;

interface Line {
  /** Bits per second that the link carries. */
  capacityBps: (atMs: number) => number;
  /** What the sender would like to send. */
  wantedBps: number;
  hasSound?: boolean;
  /** Added to each arrival by whatever is not the network, in milliseconds. */
  blurMs?: (random: () => number) => number;
  /** Between the sender's clock and this one. */
  driftPpm?: number;
  /** Before a picture is sent at all. */
  encoderMs?: (atMs: number) => number;
  /** A program that does not listen to what it is told. */
  isDeaf?: boolean;
}

interface Seen {
  readonly limitBps: number;
  readonly queueMs: number;
  readonly lost: number;
  readonly cuts: number;
}

/** A sender that does as it is told, behind a link with a router's queue. */
function run(line: Line, seconds: number, seed = 1): Seen[] {
  const random = createRandom(seed);
  const budget = new SenderBudget(MAX_BPS, 0);
  const video = budget.stream('video', 90_000);
  const audio = line.hasSound === true ? budget.stream('audio', 48_000) : null;
  const seen: Seen[] = [];
  let freeAt = 0;
  let owed = 0;
  let lost = 0;
  let cuts = 0;
  let limit = budget.limitBps(0);
  const send = (now: number, bytes: number): number | null => {
    freeAt = Math.max(freeAt, now);
    if (freeAt - now > ROUTER_MS) return null;
    freeAt += (8_000 * bytes) / line.capacityBps(now);
    return freeAt + (line.blurMs?.(() => random.next()) ?? 0);
  };
  const stamp = (now: number, ticksPerMs: number): number =>
    Math.round(now * (1 + (line.driftPpm ?? 0) / 1e6) * ticksPerMs) >>> 0;
  for (let now = 0; now < seconds * 1_000; now += STEP_MS) {
    const rate = line.isDeaf === true ? line.wantedBps : Math.min(line.wantedBps, limit);
    owed += (rate * STEP_MS) / 8_000;
    const capturedAt = now - (line.encoderMs?.(now) ?? 0);
    for (; owed >= PACKET_BYTES; owed -= PACKET_BYTES) {
      const arrivedAt = send(now, PACKET_BYTES);
      if (arrivedAt === null) lost++;
      else video.packet(PACKET_BYTES, stamp(capturedAt, TICKS_PER_MS), arrivedAt);
    }
    if (audio !== null && now % 20 === 0) {
      const arrivedAt = send(now, 100);
      if (arrivedAt === null) lost++;
      else audio.packet(100, stamp(now, 48), arrivedAt);
    }
    const before = limit;
    limit = budget.limitBps(now);
    if (limit < before) cuts++;
    if (now % 1_000 === 0) seen.push({ limitBps: limit, queueMs: Math.max(0, freeAt - now), lost, cuts });
  }
  return seen;
}

describe('the budget of a sender', () => {
  it('is all that it may be while no queue stands', () => {
    const seen = run({ capacityBps: () => 5e6, wantedBps: 2e6 }, 60);
    expect(seen.every(({ limitBps }) => limitBps === MAX_BPS)).toBe(true);
  });

  it('falls to what a narrow link carries, and the queue drains', () => {
    const seen = run({ capacityBps: () => 700_000, wantedBps: 2e6 }, 60);
    const late = seen.slice(20);
    expect(Math.max(...late.map(({ limitBps }) => limitBps))).toBeLessThan(1_000_000);
    expect(Math.min(...late.map(({ limitBps }) => limitBps))).toBeGreaterThan(350_000);
    const queued = late.filter(({ queueMs }) => queueMs > 150);
    expect(queued.length).toBeLessThan(late.length / 4);
  });

  it('follows a link that gets narrow, and comes back when it gets wide again', () => {
    const capacityBps = (at: number): number => (at > 20_000 && at < 50_000 ? 600_000 : 8e6);
    const seen = run({ capacityBps, wantedBps: 2e6, hasSound: true }, 120);
    expect(seen[19]?.limitBps).toBe(MAX_BPS);
    expect(seen[40]?.limitBps).toBeLessThan(800_000);
    expect(seen.at(-1)?.limitBps).toBeGreaterThan(1_900_000);
  });

  it('does not take a busy event loop for a queue', () => {
    fc.assert(
      fc.property(fc.nat(), fc.boolean(), (seed, hasSound) => {
        // Most packets wait up to 90 ms for the loop; now and then one comes just in time.
        const blurMs = (random: () => number): number => (random() < 0.1 ? 0 : 90 * random());
        const seen = run({ capacityBps: () => 8e6, wantedBps: 1e6, hasSound, blurMs }, 20, seed);
        expect(seen.at(-1)?.cuts).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  it('does not take clocks that run apart for a queue', () => {
    for (const driftPpm of [-300, 300]) {
      const seen = run({ capacityBps: () => 8e6, wantedBps: 1e6, driftPpm }, 300);
      expect(seen.at(-1)?.cuts).toBe(0);
    }
  });

  it('asks the sound where there is any: pictures wait for their encoder too', () => {
    const encoderMs = (at: number): number => (at > 10_000 && at < 40_000 ? 200 : 0);
    const line: Line = { capacityBps: () => 8e6, wantedBps: 1e6, encoderMs };
    expect(run({ ...line, hasSound: true }, 60).at(-1)?.cuts).toBe(0);
  });

  it('gives up cutting what cutting does not help', () => {
    const encoderMs = (at: number): number => (at > 10_000 ? 200 : 0);
    const seen = run({ capacityBps: () => 8e6, wantedBps: 1e6, encoderMs }, 60);
    const { cuts = 0, limitBps = 0 } = seen.at(-1) ?? {};
    expect(cuts).toBeGreaterThan(0);
    expect(cuts).toBeLessThanOrEqual(2);
    expect(limitBps).toBeGreaterThan(1_000_000);
  });

  it('never asks for less than sound and some picture need, whatever comes', () => {
    const seen = run({ capacityBps: () => 50_000, wantedBps: 2e6, isDeaf: true }, 60);
    expect(Math.min(...seen.map(({ limitBps }) => limitBps))).toBeGreaterThanOrEqual(150_000);
  });

  it('is not moved by timestamps that jump', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(0xffffffff), { maxLength: 200 }), (timestamps) => {
        const budget = new SenderBudget(MAX_BPS, 0);
        const arrivals = budget.stream('video', 90_000);
        timestamps.forEach((timestamp, at) => {
          arrivals.packet(1_000, timestamp, at * 100);
          const limit = budget.limitBps(at * 100);
          expect(limit).toBeGreaterThan(0);
          expect(limit).toBeLessThanOrEqual(MAX_BPS);
        });
      }),
    );
  });
});
