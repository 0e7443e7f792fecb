import type { FaultSpan } from './fault-windows.ts';
import { escapeHtml } from './html-text.ts';
import type { Histogram, Quantiles } from './samples.ts';
import {
  CHART,
  linearAxis,
  marker,
  placeX,
  placeY,
  polyline,
  renderChart,
  type Axis,
  type LegendEntry,
} from './svg-chart.ts';
import { formatClock, formatNumber } from './text-table.ts';
import type { SeriesPoint } from './time-series.ts';

export interface DistributionChart {
  readonly title: string;
  readonly unit: 'ms' | 'hops';
  readonly histogram: Histogram;
  readonly quantiles: Quantiles | null;
  /** Goals to mark. */
  readonly goals: readonly { readonly label: string; readonly value: number }[];
}

/** Bars for how often, and a curve for the share that is not above. */
export function distributionChart({ title, unit, histogram, quantiles, goals }: DistributionChart): string {
  const { counts, width } = histogram;
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0 || quantiles === null) return emptyChart(title);
  const x = {
    ...linearAxis(unit === 'ms' ? 'milliseconds' : 'hops from the streamer', counts.length * width, String),
    to: counts.length * width,
  };
  const ticks = x.ticks.filter((tick) => tick <= x.to);
  const shares = counts.map((count) => (count / total) * 100);
  const y = linearAxis('% of all', Math.max(...shares), (value) =>
    formatNumber(value, value % 1 === 0 ? 0 : 1),
  );
  // Whole numbers stand in the middle of their bars.
  const middle = unit === 'hops' ? width / 2 : 0;
  const bars = shares.map((share, step) => bar(x, y, step * width, width, share));
  const summed = sumsOf(shares);
  const curve = summed.map(
    (sum, step) => [placeX(x, (step + 1) * width), placeY(y, (sum / 100) * y.to)] as const,
  );
  const marks = [
    ...goals.map(({ label, value }) => marker(x, value + middle, label, 'goal')),
    marker(x, quantiles.p50 + middle, 'p50', 'mark'),
    marker(x, quantiles.p95 + middle, 'p95', 'mark'),
  ];
  const format = (value: number): string => formatNumber(value, 0);
  return renderChart({
    title,
    alt: `Distribution of ${title}: ${quantileText(quantiles, unit)}.`,
    x: {
      ...x,
      ticks: ticks.map((tick) => tick + middle).filter((tick) => tick <= x.to),
      format: (tick) => format(tick - middle),
    },
    y,
    body: `<g>${bars.join('')}</g>${polyline('c2', [[placeX(x, 0), placeY(y, 0)], ...curve])}${rightAxis(y)}${marks.join('')}`,
    legend: [
      { className: 'c1', label: 'share' },
      { className: 'c2', label: 'share up to here (right)' },
    ],
    readouts: shares.map((share, step) => ({
      x: placeX(x, (step + 0.5) * width),
      text: `${stepName(histogram, step, unit)}: ${formatNumber(share, 2)} % (${format(counts[step] ?? 0)}), up to here ${formatNumber(summed[step] ?? 0, 1)} %`,
    })),
  });
}

function quantileText(quantiles: Quantiles, unit: string): string {
  const format = (value: number): string => `${formatNumber(value, 0)} ${unit}`;
  return `p50 ${format(quantiles.p50)}, p95 ${format(quantiles.p95)}, p99 ${format(quantiles.p99)}, longest ${format(quantiles.max)}, of ${formatNumber(quantiles.count, 0)}`;
}

interface Line {
  readonly className: string;
  readonly label: string;
  value(point: SeriesPoint): number | null;
}

export interface SeriesChart {
  readonly title: string;
  readonly yLabel: string;
  /** Behind each number that is read out. */
  readonly unit: '' | ' %';
  readonly series: readonly SeriesPoint[];
  readonly faults: readonly FaultSpan[];
  readonly lines: readonly Line[];
  /** `null`: from 0 to the highest value. */
  readonly range: { readonly from: number; readonly to: number } | null;
  readonly decimals: number;
}

