import { describe, expect, test } from 'vitest';
import { NO_LIMIT, ViewerBudget, type SinkLimit, type ViewerLook } from '../../src/media/viewer-budget.ts';

const SECOND = 1_000;

class Link {
  readonly budget = new ViewerBudget();
  now = 0;
  limit: SinkLimit = NO_LIMIT;
  /** Without a queue. */
  roundTripMs = 40;

  /** The viewer reports once a second for so long. */
  reports(seconds: number, seen: Partial<ViewerLook> = {}): SinkLimit {
    const { roundTripMs = this.roundTripMs } = seen;
    for (let i = 0; i < seconds; i++) {
      this.now += SECOND;
      this.limit = this.budget.look({ fractionLost: 0, ...seen, roundTripMs }, this.now) ?? this.limit;
    }
    return this.limit;
  }
}

const ALL = NO_LIMIT;

describe('the link to a viewer', () => {
  test('carries everything while nothing says otherwise', () => {
    expect(new Link().reports(600)).toEqual(ALL);
    expect(new Link().reports(60, { roundTripMs: null })).toEqual(ALL);
    expect(new Link().reports(60, { fractionLost: 0.05 })).toEqual(ALL);
  });

  const slow: Record<string, (second: number) => Partial<ViewerLook>> = {
    'loses packets': () => ({ fractionLost: 0.15 }),
    'takes longer and longer': (second) => ({ roundTripMs: 600 + 100 * second }),
    'does both': () => ({ fractionLost: 0.12, roundTripMs: 900 }),
  };
  test.each(Object.entries(slow))('that %s gets less step by step, and then no video', (_, seen) => {
    const link = new Link();
    link.reports(10);
    const seenLimits = new Set<string>();
    for (let second = 0; second < 10; second++) seenLimits.add(JSON.stringify(link.reports(1, seen(second))));
    expect([...seenLimits].map((text): unknown => JSON.parse(text))).toEqual([
      ALL,
      { ...ALL, maxTemporalLayer: 1 },
      { ...ALL, maxTemporalLayer: 0 },
      { ...ALL, maxTemporalLayer: 0, isClosed: true },
    ]);
  });

  test('is not judged by one report', () => {
    const link = new Link();
    link.reports(10);
    expect(link.reports(1, { fractionLost: 0.2 })).toEqual(ALL);
    expect(link.reports(1)).toEqual(ALL);
    expect(link.reports(1, { fractionLost: 0.5 })).toEqual({ ...ALL, maxTemporalLayer: 1 });
  });

  test('is tried with more after it was clean, and ever later when that was in vain', () => {
    const link = new Link();
    link.reports(10);
    link.reports(2, { fractionLost: 0.2 });
    expect(link.reports(4).maxTemporalLayer).toBe(1);
    expect(link.reports(2)).toEqual(ALL);
    link.reports(2, { fractionLost: 0.2 });
    expect(link.reports(9).maxTemporalLayer).toBe(1);
    expect(link.reports(2)).toEqual(ALL);
  });

  const lower = { layer: 0, hasLower: true };

  test('goes to a lower layer when temporal layers are left out, and there begins with all of them', () => {
    const link = new Link();
    link.reports(10);
    expect(link.reports(4, { fractionLost: 0.2, ...lower })).toEqual({ ...ALL, maxTemporalLayer: 0 });
    expect(link.reports(2, { fractionLost: 0.2, ...lower })).toEqual({ ...ALL, bestLayer: 1 });
    expect(link.reports(6, { fractionLost: 0.2, layer: 1, hasLower: true })).toEqual({
      ...ALL,
      bestLayer: 2,
    });
    expect(link.reports(8, { fractionLost: 0.2, layer: 2 })).toMatchObject({ bestLayer: 2, isClosed: true });
  });

  test('goes to a lower layer at once where there are no temporal layers', () => {
    const link = new Link();
    link.reports(10, { topTemporalLayer: 0 });
    expect(link.reports(2, { fractionLost: 0.2, topTemporalLayer: 0, ...lower })).toEqual({
      ...ALL,
      bestLayer: 1,
    });
  });

  test('that is on a lower layer than its link demands goes below that one', () => {
    const link = new Link();
    link.reports(10);
    const seen = { fractionLost: 0.5, topTemporalLayer: 0, layer: 1, hasLower: true };
    expect(link.reports(1, seen).bestLayer).toBe(2);
  });

  test('comes back to a higher layer over half of its pictures, and not above the one that was asked for', () => {
    const link = new Link();
    link.reports(10);
    link.reports(6, { fractionLost: 0.2, ...lower });
    const seen = { layer: 1, hasLower: true };
    expect(link.reports(4, seen)).toEqual({ ...ALL, bestLayer: 1 });
    expect(link.reports(600, { ...seen, asked: 1 })).toEqual({ ...ALL, bestLayer: 1 });
    expect(link.reports(2, seen)).toEqual({ ...ALL, maxTemporalLayer: 1 });
    expect(link.reports(6, lower)).toEqual(ALL);
  });

  test('that fails at a higher layer waits longer before it tries again', () => {
    const link = new Link();
    const bad = { fractionLost: 0.5, topTemporalLayer: 0, ...lower };
    const good = { topTemporalLayer: 0, layer: 1, hasLower: true };
    link.reports(10, good);
    const waits: number[] = [];
    for (let attempt = 0; attempt < 5; attempt += 1) {
      expect(link.reports(1, bad).bestLayer).toBe(1);
      let waited = 0;
      while (link.reports(1, good).bestLayer > 0) waited += 1;
      waits.push(waited);
    }
    expect(waits).toEqual([4, 9, 19, 39, 59]);
  });

  test('that has become longer gets its pictures back, because less of them makes it no shorter', () => {
    const link = new Link();
    link.reports(10);
    link.roundTripMs = 700;
    const limits = Array.from({ length: 20 }, () => link.reports(1));
    expect(limits[5]).toEqual({ ...ALL, maxTemporalLayer: 0 });
    expect(limits.some(({ isClosed }) => isClosed)).toBe(false);
    expect(limits.at(-1)).toEqual(ALL);
    expect(link.reports(600)).toEqual(ALL);
  });

  test('that has become longer gets its pictures back where they have one layer alone', () => {
    const link = new Link();
    const seen = { topTemporalLayer: 0 };
    link.reports(10, seen);
    link.roundTripMs = 700;
    expect(link.reports(10, seen).isClosed).toBe(true);
    expect(link.reports(10, seen).isClosed).toBe(false);
    expect(link.reports(600, seen)).toEqual(ALL);
  });

  test('that is longer, and not by much, goes up again after a minute', () => {
    const link = new Link();
    link.reports(10);
    link.reports(4, { fractionLost: 0.2 });
    link.roundTripMs = 240;
    expect(link.reports(50)).toEqual({ ...ALL, maxTemporalLayer: 0 });
    expect(link.reports(30)).toEqual(ALL);
  });

  test('has a queue again when it becomes longer than it came to be', () => {
    const link = new Link();
    link.reports(10);
    link.roundTripMs = 700;
    link.reports(60);
    expect(link.reports(2, { roundTripMs: 1_200 })).toEqual({ ...ALL, maxTemporalLayer: 1 });
    link.roundTripMs = 40;
    link.reports(60);
    expect(link.reports(2, { roundTripMs: 600 })).toEqual({ ...ALL, maxTemporalLayer: 1 });
  });

  test('with a queue that drains when nothing is sent stays closed until it is gone', () => {
    const link = new Link();
    link.reports(10);
    const growing = Array.from({ length: 10 }, (_, second) => 600 + 300 * second);
    for (const roundTripMs of growing) link.reports(1, { roundTripMs });
    expect(link.limit.isClosed).toBe(true);
    const draining = Array.from({ length: 12 }, (_, second) => 3_300 - 250 * second);
    for (const roundTripMs of draining) expect(link.reports(1, { roundTripMs }).isClosed).toBe(true);
    expect(link.reports(4).isClosed).toBe(true);
    expect(link.reports(2).isClosed).toBe(false);
  });

  test('goes up all the way, one step after the other', () => {
    const link = new Link();
    link.reports(10);
    expect(link.reports(20, { fractionLost: 0.2 }).isClosed).toBe(true);
    const seen = Array.from({ length: 120 }, () => link.reports(1));
    expect(seen.at(-1)).toEqual(ALL);
    const steps = seen.map(({ maxTemporalLayer, isClosed }) => (isClosed ? -1 : maxTemporalLayer));
    expect(steps).toEqual(steps.toSorted((a, b) => a - b));
  });
});
