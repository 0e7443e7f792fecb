import { describe, expect, test } from 'vitest';
import { ViewerBudget, type SinkLimit, type ViewerLook } from '../../src/media/viewer-budget.ts';

const SECOND = 1_000;

class Link {
  readonly budget = new ViewerBudget();
  now = 0;
  limit: SinkLimit = { maxTemporalLayer: 3, isClosed: false };

  /** The viewer reports once a second for so long. */
  reports(seconds: number, seen: Partial<ViewerLook> = {}): SinkLimit {
    for (let i = 0; i < seconds; i++) {
      this.now += SECOND;
      this.limit = this.budget.look({ fractionLost: 0, roundTripMs: 40, ...seen }, this.now) ?? this.limit;
    }
    return this.limit;
  }
}

const ALL = { maxTemporalLayer: 3, isClosed: false };

describe('the link to a viewer', () => {
  test('carries everything while nothing says otherwise', () => {
    expect(new Link().reports(600)).toEqual(ALL);
    expect(new Link().reports(60, { roundTripMs: null })).toEqual(ALL);
    expect(new Link().reports(60, { fractionLost: 0.05 })).toEqual(ALL);
  });

  const slow = {
    'loses packets': { fractionLost: 0.15 },
    'takes longer and longer': { roundTripMs: 600 },
    'does both': { fractionLost: 0.12, roundTripMs: 900 },
  };
  test.each(Object.entries(slow))('that %s gets less step by step, and then no video', (_, seen) => {
    const link = new Link();
    link.reports(10);
    const seenLimits = new Set<string>();
    for (let i = 0; i < 10; i++) seenLimits.add(JSON.stringify(link.reports(1, seen)));
    expect([...seenLimits].map((text): unknown => JSON.parse(text))).toEqual([
      ALL,
      { maxTemporalLayer: 1, isClosed: false },
      { maxTemporalLayer: 0, isClosed: false },
      { maxTemporalLayer: 0, isClosed: true },
    ]);
  });

  test('is not judged by one report', () => {
    const link = new Link();
    link.reports(10);
    expect(link.reports(1, { fractionLost: 0.2 })).toEqual(ALL);
    expect(link.reports(1)).toEqual(ALL);
    expect(link.reports(1, { fractionLost: 0.5 })).toEqual({ maxTemporalLayer: 1, isClosed: false });
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
