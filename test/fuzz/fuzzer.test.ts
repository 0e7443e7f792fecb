/** The fuzzer itself: it finds, minimises, and gives back what can be replayed. */

import { describe, expect, test } from 'vitest';
import { createRandom } from '@casto/core';
import { mutateBytes, randomBytes } from './byte-mutations.ts';
import { readFailure, renderFailure } from './failure-file.ts';
import { inputAt, replay, runFuzz } from './fuzz-run.ts';
import { demand, type FuzzTarget } from './fuzz-target.ts';
import { packFrames, unpackFrames } from './frames.ts';
import { TARGETS } from './targets.ts';

/** Fails on a byte 0xee that comes behind an input with a byte 0xaa. */
const FAULTY: FuzzTarget = {
  name: 'faulty',
  generate: (random) => randomBytes(random, random.below(40)),
  open: () => {
    let isArmed = false;
    return {
      feed: (input) => {
        demand(!(isArmed && input.includes(0xee)), 'the rule');
        isArmed ||= input.includes(0xaa);
        return input.length > 20 ? 'long' : 'short';
      },
      close: () => {},
    };
  },
};

describe('a failure', () => {
  test('is found, and brought down to the bytes that matter', async () => {
    const { failure, inputs } = await runFuzz(FAULTY, { inputs: 10_000, seed: 1 });

    expect(failure?.error).toContain('the rule');
    expect(failure?.index).toBe(inputs - 1);
    expect(failure?.isReproduced).toBe(true);
    expect(failure?.inputs).toEqual([Uint8Array.of(0xaa), Uint8Array.of(0xee)]);
  });

  test('is written to a file that replays it', async () => {
    const { failure } = await runFuzz(FAULTY, { inputs: 10_000, seed: 2 });
    const file = readFailure(failure === null ? '' : renderFailure(failure));

    expect(file.target).toBe('faulty');
    expect(await replay(FAULTY, file.inputs)).toMatchObject({ message: 'the rule' });
    expect(await replay(FAULTY, file.inputs.slice(1))).toBeNull();
  });

  test('is also a promise that nobody looks after', async () => {
    const stray: FuzzTarget = {
      ...FAULTY,
      open: () => ({
        feed: (input) => {
          if (input.length === 7) void Promise.reject(new Error('stray'));
          return 'fed';
        },
        close: () => {},
      }),
    };
    const { failure } = await runFuzz(stray, { inputs: 2_000, seed: 3 });
    expect(failure?.error).toContain('stray');
  });

  test('is also an object that grows', async () => {
    const kept: Uint8Array[] = [];
    const growing: FuzzTarget = {
      ...FAULTY,
      open: () => ({
        feed: (input) => (kept.push(input), 'kept'),
        sizes: () => [{ name: 'kept inputs', size: kept.length, most: 500 }],
        close: () => {},
      }),
    };
    const { failure } = await runFuzz(growing, { inputs: 2_000, seed: 4 });
    expect(failure?.error).toContain('kept inputs: 1000, at most 500 are allowed');
  });

  test('is also memory that is not given back', async () => {
    const kept: Uint8Array[] = [];
    const leaking: FuzzTarget = {
      ...FAULTY,
      open: () => ({ feed: () => (kept.push(new Uint8Array(50_000)), 'kept'), close: () => {} }),
    };
    const { failure, growthBytes } = await runFuzz(leaking, { inputs: 1_000, seed: 5 });
    expect(growthBytes).toBeGreaterThan(40_000_000);
    expect(failure?.error).toContain('grew by');
  });

  test('is not what the fuzzer remembers of large inputs', async () => {
    const generous: FuzzTarget = {
      ...FAULTY,
      generate: () => new Uint8Array(100_000),
      open: () => ({ feed: () => 'fed', close: () => {} }),
    };
    const { failure, growthBytes } = await runFuzz(generous, { inputs: 1_000, seed: 6 });
    expect(failure).toBeNull();
    expect(growthBytes).toBeLessThan(4_000_000);
  });
});

test.each([...TARGETS.values()])('inputs of $name depend on seed and index alone', (target) => {
  const drawn = [0, 1, 99_999, 2 ** 21, 2 ** 21 + 1].map((index) => inputAt(target, 7, index));
  expect(drawn.map((_, i) => inputAt(target, 7, [0, 1, 99_999, 2 ** 21, 2 ** 21 + 1][i] ?? 0))).toEqual(
    drawn,
  );
  expect(new Set(drawn.map((input) => Buffer.from(input).toString('hex'))).size).toBe(drawn.length);
  expect(inputAt(target, 8, 0)).not.toEqual(drawn[0]);
});

test('damages leave the original as it was, and keep within the limit', () => {
  const random = createRandom(1);
  const original = randomBytes(random, 64);
  const copy = Uint8Array.from(original);
  for (let i = 0; i < 2_000; i++)
    expect(mutateBytes(original, random, original, 100).length).toBeLessThanOrEqual(100);
  expect(original).toEqual(copy);
});

test('frames come apart as they were put together, and cut ones do not fail', () => {
  const frames = [new Uint8Array(), Uint8Array.of(1, 2, 3), new Uint8Array(300)];
  expect(unpackFrames(packFrames(frames))).toEqual(frames);
  expect(unpackFrames(packFrames(frames).subarray(0, 20)).map(({ length }) => length)).toEqual([0, 3, 11]);
  expect(unpackFrames(Uint8Array.of(1))).toEqual([]);
});
