/** PROTOCOL.md, all of the tree at once. */

import { describe, expect, test } from 'vitest';
import { MAX_DEPTH } from '../src/config.ts';
import { TREE_DEFAULTS } from '../src/tree/tree-tuning.ts';
import { Churn } from './churn.ts';

const SEEDS = Array.from({ length: 40 }, (_, i) => i + 1);

describe('a world in turmoil', () => {
  test.each(SEEDS)(
    '[J1.1, R2.1, F1.1] with seed %i is a tree that feeds everybody when peace returns',
    (seed) => {
      const churn = new Churn(seed);
      const { world } = churn;
      churn.run(() => {
        const tooDeep = churn.honest.filter(({ view }) => (view.depth ?? 0) > MAX_DEPTH);
        expect(tooDeep.map(({ number }) => number)).toEqual([]);
      });
      const honest = new Set(churn.honest.map(({ number }) => number));
      expect(world.loops).toEqual([]);
      expect(world.unfed.filter((number) => honest.has(number))).toEqual([]);
      const overfull = churn.honest.filter(({ view, children, maxChildren }) => {
        const room = view.slots + Math.ceil(view.slots * TREE_DEFAULTS.overflowShare);
        return children.filter(({ isAlive }) => isAlive).length > Math.min(room, maxChildren);
      });
      expect(overfull.map(({ number }) => number)).toEqual([]);
    },
  );
});
