import { distributionChart, seriesChart } from './chart-kinds.ts';
import { GOALS } from './goals.ts';
import type { RunReport } from './run.ts';

/** The curves of one run, ready for the page. */
export interface RunCharts {
  readonly overTime: readonly string[];
  readonly distributions: readonly string[];
}

export function runCharts(report: RunReport): RunCharts {
  return { overTime: overTime(report), distributions: distributions(report) };
}

function overTime({ series, faults }: RunReport): string[] {
  const share = ({ live, fed }: { live: number; fed: number }): number | null =>
    live === 0 ? null : (fed / live) * 100;
  // Before the first pictures have come nobody has media, which says nothing.
  const settled = series.slice(10).map((point) => share(point) ?? 100);
  const least = Math.min(99, ...settled);
  return [
    seriesChart({
      title: 'Viewers',
      yLabel: 'viewers',
      unit: '',
      series,
      faults,
      range: null,
      decimals: 0,
      lines: [
        { className: 'c2', label: 'in the channel', value: ({ live }) => live },
        { className: 'c1', label: 'with media', value: ({ fed }) => fed },
      ],
    }),
    seriesChart({
      title: 'Share of the viewers with media',
      yLabel: '',
      unit: ' %',
      series,
      faults,
      range: { from: Math.max(0, 100 - roundTo(100 - least)), to: 100 },
      decimals: 2,
      lines: [{ className: 'c1', label: 'with media', value: share }],
    }),
    seriesChart({
      title: 'Depth',
      yLabel: 'hops',
      unit: '',
      series,
      faults,
      range: null,
      decimals: 0,
      lines: [
        { className: 'c1', label: 'p50', value: ({ depthP50 }) => depthP50 },
        { className: 'c2', label: 'p95', value: ({ depthP95 }) => depthP95 },
        { className: 'c3', label: 'max', value: ({ depthMax }) => depthMax },
      ],
    }),
  ];
}

/** What the axis leaves out below 100 %: a number that its quarters divide. */
function roundTo(missing: number): number {
  return [1, 2, 4, 10, 20, 40, 60, 80].find((each) => each >= missing) ?? 100;
}

function distributions({ distributions: of, metrics, request }: RunReport): string[] {
  const goals = (scale: number, ids: readonly string[]): { label: string; value: number }[] =>
    GOALS.filter((goal) => ids.includes(goal.id) && goal.scenario === request.scenario).map((goal) => ({
      label: 'goal',
      value: goal.atMost * scale,
    }));
  return [
    distributionChart({
      title: 'Join, from the search to the first picture',
      unit: 'ms',
      histogram: of.join,
      quantiles: metrics.join,
      goals: goals(1000, ['join-p95', 'flash-join-p99']),
    }),
    distributionChart({
      title: 'Repair, from an abrupt exit to media again',
      unit: 'ms',
      histogram: of.repair,
      quantiles: metrics.repair,
      goals: goals(1000, ['repair-p95', 'exodus-repair-p95']),
    }),
    distributionChart({
      title: 'Depth',
      unit: 'hops',
      histogram: of.depth,
      quantiles: metrics.depth,
      goals: goals(1, ['depth-max']),
    }),
    distributionChart({
      title: 'Path delay',
      unit: 'ms',
      histogram: of.pathDelay,
      quantiles: metrics.pathDelay,
      goals: goals(1, ['path-delay-p95']),
    }),
  ];
}
