/** The two counters that keep input within bounds. */

import { describe, expect, test } from 'vitest';
import { refusalCounter, tokenBucket } from '../src/index.ts';

describe('a token bucket', () => {
  test('allows a burst, then its rate', () => {
    const bucket = tokenBucket(10, 3);
    const taken = (now: number, tries: number): number =>
      Array.from({ length: tries }, () => bucket.take(now)).filter(Boolean).length;

    expect(taken(0, 5)).toBe(3);
    expect(taken(99, 5)).toBe(0);
    expect(taken(100, 5)).toBe(1);
    expect(taken(1_100, 20)).toBe(3);
  });

  test('allows its rate to those who try all the time', () => {
    const bucket = tokenBucket(10, 1);
    let taken = 0;
    for (let now = 0; now < 10_000; now++) if (bucket.take(now)) taken++;

    expect(taken).toBeGreaterThanOrEqual(99);
    expect(taken).toBeLessThanOrEqual(101);
  });

  test('keeps its tokens when time seems to run backwards', () => {
    const bucket = tokenBucket(1, 2);
    expect(bucket.take(10_000)).toBe(true);
    expect(bucket.take(0)).toBe(true);
    expect(bucket.take(10_000)).toBe(false);
    expect(bucket.take(11_000)).toBe(true);
  });
});

describe('a refusal counter', () => {
  test('[X1.2] counts by reason', () => {
    const counter = refusalCounter();
    counter.count('a:too-large');
    counter.count('b:too-large');
    counter.count('a:too-large');

    expect({ ...counter.counts }).toEqual({ 'a:too-large': 2, 'b:too-large': 1 });
  });

  test('[X1.2] takes no more memory than 200 counters', () => {
    const counter = refusalCounter();
    for (let i = 0; i < 1_000; i++) counter.count(`reason ${i}`);
    counter.count('reason 7');

    expect(Object.keys(counter.counts)).toHaveLength(200);
    expect(counter.counts['reason 7']).toBe(2);
  });

  test.each(['constructor', 'toString'])('counts the reason %s like any other', (reason) => {
    const counter = refusalCounter();
    counter.count(reason);
    counter.count(reason);

    expect(Object.entries(counter.counts)).toEqual([[reason, 2]]);
  });
});
