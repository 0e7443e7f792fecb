import { parseArgs } from 'node:util';
import type { Ablation, ScenarioName } from './world-view.ts';

export const SCENARIOS = [
  'steady',
  'flash',
  'exodus',
  'partition',
  'liars',
  'relay-loss',
  'streamer-restart',
  'chaos',
] as const satisfies readonly ScenarioName[];

export const ABLATIONS = [
  'none',
  'no-standby',
  'random-parents',
  'no-headless-relays',
  'no-preemption',
] as const satisfies readonly Ablation[];

/** Virtual time between two looks at the world. */
export const DEFAULT_TICK_MS = 1_000;

export type Mode = 'run' | 'goals' | 'growth' | 'ablations';

/** What the command line says; `null`: nothing, so that the mode's own value holds. */
export interface CliOptions {
  readonly mode: Mode;
  readonly viewers: number | null;
  readonly relays: number | null;
  readonly minutes: number | null;
  readonly seed: number;
  readonly seeds: number | null;
  readonly scenario: ScenarioName;
  readonly ablation: Ablation;
  readonly sizes: readonly number[] | null;
  readonly tickMs: number;
  readonly json: string | null;
  readonly html: string | null;
}

/** The command line cannot be understood; `message` is for the person who typed it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const HELP = `Simulates a broadcast to many viewers, with the tree's real code and a virtual clock.

  npm run simulate -- [options]                one run, or several with --seeds
  npm run simulate -- --goals [options]        the rows of the goal table, and the faults
  npm run simulate -- --growth [options]       the same at growing sizes
  npm run simulate -- --ablations [options]    without one mechanism at a time

  --viewers N      viewers that are there at once (10000); in flash a tenth is there, the others join within 10 s
  --relays N       headless relays (one per 1000 viewers, at least 2)
  --minutes M      virtual minutes, 3 or more (5); measured from 1:30 on, when all have come
  --seed N         seed of the first run (1)
  --seeds N        runs with N seeds in sequence and tells mean and worst (1; with --goals 5)
  --scenario NAME  ${SCENARIOS.join(', ')} (steady)
                   in streamer-restart the streamer is gone for 5 s and begins its next broadcast
  --ablation NAME  ${ABLATIONS.join(', ')} (none)
  --sizes N,N,...  with --growth: numbers of viewers (1000,10000,100000)
  --tick-ms N      virtual time between two looks of the checkers (1000)
  --json FILE      writes all figures
  --html FILE      writes a page with curves, and of a single run the tree over time
  --help           this text

Exit code 0: no rule was broken, 1: one was, 2: the command line is wrong or a file cannot be written.
`;

const MOST_VIEWERS = 1_000_000;
const MOST_RELAYS = 100_000;
const LEAST_MINUTES = 3;
const MOST_MINUTES = 24 * 60;
const MOST_SEED = 2 ** 32;
const MOST_SEEDS = 1_000;
const MOST_SIZES = 10;
const MOST_TICK_MS = 10_000;

/**
 * @returns What to do, or `'help'`.
 * @throws {UsageError} When the arguments make no sense.
 */
export function parseCli(args: readonly string[]): CliOptions | 'help' {
  const values = readFlags(args);
  if (values.help) return 'help';
  const mode = modeOf(values);
  if (mode !== 'growth' && values.sizes !== undefined) throw new UsageError('--sizes goes with --growth');
  if (mode === 'growth' && values.viewers !== undefined)
    throw new UsageError('--growth takes --sizes instead of --viewers');
  if ((mode === 'goals' || mode === 'growth') && values.scenario !== undefined)
    throw new UsageError(`--${mode} chooses the scenario itself`);
  if (mode !== 'run' && values.ablation !== undefined)
    throw new UsageError(`--ablation does not go with --${mode}`);
  return {
    mode,
    viewers: wholeOrNull('viewers', values.viewers, 1, MOST_VIEWERS),
    relays: wholeOrNull('relays', values.relays, 1, MOST_RELAYS),
    minutes: minutesOrNull(values.minutes),
    seed: wholeOrNull('seed', values.seed, 0, MOST_SEED) ?? 1,
    seeds: wholeOrNull('seeds', values.seeds, 1, MOST_SEEDS),
    scenario: oneOf('scenario', values.scenario ?? 'steady', SCENARIOS),
    ablation: oneOf('ablation', values.ablation ?? 'none', ABLATIONS),
    sizes: sizesOrNull(values.sizes),
    tickMs: wholeOrNull('tick-ms', values['tick-ms'], 1, MOST_TICK_MS) ?? DEFAULT_TICK_MS,
    json: values.json ?? null,
    html: values.html ?? null,
  };
}

