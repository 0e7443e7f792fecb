import { ABLATIONS, type CliOptions } from './cli-options.ts';
import type { Ablation, ScenarioName } from './world-view.ts';

/** One run of the simulator. */
export interface RunRequest {
  readonly viewers: number;
  readonly relays: number;
  readonly minutes: number;
  readonly seed: number;
  readonly scenario: ScenarioName;
  readonly ablation: Ablation;
  readonly tickMs: number;
}

/** Runs that differ in nothing but their seed, told as one. */
export interface RunGroup {
  readonly label: string;
  readonly requests: readonly RunRequest[];
}

const VIEWERS = 10_000;
const MINUTES = 5;
const SIZES = [1_000, 10_000, 100_000];

/** The goal table is about this many. */
const GOAL_VIEWERS = 100_000;
const GOAL_SEEDS = 5;
/** Minutes of the goal rows: half an hour of viewing tells no more than ten minutes, and a crowd is in within one. */
const GOAL_MINUTES = { steady: 10, flash: 4, exodus: 5, fault: 5 };
/** The flash row has a thousand viewers onto whom ten thousand come, where the others have a hundred thousand. */
const FLASH_SHARE = 0.11;
/** Faults without a goal of their own are shown at a tenth of the size. */
const FAULT_SHARE = 0.1;

/** Which runs the command line asks for, in their order. */
export function planRuns(options: CliOptions): RunGroup[] {
  switch (options.mode) {
    case 'run':
      return [groupOf(options, options.scenario, {})];
    case 'goals':
      return goalGroups(options);
    case 'growth':
      return (options.sizes ?? SIZES).map((viewers) =>
        groupOf(options, `${grouped(viewers)} viewers`, { viewers, scenario: 'steady' }),
      );
    case 'ablations':
      return ABLATIONS.map((ablation) => groupOf(options, ablation, { ablation }));
  }
}

function goalGroups(options: CliOptions): RunGroup[] {
  const viewers = options.viewers ?? GOAL_VIEWERS;
  const seeded = { ...options, seeds: options.seeds ?? GOAL_SEEDS };
  const group = (scenario: ScenarioName, size: number, minutes: number): RunGroup =>
    groupOf(seeded, `${scenario}, ${grouped(size)} viewers`, { scenario, viewers: size, minutes });
  const few = Math.max(1, Math.round(viewers * FAULT_SHARE));
  return [
    group('steady', viewers, GOAL_MINUTES.steady),
    group('flash', Math.max(1, Math.round(viewers * FLASH_SHARE)), GOAL_MINUTES.flash),
    group('exodus', viewers, GOAL_MINUTES.exodus),
    group('partition', few, GOAL_MINUTES.fault),
    group('liars', few, GOAL_MINUTES.fault),
    group('relay-loss', few, GOAL_MINUTES.fault),
  ];
}

interface GroupValues {
  readonly viewers?: number;
  readonly minutes?: number;
  readonly scenario?: ScenarioName;
  readonly ablation?: Ablation;
}

function groupOf(options: CliOptions, label: string, values: GroupValues): RunGroup {
  const viewers = values.viewers ?? options.viewers ?? VIEWERS;
  const requests = Array.from({ length: options.seeds ?? 1 }, (_, index) => ({
    viewers,
    relays: options.relays ?? Math.max(2, Math.round(viewers / 1000)),
    minutes: options.minutes ?? values.minutes ?? MINUTES,
    seed: options.seed + index,
    scenario: values.scenario ?? options.scenario,
    ablation: values.ablation ?? options.ablation,
    tickMs: options.tickMs,
  }));
  return { label, requests };
}

function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ' ');
}
