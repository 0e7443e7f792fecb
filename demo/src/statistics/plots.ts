/** The graphs, drawn by uPlot: one for each measure, all over the same time. */

import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

import { delayWords, rateWords } from '../words/figures.ts';
import { plotData } from './stats-history.ts';
import type { Measure, StatsSample } from './stats-history.ts';

const HEIGHT_PX = 96;
/** What is on screen; older samples are in the file. */
const SHOWN_S = 120;

interface Look {
  readonly measure: Measure;
  readonly title: string;
  readonly words: (value: number) => string;
  /** The axis reaches at least from 0 to here, so that small noise looks small. */
  readonly least: number;
  readonly isStepped?: true;
}

const LOOKS: readonly Look[] = [
  { measure: 'bitrateBps', title: 'Bitrate', words: rateWords, least: 500_000 },
  { measure: 'latencyMs', title: 'Latency', words: delayWords, least: 200 },
  { measure: 'packetsLost', title: 'Packets lost a second', words: String, least: 5 },
  { measure: 'depth', title: 'Depth', words: hopsWords, least: 3, isStepped: true },
];

interface Plot {
  look: Look;
  chart: uPlot;
  now: HTMLElement;
  holder: HTMLElement;
}

export class Plots {
  readonly #holder: HTMLElement;
  #plots: Plot[] = [];

  constructor(holder: HTMLElement) {
    this.#holder = holder;
    new ResizeObserver(() => this.#resize()).observe(holder);
  }

  show(samples: readonly StatsSample[]): void {
    if (this.#plots.length === 0) this.#plots = LOOKS.map((look) => this.#add(look));
    const last = samples.at(-1);
    for (const { look, chart, now } of this.#plots) {
      chart.setData(plotData(samples.slice(-SHOWN_S), look.measure));
      const value = last?.[look.measure] ?? null;
      now.textContent = value === null ? '–' : look.words(value);
    }
  }

  /** Colours are drawn into canvases: another theme needs others. */
  repaint(samples: readonly StatsSample[]): void {
    for (const { chart, holder } of this.#plots) {
      chart.destroy();
      holder.remove();
    }
    this.#plots = [];
    this.show(samples);
  }

  #add(look: Look): Plot {
    const holder = document.createElement('figure');
    holder.className = 'plot';
    const caption = document.createElement('figcaption');
    const now = document.createElement('strong');
    caption.append(`${look.title} `, now);
    const room = document.createElement('div');
    // The caption says the latest value; the line is for those who see it.
    room.setAttribute('aria-hidden', 'true');
    holder.append(caption, room);
    this.#holder.append(holder);
    const chart = new uPlot(optionsFor(look, holder, this.#width), [[], []], room);
    return { look, chart, now, holder };
  }

  get #width(): number {
    return Math.max(120, this.#holder.clientWidth - 2);
  }

  #resize(): void {
    for (const { chart } of this.#plots) chart.setSize({ width: this.#width, height: HEIGHT_PX });
  }
}

function optionsFor(look: Look, styled: HTMLElement, width: number): uPlot.Options {
  const colour = (name: string) => getComputedStyle(styled).getPropertyValue(name).trim();
  const [ink, line, accent] = [colour('--plot-ink'), colour('--plot-line'), colour('--plot-accent')];
  const grid = { stroke: line, width: 1 };
  const ticks = { show: false };
  const stepped = look.isStepped === true ? uPlot.paths.stepped?.({ align: 1 }) : undefined;
  return {
    width,
    height: HEIGHT_PX,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_chart, _least, most) => [0, Math.max(look.least, (most ?? 0) * 1.1)] } },
    axes: [
      { stroke: ink, grid: { show: false }, ticks, size: 22, font: FONT, space: 70 },
      {
        stroke: ink,
        grid,
        ticks,
        size: 62,
        font: FONT,
        space: 30,
        values: (_chart, values) => values.map((value) => look.words(value)),
      },
    ],
    series: [
      {},
      {
        stroke: accent,
        width: 2,
        fill: colour('--plot-wash'),
        points: { show: false },
        ...(stepped === undefined ? {} : { paths: stepped }),
      },
    ],
  };
}

const FONT = '11px system-ui, sans-serif';

function hopsWords(hops: number): string {
  if (!Number.isInteger(hops)) return '';
  return hops === 1 ? '1 hop' : `${hops} hops`;
}
