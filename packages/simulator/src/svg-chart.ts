import { escapeHtml } from './html-text.ts';
import { roundUp } from './samples.ts';

/** Drawing units; on a phone a chart fills the screen's width at about this size. */
export const CHART = { width: 420, height: 240, left: 54, right: 46, top: 22, bottom: 40 } as const;

export interface Axis {
  readonly label: string;
  readonly from: number;
  readonly to: number;
  readonly scale: 'linear' | 'log';
  readonly ticks: readonly number[];
  format(value: number): string;
}

/** What the reader is told at one place of the horizontal axis. */
export interface Readout {
  readonly x: number;
  readonly text: string;
}

export interface LegendEntry {
  readonly className: string;
  readonly label: string;
}

export interface Chart {
  readonly title: string;
  /** What there is to see, for those who cannot see it. */
  readonly alt: string;
  readonly x: Axis;
  readonly y: Axis;
  /** SVG between the grid and the readout's line. */
  readonly body: string;
  readonly legend: readonly LegendEntry[];
  readonly readouts: readonly Readout[];
}

/** Horizontal drawing position of a value. */
export function placeX(axis: Axis, value: number): number {
  return round(CHART.left + share(axis, value) * (CHART.width - CHART.left - CHART.right));
}

/** Vertical drawing position of a value. */
export function placeY(axis: Axis, value: number): number {
  const height = CHART.height - CHART.top - CHART.bottom;
  return round(CHART.height - CHART.bottom - share(axis, value) * height);
}

/** From 0 to a round number, with four to six ticks. */
export function linearAxis(label: string, highest: number, format: (value: number) => string): Axis {
  const step = roundUp((highest > 0 ? highest : 1) / 5);
  const count = Math.max(1, Math.ceil((highest > 0 ? highest : 1) / step - 1e-9));
  const ticks = Array.from({ length: count + 1 }, (_, i) => i * step);
  return { label, from: 0, to: count * step, scale: 'linear', ticks, format };
}

/** An SVG in a figure with its legend; its readouts are shown by the page's script. */
export function renderChart({ title, alt, x, y, body, legend, readouts }: Chart): string {
  const places = readouts.map((each) => round(each.x)).join(' ');
  const texts = escapeHtml(readouts.map((each) => each.text.replaceAll('|', '/')).join('|'));
  const { width, height, top, bottom } = CHART;
  const entries = legend.map(
    ({ className, label }) => `<li><i class="swatch ${className}"></i>${escapeHtml(label)}</li>`,
  );
  return `<figure class="chart">
<figcaption><b>${escapeHtml(title)}</b>${entries.length > 0 ? `<ul class="legend">${entries.join('')}</ul>` : ''}</figcaption>
<svg viewBox="0 0 ${width} ${height}" role="img" tabindex="0" aria-label="${escapeHtml(alt)}" data-places="${places}" data-texts="${texts}">
${renderGrid(x, y)}
${body}
<line class="cursor" x1="0" x2="0" y1="${top}" y2="${height - bottom}" hidden></line>
</svg>
<p class="readout" aria-live="polite"></p>
</figure>`;
}

export function polyline(className: string, points: readonly (readonly [number, number])[]): string {
  if (points.length === 0) return '';
  return `<polyline class="curve ${className}" points="${points.map(([px, py]) => `${px},${py}`).join(' ')}"/>`;
}

/** A value on the horizontal axis, with its name at the top. */
export function marker(axis: Axis, value: number, label: string, className: string): string {
  if (value > axis.to) return '';
  const at = placeX(axis, value);
  const isRight = at > CHART.width * 0.75;
  return (
    `<line class="marker ${className}" x1="${at}" x2="${at}" y1="${CHART.top}" y2="${CHART.height - CHART.bottom}"/>` +
    `<text class="marker-text ${className}" x="${isRight ? at - 3 : at + 3}" y="${CHART.top - 6}" ` +
    `text-anchor="${isRight ? 'end' : 'start'}">${escapeHtml(label)}</text>`
  );
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function share({ from, to, scale }: Axis, value: number): number {
  const part =
    scale === 'log' ? Math.log(value / from) / Math.log(to / from) : (value - from) / (to - from || 1);
  return Math.min(1, Math.max(0, part));
}

function renderGrid(x: Axis, y: Axis): string {
  const { left, right, top, bottom, width, height } = CHART;
  const rows = y.ticks.map((tick) => {
    const at = placeY(y, tick);
    const label = escapeHtml(y.format(tick));
    return (
      `<line class="grid" x1="${left}" x2="${width - right}" y1="${at}" y2="${at}"/>` +
      `<text x="${left - 5}" y="${at + 4}" text-anchor="end">${label}</text>`
    );
  });
  const columns = x.ticks.map((tick) => {
    const label = escapeHtml(x.format(tick));
    return `<text x="${placeX(x, tick)}" y="${height - bottom + 15}" text-anchor="middle">${label}</text>`;
  });
  return `<g class="axes" aria-hidden="true">${rows.join('')}${columns.join('')}
<text class="axis-label" x="${(left + width - right) / 2}" y="${height - 6}" text-anchor="middle">${escapeHtml(x.label)}</text>
<text class="axis-label" x="10" y="${(top + height - bottom) / 2}" text-anchor="middle" transform="rotate(-90 10 ${(top + height - bottom) / 2})">${escapeHtml(y.label)}</text></g>`;
}
