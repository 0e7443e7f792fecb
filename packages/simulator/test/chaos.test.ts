/** All faults one after another, with liars from the beginning: the invariants hold, whatever the seed. */

import { expect, test } from 'vitest';
import { runSimulation } from '../src/run.ts';
import { simulate } from '../src/simulation.ts';
import type { ScenarioName } from '../src/world-view.ts';

const TWO_MINUTES = 120_000;

function violationsOf(options: { viewers: number; scenario: ScenarioName; seed: number }): string[] {
  const { viewers, scenario, seed } = options;
  const { checks } = runSimulation(simulate, {
    viewers,
    relays: Math.max(3, Math.round(viewers / 1_000)),
    minutes: 3,
    seed,
    scenario,
    ablation: 'none',
    tickMs: 1_000,
  });
  return checks.violations.map(
    (each) => `seed ${seed}: ${each.rule} at ${each.at} ms, peer ${each.peer}: ${each.detail}`,
  );
}

test(
  '10 000 viewers bear a crowd, an exodus, a partition, lost relays and liars',
  { timeout: 2 * TWO_MINUTES },
  () => {
    expect(violationsOf({ viewers: 10_000, scenario: 'chaos', seed: 3 })).toEqual([]);
  },
);

test.each(['steady', 'flash', 'exodus', 'partition', 'liars', 'relay-loss'] as const)(
  '2 000 viewers bear %s',
  { timeout: TWO_MINUTES },
  (scenario) => {
    expect(violationsOf({ viewers: 2_000, scenario, seed: 11 })).toEqual([]);
  },
);
