import { FIGURES, summarise } from './figures.ts';
import type { GroupReport } from './report-tables.ts';
import { linearAxis, placeX, placeY, polyline, renderChart, type Axis } from './svg-chart.ts';
import { formatNumber } from './text-table.ts';

interface GrowthChart {
  readonly title: string;
  readonly yLabel: string;
  readonly decimals: number;
  readonly lines: readonly { readonly id: string; readonly className: string; readonly label: string }[];
}

const CHARTS: readonly GrowthChart[] = [
  {
    title: 'Depth',
    yLabel: 'hops',
    decimals: 1,
    lines: [
      { id: 'depth-p50', className: 'c1', label: 'p50' },
      { id: 'depth-p95', className: 'c2', label: 'p95' },
      { id: 'depth-max', className: 'c3', label: 'max' },
    ],
  },
  {
    title: 'Control traffic per peer',
    yLabel: 'kb/s',
    decimals: 2,
    lines: [
      { id: 'control-payload', className: 'c1', label: 'payload, mean' },
      { id: 'control-wire', className: 'c2', label: 'with headers, mean' },
      { id: 'control-wire-p95', className: 'c3', label: 'with headers, p95' },
    ],
  },
  {
    title: 'CPU per event',
    yLabel: 'microseconds',
    decimals: 2,
    lines: [{ id: 'cpu-event', className: 'c1', label: 'mean' }],
  },
  {
    title: 'Join',
    yLabel: 'milliseconds',
    decimals: 0,
    lines: [
      { id: 'join-p50', className: 'c1', label: 'p50' },
      { id: 'join-p95', className: 'c2', label: 'p95' },
    ],
  },
];

/** How figures grow with the number of viewers, which is drawn on a logarithmic axis. */
export function growthCharts(groups: readonly GroupReport[]): string[] {
  const sizes = groups.map((group) => group.runs[0]?.request.viewers ?? 1);
  const x: Axis = {
    label: 'viewers',
    from: Math.min(...sizes) / 1.5,
    to: Math.max(...sizes) * 1.5,
    scale: 'log',
    ticks: sizes,
    format: (value) =>
      value >= 1000 ? `${formatNumber(value / 1000, value % 1000 === 0 ? 0 : 1)}k` : String(value),
  };
  return CHARTS.map((chart) => growthChart(chart, groups, x));
}

function growthChart(chart: GrowthChart, groups: readonly GroupReport[], x: Axis): string {
  const lines = chart.lines.map((line) => ({ ...line, values: valuesOf(line.id, groups) }));
  const highest = Math.max(0, ...lines.flatMap(({ values }) => values.map((value) => value ?? 0)));
  const y = linearAxis(chart.yLabel, highest, (value) => formatNumber(value, value % 1 === 0 ? 0 : 1));
  const body = lines.map(({ className, values }) => {
    const points = values.flatMap((value, index) =>
      value === null ? [] : [[placeX(x, x.ticks[index] ?? 1), placeY(y, value)] as const],
    );
    const dots = points.map(([px, py]) => `<circle class="dot ${className}" cx="${px}" cy="${py}" r="3.5"/>`);
    return polyline(className, points) + dots.join('');
  });
  const text = (index: number): string =>
    lines.map(({ label, values }) => `${label} ${formatNumber(values[index], chart.decimals)}`).join(', ');
  return renderChart({
    title: chart.title,
    alt: `${chart.title} by number of viewers. ${groups.map(({ label }, index) => `${label}: ${text(index)}`).join('; ')}.`,
    x,
    y,
    body: body.join(''),
    legend: lines.map(({ className, label }) => ({ className, label })),
    readouts: groups.map(({ label }, index) => ({
      x: placeX(x, x.ticks[index] ?? 1),
      text: `${label}: ${text(index)}`,
    })),
  });
}

function valuesOf(id: string, groups: readonly GroupReport[]): (number | null)[] {
  const figure = FIGURES.find((each) => each.id === id);
  if (figure === undefined) throw new Error(`there is no figure called ${id}`);
  return groups.map(
    (group) =>
      summarise(
        group.runs.map((run) => figure.measure(run)),
        figure.worst,
      )?.mean ?? null,
  );
}
