/** The graphs of the last minutes: a few lines in one SVG, redrawn by two attributes. */

import type { LoadColumns } from '../../src/load-history.ts';
import { make, setAttribute, setText } from './elements.ts';
import { bitrate, bytes, count, milliseconds, share, UNKNOWN } from './figures.ts';

type Column = keyof LoadColumns;

interface GraphKind {
  title: string;
  lines: readonly { column: Column; name: string }[];
  format: (value: number) => string;
  /** The top of a graph whose values are smaller. */
  least: number;
}

const KINDS: readonly GraphKind[] = [
  {
    title: 'Media',
    lines: [
      { column: 'outBps', name: 'out' },
      { column: 'inBps', name: 'in' },
    ],
    format: bitrate,
    least: 100_000,
  },
  {
    title: 'Packets a second',
    lines: [
      { column: 'outPps', name: 'out' },
      { column: 'inPps', name: 'in' },
    ],
    format: count,
    least: 10,
  },
  { title: 'Viewers', lines: [{ column: 'viewers', name: 'viewers' }], format: count, least: 5 },
  { title: 'Processor', lines: [{ column: 'cpuShare', name: 'of a core' }], format: share, least: 0.1 },
  {
    title: 'Event loop late by',
    lines: [{ column: 'loopDelayMs', name: 'late' }],
    format: milliseconds,
    least: 10,
  },
  { title: 'Memory', lines: [{ column: 'memoryBytes', name: 'memory' }], format: bytes, least: 1_000_000 },
];

const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 240;
const HEIGHT = 64;

/** @param samples - As many as the graph is wide, whether or not there are so many yet. */
export function graphLine(values: readonly number[], top: number, samples: number): string {
  const step = WIDTH / Math.max(1, samples - 1);
  const offset = samples - values.length;
  const points = values.map((value, index) => {
    const y = HEIGHT - 1 - (Math.min(value, top) / top) * (HEIGHT - 4);
    return `${((offset + index) * step).toFixed(1)} ${y.toFixed(1)}`;
  });
  return points.length === 0 ? '' : `M${points.join('L')}`;
}

/** @returns What shows the columns. */
export function openGraphs(parent: HTMLElement, samples: number): (columns: LoadColumns) => void {
  const graphs = KINDS.map((kind) => openGraph(parent, kind, samples));
  return (columns) => graphs.forEach((show) => show(columns));
}

function openGraph(
  parent: HTMLElement,
  { title, lines, format, least }: GraphKind,
  samples: number,
): (columns: LoadColumns) => void {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('aria-hidden', 'true');
  const paths = lines.map((_, index) => {
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('class', `line-${index}`);
    svg.append(path);
    return path;
  });
  const readings = lines.map(({ name }, index) => {
    const value = make('b');
    const label = lines.length > 1 ? `${name} ` : '';
    return { value, part: make('span', { class: `reading reading-${index}` }, label, value) };
  });
  const values = make('span', { class: 'values' }, ...readings.map(({ part }) => part));
  const most = make('span', { class: 'most' });
  const caption = make('figcaption', {}, make('span', { class: 'graph-title' }, title), values);
  parent.append(make('figure', { class: 'card graph' }, caption, svg, most));
  return (columns) => {
    const highest = Math.max(...lines.map(({ column }) => Math.max(0, ...columns[column])));
    const top = Math.max(least, highest);
    lines.forEach(({ column }, index) => {
      const path = paths[index];
      if (path !== undefined) setAttribute(path, 'd', graphLine(columns[column], top, samples));
    });
    lines.forEach(({ column }, index) => {
      const value = columns[column].at(-1);
      const reading = readings[index];
      if (reading !== undefined) setText(reading.value, value === undefined ? UNKNOWN : format(value));
    });
    setText(most, `at most ${format(highest)}`);
  };
}
