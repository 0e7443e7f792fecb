/** What a soak must not have done to the relay: grown, kept what others opened, or lost packets of the viewer that stays. */

import { median, type Goal } from '../bench/report.ts';
import type { RelaySample } from './relay-samples.ts';
import type { SoakReport } from './relay-soak.ts';

/** Of the whole process, between the second and the last fifth: native memory is given back late. */
const MAX_RESIDENT_GROWTH_MB = 30;
const MAX_HEAP_GROWTH_MB = 10;
/** Beyond what was open before the first crowd: connections that libp2p opens and closes by itself. */
const MAX_FILES_LEFT = 6;
/** The same connections, and a timer for some of them. */
const MAX_RESOURCES_LEFT = 8;

/** What grows while a soak runs. */
export interface GrowthFigure {
  readonly what: string;
  readonly unit: 'MB';
  readonly atMost: number;
  /** Medians of the second and of the last fifth; `null` without samples. */
  readonly early: number | null;
  readonly late: number | null;
  readonly grown: number | null;
}

export function growthFigures(samples: readonly RelaySample[]): GrowthFigure[] {
  const figure = (what: string, name: 'residentMb' | 'heapMb', atMost: number): GrowthFigure => ({
    what,
    unit: 'MB',
    atMost,
    ...growth(samples.map((sample) => sample[name])),
  });
  return [
    figure('memory of the process', 'residentMb', MAX_RESIDENT_GROWTH_MB),
    figure('JS heap', 'heapMb', MAX_HEAP_GROWTH_MB),
  ];
}

export function judgeSoak({ samples, before, after, lost, problems }: SoakReport): Goal[] {
  const left = (name: 'openFiles' | 'resources' | 'children' | 'guests'): number =>
    after[name] - before[name];
  return [
    ...growthFigures(samples).map(({ what, unit, atMost, grown }): Goal => ({
      what: `${what}, growth`,
      value: grown,
      atMost,
      unit,
    })),
    { what: 'files left open', value: left('openFiles'), atMost: MAX_FILES_LEFT, unit: 'files' },
    {
      what: 'sockets, timers and pipes left',
      value: left('resources'),
      atMost: MAX_RESOURCES_LEFT,
      unit: 'handles',
    },
    { what: 'links left', value: left('children'), atMost: 0, unit: 'links' },
    { what: 'WHIP and WHEP sessions left', value: left('guests'), atMost: 0, unit: 'links' },
    { what: 'packets lost by the viewer that stays', value: lost, atMost: 0, unit: 'packets' },
    { what: 'problems', value: problems.length, atMost: 0, unit: 'errors' },
  ];
}

/** The first fifth is for everything to be loaded. */
function growth(values: readonly number[]): Pick<GrowthFigure, 'early' | 'late' | 'grown'> {
  const fifth = values.length / 5;
  const early = median(values.slice(Math.floor(fifth), Math.ceil(2 * fifth)));
  const late = median(values.slice(Math.floor(4 * fifth)));
  return { early, late, grown: early === null || late === null ? null : late - early };
}
