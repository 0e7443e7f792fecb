import { accessSync, constants, statSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { HELP, parseCli, UsageError, type CliOptions } from './cli-options.ts';
import { renderGroupsPage, renderRunPage } from './html-page.ts';
import { planRuns, type RunRequest } from './plan.ts';
import { Progress, type ProgressOutput } from './progress.ts';
import { judge } from './goals.ts';
import { describeGroups, describeRun, lineOf } from './report-text.ts';
import { commandFor, type GroupReport } from './report-tables.ts';
import { runSimulation, type RunReport } from './run.ts';
import { SnapshotRecorder } from './tree-snapshot.ts';
import type { TreeSnapshot } from '../page/tree-picture.ts';
import type { Simulate } from './world-view.ts';

/** What the command line works with. */
export interface Surroundings {
  readonly simulate: Simulate;
  readonly stdout: { write(text: string): unknown };
  readonly stderr: ProgressOutput;
  /** What names of files are relative to. */
  readonly folder: string;
}

const OK = 0;
const BROKEN_RULE = 1;
const WRONG_USE = 2;

/** @returns The exit code. */
export function runCommandLine(args: readonly string[], surroundings: Surroundings): number {
  try {
    const options = parseCli(args);
    if (options === 'help') {
      surroundings.stdout.write(HELP);
      return OK;
    }
    return execute(options, surroundings);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    surroundings.stderr.write(`simulate: ${error.message}; --help tells more\n`);
    return WRONG_USE;
  }
}

function execute(options: CliOptions, surroundings: Surroundings): number {
  const json = writablePath('json', options.json, surroundings.folder);
  const html = writablePath('html', options.html, surroundings.folder);
  const plan = planRuns(options);
  const isSingle = plan.reduce((sum, group) => sum + group.requests.length, 0) === 1;
  const groups: GroupReport[] = [];
  let snapshots: readonly TreeSnapshot[] = [];
  for (const { label, requests } of plan) {
    const runs: RunReport[] = [];
    groups.push({ label, runs });
    for (const request of requests) {
      const recorder = isSingle && html !== null ? new SnapshotRecorder(request.minutes) : null;
      const report = runOne(request, recorder, surroundings);
      runs.push(report);
      snapshots = recorder?.snapshots ?? [];
      // After each run: hours of them are not lost with the last one.
      if (json !== null) writeFileSync(json, toJson(groups));
      if (!isSingle) surroundings.stderr.write(`${lineOf(report)}\n`);
    }
  }
  const [first] = groups.flatMap((group) => group.runs);
  if (first === undefined) throw new Error('a plan holds at least one run');
  surroundings.stdout.write(isSingle ? describeRun(first) : describeGroups(groups, options.mode));
  if (html !== null)
    writeFileSync(
      html,
      isSingle
        ? renderRunPage(first, snapshots)
        : renderGroupsPage(TITLES[options.mode], groups, options.mode),
    );
  return hasBrokenRule(groups, options) ? BROKEN_RULE : OK;
}

const TITLES = {
  run: 'Several seeds',
  goals: 'The goal table',
  growth: 'With the number of viewers',
  ablations: 'Without one mechanism at a time',
} as const;

function runOne(
  request: RunRequest,
  recorder: SnapshotRecorder | null,
  { simulate, stderr }: Surroundings,
): RunReport {
  const progress = new Progress(stderr, request.minutes);
  try {
    return runSimulation(simulate, request, recorder === null ? [progress] : [progress, recorder]);
  } catch (error) {
    stderr.write(`failed: ${commandFor(request)}\n`);
    throw error;
  } finally {
    progress.end();
  }
}

/** Without a mechanism rules may break: that is what is to be shown. */
function hasBrokenRule(groups: readonly GroupReport[], { mode }: CliOptions): boolean {
  return groups
    .flatMap((group) => group.runs)
    .filter((run) => mode !== 'ablations' || run.request.ablation === 'none')
    .some((run) => run.checks.total > 0);
}

/** Says before hours of simulation, not after, that there is no place for their figures. */
function writablePath(flag: string, path: string | null, folder: string): string | null {
  if (path === null) return null;
  const full = resolve(folder, path);
  try {
    accessSync(dirname(full), constants.W_OK);
    if (statSync(full, { throwIfNoEntry: false })?.isDirectory() === true) throw new Error('it is a folder');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`--${flag} cannot be written: ${reason}`, { cause: error });
  }
  return full;
}

function toJson(groups: readonly GroupReport[]): string {
  return JSON.stringify({
    version: 1,
    groups: groups.map(({ label, runs }) => ({
      label,
      runs: runs.map((run) => ({
        ...run,
        goals: judge(run.metrics, run.request.scenario).map(({ goal, value, isMet }) => ({
          id: goal.id,
          unit: goal.unit,
          prototype: goal.prototype,
          atMost: goal.atMost,
          value,
          isMet,
        })),
      })),
    })),
  });
}