/** Curves over virtual time, with the faults in their background. */
export function seriesChart(chart: SeriesChart): string {
  const { title, yLabel, unit, series, faults, lines, range, decimals } = chart;
  const last = series.at(-1);
  if (last === undefined) return emptyChart(title);
  const values = series.flatMap((point) => lines.map((line) => line.value(point) ?? 0));
  const x = {
    ...linearAxis('minutes', last.at / 60_000, (value) => formatNumber(value, value % 1 === 0 ? 0 : 1)),
    to: last.at / 60_000,
  };
  const y = range === null ? linearAxis(yLabel, Math.max(...values), compact) : between(yLabel, range);
  const curves = lines.map((line) =>
    polyline(
      line.className,
      series.flatMap((point) => {
        const value = line.value(point);
        return value === null ? [] : [[placeX(x, point.at / 60_000), placeY(y, value)] as const];
      }),
    ),
  );
  const texts = (point: SeriesPoint): string =>
    lines.map((line) => `${line.label} ${formatNumber(line.value(point), decimals)}${unit}`).join(', ');
  return renderChart({
    title,
    alt: `${title} over ${formatNumber(last.at / 60_000, 0)} minutes; at the end ${texts(last)}.`,
    x: { ...x, ticks: x.ticks.filter((tick) => tick <= x.to) },
    y,
    body: `${faultBands(faults, x)}${curves.join('')}`,
    legend: legendOf(lines, faults),
    readouts: series.map((point) => ({
      x: placeX(x, point.at / 60_000),
      text: `${formatClock(point.at)}: ${texts(point)}`,
    })),
  });
}

function legendOf(lines: readonly Line[], faults: readonly FaultSpan[]): LegendEntry[] {
  const fault = faults.length > 0 ? [{ className: 'fault', label: 'fault at work' }] : [];
  return [...lines.map(({ className, label }) => ({ className, label })), ...fault];
}

function faultBands(faults: readonly FaultSpan[], x: Axis): string {
  const bands = faults.map(({ name, from, to }) => {
    const left = placeX(x, from / 60_000);
    // An instant shows as a thin line.
    const width = Math.max(1.5, placeX(x, (to ?? x.to * 60_000) / 60_000) - left);
    const height = CHART.height - CHART.top - CHART.bottom;
    return `<rect class="fault" x="${left}" y="${CHART.top}" width="${width}" height="${height}"><title>${escapeHtml(name)}</title></rect>`;
  });
  return `<g>${bands.join('')}</g>`;
}

function between(label: string, { from, to }: { from: number; to: number }): Axis {
  const ticks = Array.from({ length: 5 }, (_, i) => from + ((to - from) * i) / 4);
  const decimals = to - from < 4 ? 2 : to - from < 40 ? 1 : 0;
  return { label, from, to, scale: 'linear', ticks, format: (value) => formatNumber(value, decimals) };
}

function bar(x: Axis, y: Axis, from: number, width: number, share: number): string {
  if (share === 0) return '';
  const left = placeX(x, from);
  const top = placeY(y, share);
  const wide = Math.max(1, placeX(x, from + width) - left - 1);
  return `<rect class="bar c1" x="${left}" y="${top}" width="${wide.toFixed(1)}" height="${(placeY(y, 0) - top).toFixed(1)}"/>`;
}

function rightAxis(y: Axis): string {
  const labels = [0, 50, 100].map(
    (share) =>
      `<text x="${CHART.width - CHART.right + 5}" y="${placeY(y, (share / 100) * y.to) + 4}">${share} %</text>`,
  );
  return `<g class="axes" aria-hidden="true">${labels.join('')}</g>`;
}

function sumsOf(values: readonly number[]): number[] {
  let sum = 0;
  return values.map((value) => (sum += value));
}

function stepName({ counts, width }: Histogram, step: number, unit: string): string {
  const from = step * width;
  if (step === counts.length - 1 && width > 1) return `${formatNumber(from, 0)} ${unit} and more`;
  return width === 1
    ? `${from} ${unit}`
    : `${formatNumber(from, 0)} to ${formatNumber(from + width, 0)} ${unit}`;
}

function compact(value: number): string {
  if (value >= 1e6) return `${formatNumber(value / 1e6, value % 1e6 === 0 ? 0 : 1)}M`;
  if (value >= 1e4) return `${formatNumber(value / 1e3, 0)}k`;
  return formatNumber(value, value % 1 === 0 ? 0 : 1);
}

function emptyChart(title: string): string {
  return `<figure class="chart"><figcaption><b>${escapeHtml(title)}</b></figcaption><p class="none">There was nothing to measure.</p></figure>`;
}
