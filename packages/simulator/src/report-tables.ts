import { RULES, type Rule } from './checkers/violations.ts';
import { DEFAULT_TICK_MS } from './cli-options.ts';
import { FIGURES, summarise, type Figure, type Summary } from './figures.ts';
import { GOALS, judge, judgeValue, type Goal, type Unit, type Verdict } from './goals.ts';
import type { RunRequest } from './plan.ts';
import type { RunReport } from './run.ts';
import { formatClock, formatNumber, type TextTable } from './text-table.ts';

/** Runs that differ in their seed alone, and what became of them. */
export interface GroupReport {
  readonly label: string;
  readonly runs: readonly RunReport[];
}

const DECIMALS: Readonly<Record<Unit, number>> = { s: 2, hops: 0, ms: 0, '': 2, 'kb/s': 2, '%': 3 };

export function formatGoalValue(value: number | null, unit: Unit): string {
  if (value === null) return '-';
  const decimals = unit === '' && Number.isInteger(value) ? 0 : DECIMALS[unit];
  return `${formatNumber(value, decimals)} ${unit}`.trimEnd();
}

/** `met`, or by how much not; the last space does not break. */
export function formatVerdict({ value, isMet, missedBy }: Verdict): string {
  if (value === null || missedBy === null) return 'not measured';
  return isMet ? 'met' : `missed by ${Math.max(1, Math.round(missedBy * 100))}\u00a0%`;
}

/** The goals of a run's scenario against what it reached. */
export function goalTable(report: RunReport): TextTable {
  const rows = judge(report.metrics, report.request.scenario).map((verdict) => {
    const { goal, value } = verdict;
    return [
      goal.label,
      formatGoalValue(value, goal.unit),
      formatGoalValue(goal.atMost, goal.unit),
      formatVerdict(verdict),
      formatGoalValue(goal.prototype, goal.unit),
    ];
  });
  return { head: ['', 'reached', 'goal', '', 'prototype'], rows };
}

/** One goal over the runs that are held against it. */
export interface GoalSummary {
  readonly goal: Goal;
  readonly runs: number;
  readonly summary: Summary | null;
  /** Of the mean, and of the worst run. */
  readonly mean: Verdict;
  readonly worst: Verdict;
}

export function summariseGoals(groups: readonly GroupReport[]): GoalSummary[] {
  const runs = groups.flatMap((group) => group.runs);
  return GOALS.flatMap((goal) => {
    const held = runs.filter((run) => run.request.scenario === goal.scenario);
    if (held.length === 0) return [];
    const summary = summarise(
      held.map((run) => goal.measure(run.metrics)),
      'highest',
    );
    return [
      {
        goal,
        runs: held.length,
        summary,
        mean: judgeValue(goal, summary?.mean ?? null),
        worst: judgeValue(goal, summary?.worst ?? null),
      },
    ];
  });
}

/** Mean and worst of every goal over all runs that are held against it. */
export function goalSummaryTable(groups: readonly GroupReport[]): TextTable {
  const rows = summariseGoals(groups).map(({ goal, runs, summary, mean, worst }) => [
    goal.label,
    formatGoalValue(goal.prototype, goal.unit),
    formatGoalValue(goal.atMost, goal.unit),
    formatGoalValue(summary?.mean ?? null, goal.unit),
    formatVerdict(mean),
    formatGoalValue(summary?.worst ?? null, goal.unit),
    formatVerdict(worst),
    String(runs),
  ]);
  return { head: ['', 'prototype', 'goal', 'mean', '', 'worst run', '', 'runs'], rows };
}

/** All figures of all groups: one column each, the mean, and the worst behind it when there are several runs. */
export function figureTable(groups: readonly GroupReport[], ids?: readonly string[]): TextTable {
  const figures = ids === undefined ? FIGURES : FIGURES.filter((figure) => ids.includes(figure.id));
  const rows = figures
    .map((figure) => [labelOf(figure), ...groups.map((group) => formatFigure(figure, group))])
    .filter(([, ...cells]) => cells.some((cell) => cell !== '-'));
  return { head: ['', ...groups.map((group) => group.label)], rows };
}

function labelOf(figure: Figure): string {
  return figure.unit === '' ? figure.label : `${figure.label} [${figure.unit}]`;
}

function formatFigure(figure: Figure, group: GroupReport): string {
  const summary = summarise(
    group.runs.map((run) => figure.measure(run)),
    figure.worst,
  );
  if (summary === null) return '-';
  const mean = formatNumber(summary.mean, figure.decimals);
  return group.runs.length === 1 ? mean : `${mean} (${formatNumber(summary.worst, figure.decimals)})`;
}

const RULE_NAMES: Readonly<Record<Rule, string>> = {
  loop: 'no loops',
  depth: 'depth bound',
  uplink: 'no over-full uplink',
  feeding: 'every viewer fed',
  epoch: 'epoch never goes back',
  'control-traffic': 'control traffic bounded',
  wish: 'wishes can be met',
};

/** What each rule found, with what it tolerated. */
export function ruleTable({ checks }: RunReport): TextTable {
  const seconds = (ms: number): string => `${formatNumber(ms / 1000, 1)} s`;
  const tolerated: Readonly<Record<Rule, string>> = {
    loop: `${checks.transientLoops} transient, ${checks.loopsThroughLiars} through liars`,
    depth: `${checks.tooDeep} too deep, at most ${seconds(checks.longestTooDeepMs)}`,
    uplink: `${checks.overfull} over-full, at most ${seconds(checks.longestOverfullMs)}`,
    feeding: `longest without media ${seconds(checks.longestHungerMs)}`,
    epoch: '',
    'control-traffic': `highest ${formatNumber(checks.highestControlBps / 1000, 1)} kb/s`,
    wish: '',
  };
  const rows = RULES.map((rule) => [
    RULE_NAMES[rule],
    checks.byRule[rule] === 0 ? 'holds' : `broken ${formatNumber(checks.byRule[rule], 0)} times`,
    tolerated[rule],
  ]);
  return { head: ['rule', '', 'tolerated'], rows };
}

/** The seed, and the first few violations with time, peer and rule. */
export function violationLines(report: RunReport, most: number): string[] {
  const { checks, request } = report;
  if (checks.total === 0) return [];
  const lines = checks.violations
    .slice(0, most)
    .map(
      ({ at, peer, rule, detail }) =>
        `  ${formatClock(at)} (${Math.round(at)} ms) peer ${peer}, ${rule}: ${detail}`,
    );
  const more = checks.total - lines.length;
  return [
    `${checks.total} violations with seed ${request.seed}:`,
    ...lines,
    ...(more > 0 ? [`  and ${more} more`] : []),
  ];
}

/** What to type to see the run again. */
export function commandFor(request: RunRequest): string {
  const { viewers, relays, minutes, seed, scenario, ablation, tickMs } = request;
  const without = ablation === 'none' ? '' : ` --ablation ${ablation}`;
  return (
    `npm run simulate -- --viewers ${viewers} --relays ${relays} --minutes ${minutes} --seed ${seed} ` +
    `--scenario ${scenario}${without}${tickMs === DEFAULT_TICK_MS ? '' : ` --tick-ms ${tickMs}`}`
  );
}
