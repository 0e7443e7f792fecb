import type { Mode } from './cli-options.ts';
import {
  commandFor,
  figureTable,
  goalSummaryTable,
  goalTable,
  ruleTable,
  violationLines,
  type GroupReport,
} from './report-tables.ts';
import type { RunReport } from './run.ts';
import { formatNumber, markdownTable, plainTable } from './text-table.ts';

const VIOLATIONS_SHOWN = 10;
const VIOLATIONS_SHOWN_PER_RUN = 3;

/** Kept short: the others are in the JSON. */
const GROWTH_FIGURES = [
  'depth-p50',
  'depth-p95',
  'depth-max',
  'delay-p95',
  'join-p50',
  'join-p95',
  'repair-p95',
  'fed',
  'control-payload',
  'control-wire',
  'control-wire-p95',
  'cpu-event',
  'cpu',
  'rss',
  'violations',
];

const ABLATION_FIGURES = [
  'join-p50',
  'join-p95',
  'repair-p50',
  'repair-p95',
  'standby-share',
  'interruptions',
  'disturbed-mean',
  'disturbed-p99',
  'depth-p50',
  'depth-p95',
  'depth-max',
  'delay-p95',
  'control-wire',
  'moves',
  'fed',
  'least-fed',
  'longest-hunger',
  'violations',
];

/** One run: goals, rules, figures, cost. */
export function describeRun(report: RunReport): string {
  const goals = goalTable(report);
  return paragraphs([
    commandFor(report.request),
    goals.rows.length === 0 ? '' : plainTable(goals),
    plainTable(ruleTable(report)),
    plainTable(figureTable([{ label: 'this run', runs: [report] }])),
    costOf(report),
    violationLines(report, VIOLATIONS_SHOWN).join('\n'),
  ]);
}

/** Several runs: mean and worst. Tables for the documentation are Markdown. */
export function describeGroups(groups: readonly GroupReport[], mode: Mode): string {
  const print = mode === 'run' ? plainTable : markdownTable;
  const goals = goalSummaryTable(groups);
  const figures = { run: undefined, goals: undefined, growth: GROWTH_FIGURES, ablations: ABLATION_FIGURES }[
    mode
  ];
  const runs = groups.flatMap((group) => group.runs);
  return paragraphs([
    mode === 'growth' || mode === 'ablations' || goals.rows.length === 0 ? '' : print(goals),
    print(figureTable(groups, figures)),
    runs.length > groups.length ? 'Mean, and the worst run in brackets.' : '',
    ...runs.map((run) =>
      run.checks.total === 0
        ? ''
        : [commandFor(run.request), ...violationLines(run, VIOLATIONS_SHOWN_PER_RUN)].join('\n'),
    ),
  ]);
}

/** One run of many, as soon as it is over. */
export function lineOf(report: RunReport): string {
  const { request, checks, metrics } = report;
  return [
    `${request.scenario}${request.ablation === 'none' ? '' : ` ${request.ablation}`}`,
    `${formatNumber(request.viewers, 0)} viewers`,
    `seed ${request.seed}`,
    checks.total === 0 ? 'no rule broken' : `${formatNumber(checks.total, 0)} violations`,
    `${formatNumber(metrics.fedShare * 100, 2)} % fed`,
    costOf(report),
  ].join('  ');
}

function costOf({ cost, events, hash }: RunReport): string {
  const perSecond = cost.wallS === 0 ? 0 : events / cost.wallS;
  return (
    `${formatNumber(cost.cpuS, 1)} s of CPU, ${formatNumber(cost.peakRssMb, 0)} MB at most, ` +
    `${formatNumber(events, 0)} events, ${formatNumber(perSecond, 0)} events/s, hash ${hash}`
  );
}

function paragraphs(texts: readonly string[]): string {
  return `${texts.filter((text) => text !== '').join('\n\n')}\n`;
}
