/** A short run of some targets in a test: with a fixed seed, with a random one, and over what the corpus holds. */

import { describe, expect, test } from 'vitest';
import { corpusOf } from './corpus.ts';
import { renderFailure } from './failure-file.ts';
import { replay, runFuzz } from './fuzz-run.ts';
import type { FuzzTarget } from './fuzz-target.ts';

const INPUTS = 20_000;
const LIMIT_MS = 2_500;
/** Opening a relay, minimising a failure. */
const TIMEOUT_MS = 120_000;
const FIXED_SEED = 2_026;

export function testShortRuns(targets: readonly FuzzTarget[]): void {
  const randomSeed = Math.floor(Math.random() * 2 ** 32);
  describe.each(targets)('$name', (target) => {
    test.each([FIXED_SEED, randomSeed])(
      'takes what is drawn from seed %i',
      async (seed) => {
        const { inputs, outcomes, failure } = await runFuzz(target, {
          inputs: INPUTS,
          seed,
          limitMs: LIMIT_MS,
        });
        expect(failure === null ? '' : renderFailure(failure)).toBe('');
        expect(inputs).toBeGreaterThan(0);
        // Were all refused for one reason, nothing behind the first check would have been tried.
        expect(Object.keys(outcomes).length).toBeGreaterThan(2);
      },
      TIMEOUT_MS,
    );

    const files = corpusOf([target.name]);
    for (const { name, inputs } of files) {
      test(
        `takes ${name} of the corpus`,
        async () => {
          expect(await replay(target, inputs)).toBeNull();
        },
        TIMEOUT_MS,
      );
    }
  });
}