interface Flags {
  readonly viewers?: string | undefined;
  readonly relays?: string | undefined;
  readonly minutes?: string | undefined;
  readonly seed?: string | undefined;
  readonly seeds?: string | undefined;
  readonly scenario?: string | undefined;
  readonly ablation?: string | undefined;
  readonly sizes?: string | undefined;
  readonly 'tick-ms'?: string | undefined;
  readonly json?: string | undefined;
  readonly html?: string | undefined;
  readonly goals: boolean;
  readonly growth: boolean;
  readonly ablations: boolean;
  readonly help: boolean;
}

function readFlags(args: readonly string[]): Flags {
  try {
    return parseArgs({
      args: [...args],
      options: {
        viewers: { type: 'string' },
        relays: { type: 'string' },
        minutes: { type: 'string' },
        seed: { type: 'string' },
        seeds: { type: 'string' },
        scenario: { type: 'string' },
        ablation: { type: 'string' },
        sizes: { type: 'string' },
        'tick-ms': { type: 'string' },
        json: { type: 'string' },
        html: { type: 'string' },
        goals: { type: 'boolean', default: false },
        growth: { type: 'boolean', default: false },
        ablations: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    // Of the explanation only the first sentence speaks of what was typed.
    const message = error instanceof Error ? error.message : String(error);
    throw new UsageError(message.split(/\. |\n/)[0] ?? message, { cause: error });
  }
}

function modeOf(flags: Flags): Mode {
  const modes = (['goals', 'growth', 'ablations'] as const).filter((mode) => flags[mode]);
  if (modes.length > 1) throw new UsageError(`--${modes.join(' and --')} exclude each other`);
  return modes[0] ?? 'run';
}

function wholeOrNull(name: string, text: string | undefined, least: number, most: number): number | null {
  return text === undefined ? null : whole(name, text, least, most);
}

function whole(name: string, text: string, least: number, most: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (value >= least && value <= most) return value;
  throw new UsageError(`--${name} is a whole number from ${least} to ${most}, not '${text}'`);
}

function minutesOrNull(text: string | undefined): number | null {
  if (text === undefined) return null;
  const value = /^\d{1,6}(\.\d{1,6})?$/.test(text) ? Number(text) : NaN;
  if (value >= LEAST_MINUTES && value <= MOST_MINUTES) return value;
  throw new UsageError(`--minutes is a number from ${LEAST_MINUTES} to ${MOST_MINUTES}, not '${text}'`);
}

function sizesOrNull(text: string | undefined): number[] | null {
  if (text === undefined) return null;
  const parts = text.split(',');
  if (parts.length > MOST_SIZES) throw new UsageError(`--sizes takes at most ${MOST_SIZES} numbers`);
  // Memory at its highest is told per run, and never falls in one process: small runs go first.
  return parts.map((part) => whole('sizes', part, 1, MOST_VIEWERS)).sort((a, b) => a - b);
}

function oneOf<T extends string>(name: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find((each) => each === text);
  if (found === undefined) throw new UsageError(`--${name} is one of ${allowed.join(', ')}, not '${text}'`);
  return found;
}
