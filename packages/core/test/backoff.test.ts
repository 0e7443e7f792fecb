import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { reconnectWaitMs } from '../src/backoff.ts';

test('[L4.3] the wait doubles from 250 ms to 8 s, and half of it is drawn', () => {
  const ceilings = [250, 500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000];
  ceilings.forEach((ceiling, attempt) => {
    expect(reconnectWaitMs(attempt, 0)).toBe(ceiling / 2);
    expect(reconnectWaitMs(attempt, 0.5)).toBe(ceiling * 0.75);
  });
});

test('[L4.3] the wait is never shorter than 125 ms and never longer than 8 s', () => {
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(fc.nat(), random, (attempt, drawn) => {
      const waitMs = reconnectWaitMs(attempt, drawn);
      expect(waitMs).toBeGreaterThanOrEqual(125);
      expect(waitMs).toBeLessThanOrEqual(8_000);
    }),
  );
});
