/** How many processes a relay runs. */

import { availableParallelism } from 'node:os';
import { expect, test } from 'vitest';
import { defaultMaxViewers, processCount } from '../../src/processes/process-count.ts';

test('is one unless told otherwise, and one per core when that is left to it', () => {
  expect(processCount({})).toBe(1);
  expect(processCount({ processes: 3 })).toBe(3);
  expect(processCount({ processes: 'auto' })).toBe(Math.min(64, availableParallelism()));
});

test('is one where there are no children to serve', () => {
  expect(processCount({ processes: 8, maxViewers: 0 })).toBe(1);
});

test('all but the first serve six hundred viewers, and the first where it is alone', () => {
  expect([1, 2, 3, 8].map(defaultMaxViewers)).toEqual([600, 600, 1_200, 4_200]);
});
