import type { RunReport } from './run.ts';

/** One line of a table of figures. */
export interface Figure {
  readonly id: string;
  readonly label: string;
  readonly unit: string;
  readonly decimals: number;
  /** Which end is the bad one. */
  readonly worst: 'highest' | 'lowest';
  /** In the figure's unit; `null`: there was nothing to measure. */
  measure(report: RunReport): number | null;
}

type Measure = (report: RunReport) => number | null | undefined;

function figure(
  id: string,
  [label, unit, decimals]: readonly [string, string, number],
  measure: Measure,
  worst: 'highest' | 'lowest' = 'highest',
): Figure {
  return { id, label, unit, decimals, worst, measure: (report) => measure(report) ?? null };
}

const ms = (value: number | undefined | null): number | null =>
  value === undefined || value === null ? null : Math.round(value);
const percent = (share: number | null): number | null => (share === null ? null : share * 100);

/** Everything that a run measures, besides the goals. */
export const FIGURES: readonly Figure[] = [
  figure('join-p50', ['join, p50', 'ms', 0], ({ metrics }) => ms(metrics.join?.p50)),
  figure('join-p95', ['join, p95', 'ms', 0], ({ metrics }) => ms(metrics.join?.p95)),
  figure('join-p99', ['join, p99', 'ms', 0], ({ metrics }) => ms(metrics.join?.p99)),
  figure('join-max', ['join, longest', 'ms', 0], ({ metrics }) => ms(metrics.join?.max)),
  figure('flash-join-p99', ['join in the flash crowd, p99', 'ms', 0], ({ metrics }) =>
    ms(metrics.flashJoin?.p99),
  ),
  figure('retries', ['searches without a place, per join', '', 3], ({ metrics }) => metrics.retriesPerJoin),
  figure('repair-p50', ['repair, p50', 'ms', 0], ({ metrics }) => ms(metrics.repair?.p50)),
  figure('repair-p95', ['repair, p95', 'ms', 0], ({ metrics }) => ms(metrics.repair?.p95)),
  figure('exodus-repair-p95', ['repair in the exodus, p95', 'ms', 0], ({ metrics }) =>
    ms(metrics.exodusRepair?.p95),
  ),
  figure('standby-p95', ['repair by a standby, p95', 'ms', 0], ({ metrics }) =>
    ms(metrics.repairByStandby?.p95),
  ),
  figure('search-p95', ['repair by a search, p95', 'ms', 0], ({ metrics }) =>
    ms(metrics.repairBySearch?.p95),
  ),
  figure(
    'standby-share',
    ['repairs by a standby', '%', 1],
    ({ metrics }) => percent(metrics.standbyShare),
    'lowest',
  ),
  figure(
    'interruptions',
    ['interruptions per viewer hour', '', 2],
    ({ metrics }) => metrics.interruptionsPerViewerHour,
  ),
  figure('interruption-p50', ['interruption, p50', 'ms', 0], ({ metrics }) => ms(metrics.interruption?.p50)),
  figure('interruption-p95', ['interruption, p95', 'ms', 0], ({ metrics }) => ms(metrics.interruption?.p95)),
  figure(
    'disturbed-mean',
    ['disturbed per abrupt exit, mean', 'viewers', 2],
    ({ metrics }) => metrics.disturbed?.mean,
  ),
  figure(
    'disturbed-p99',
    ['disturbed per abrupt exit, p99', 'viewers', 0],
    ({ metrics }) => metrics.disturbed?.p99,
  ),
  figure(
    'disturbed-graceful',
    ['disturbed by graceful exits, in all', 'viewers', 0],
    ({ metrics }) => metrics.disturbedByGraceful,
  ),
  figure('depth-p50', ['depth, p50', 'hops', 0], ({ metrics }) => metrics.depth?.p50),
  figure('depth-p95', ['depth, p95', 'hops', 0], ({ metrics }) => metrics.depth?.p95),
  figure('depth-max', ['depth, max', 'hops', 0], ({ metrics }) => metrics.depth?.max),
  figure('delay-p50', ['path delay, p50', 'ms', 0], ({ metrics }) => metrics.pathDelay?.p50),
  figure('delay-p95', ['path delay, p95', 'ms', 0], ({ metrics }) => metrics.pathDelay?.p95),
  figure(
    'control-payload',
    ['control traffic per peer, payload, mean', 'kb/s', 2],
    ({ metrics }) => metrics.traffic.payloadMeanKbps,
  ),
  figure(
    'control-payload-p95',
    ['control traffic per peer, payload, p95', 'kb/s', 2],
    ({ metrics }) => metrics.traffic.payloadP95Kbps,
  ),
  figure(
    'control-wire',
    ['control traffic per peer, with headers, mean', 'kb/s', 2],
    ({ metrics }) => metrics.traffic.wireMeanKbps,
  ),
  figure(
    'control-wire-p95',
    ['control traffic per peer, with headers, p95', 'kb/s', 2],
    ({ metrics }) => metrics.traffic.wireP95Kbps,
  ),
  figure(
    'control-relay',
    ['control traffic per headless relay, mean', 'kb/s', 1],
    ({ metrics }) => metrics.traffic.relayWireMeanKbps,
  ),
  figure('streamer-share', ["streamer's share of all media bytes", '%', 3], ({ metrics }) =>
    percent(metrics.traffic.streamerShare),
  ),
  figure('joins', ['joins per second', '', 1], ({ metrics }) => metrics.joinsPerSecond),
  figure('moves', ['moves per viewer hour', '', 2], ({ metrics }) => metrics.movesPerViewerHour),
  figure('fed', ["viewers' time with media", '%', 3], ({ metrics }) => percent(metrics.fedShare), 'lowest'),
  figure(
    'least-fed',
    ['viewers with media at the worst instant', '%', 2],
    ({ metrics }) => percent(metrics.leastFedShare),
    'lowest',
  ),
  figure('longest-hunger', ['longest without media in calm', 'ms', 0], ({ checks }) =>
    ms(checks.longestHungerMs),
  ),
  figure('violations', ['rules broken', '', 0], ({ checks }) => checks.total),
  figure('transient-loops', ['transient loops', '', 0], ({ checks }) => checks.transientLoops),
  figure('liar-loops', ['loops through liars', '', 0], ({ checks }) => checks.loopsThroughLiars),
  figure('events', ['events', '', 0], ({ events }) => events),
  figure('cpu', ['CPU', 's', 1], ({ cost }) => cost.cpuS),
  figure('cpu-event', ['CPU per event', 'us', 2], ({ cost }) => cost.cpuUsPerEvent),
  figure('rss', ['memory at its highest', 'MB', 0], ({ cost }) => cost.peakRssMb),
];

/** Mean and worst over the runs of a group; `null` when no run had anything to measure. */
export interface Summary {
  readonly mean: number;
  readonly worst: number;
}

export function summarise(values: readonly (number | null)[], worst: 'highest' | 'lowest'): Summary | null {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return null;
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  return { mean, worst: worst === 'highest' ? Math.max(...known) : Math.min(...known) };
}
