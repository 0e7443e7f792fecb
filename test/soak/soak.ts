/**
 * Minutes of joins, leaves and kills at real relays:
 *
 *   npm run soak -- [--minutes 30] [--seed N] [--json FILE]
 */

import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { createRandom } from '@casto/core';
import { isMet, median, renderGoals, renderTable, round, type Goal } from '../bench/report.ts';
import { soakRelay, type SoakReport } from './relay-soak.ts';

const MAX_SEED = 2 ** 32;
/** Of the whole process, between the second and the last fifth: native memory is given back late. */
const MAX_RESIDENT_GROWTH_MB = 30;
const MAX_HEAP_GROWTH_MB = 10;
/** Beyond what was open before the first crowd: connections that libp2p opens and closes by itself. */
const MAX_FILES_LEFT = 6;

const { values: flags } = parseArgs({
  options: { minutes: { type: 'string', default: '30' }, seed: { type: 'string' }, json: { type: 'string' } },
});
const minutes = Number(flags.minutes);
const seed = flags.seed === undefined ? Math.floor(Math.random() * MAX_SEED) : Number(flags.seed);
if (!(minutes > 0) || !Number.isSafeInteger(seed)) throw new Error('--minutes and --seed are numbers');

console.error(`seed ${seed}`);
const report = await soakRelay({
  minutes,
  random: createRandom(seed),
  progress: (text) => console.error(text),
});
const series = [
  { what: 'memory of the process', unit: 'MB', most: MAX_RESIDENT_GROWTH_MB, values: valuesOf('residentMb') },
  { what: 'JS heap', unit: 'MB', most: MAX_HEAP_GROWTH_MB, values: valuesOf('heapMb') },
] as const;
const figures = series.map((one) => ({ ...one, ...growth(one.values) }));
const { before, after } = report;
const goals: Goal[] = [
  ...figures.map(({ what, unit, most, grown }): Goal => ({
    what: `${what}, growth`,
    value: grown,
    atMost: most,
    unit,
  })),
  {
    what: 'files left open',
    value: after.openFiles - before.openFiles,
    atMost: MAX_FILES_LEFT,
    unit: 'files',
  },
  { what: 'links left', value: after.children - before.children, atMost: 0, unit: 'links' },
  { what: 'packets lost by the viewer that stays', value: report.lost, atMost: 0, unit: 'packets' },
  { what: 'problems', value: report.problems.length, atMost: 0, unit: 'errors' },
];
console.log(
  `${cpus().length} x ${cpus()[0]?.model.trim()}, Node ${process.versions.node}, load ${loadavg()[0]?.toFixed(1)}, seed ${seed}\n`,
);
console.log(renderTable({ title: 'Relay soak', conditions: describe(report), ...tableOf() }));
console.log(renderGoals(goals));
for (const problem of new Set(report.problems)) console.log(`problem: ${problem}`);
if (flags.json !== undefined) {
  writeFileSync(
    resolve(process.env['INIT_CWD'] ?? '.', flags.json),
    JSON.stringify({ seed, minutes, ...report }),
  );
}
process.exit(goals.every(isMet) ? 0 : 1);

function valuesOf(name: 'residentMb' | 'heapMb'): number[] {
  return report.samples.map((sample) => sample[name]);
}

/** The first fifth is for everything to be loaded. */
function growth(values: readonly number[]): {
  early: number | null;
  late: number | null;
  grown: number | null;
} {
  const fifth = values.length / 5;
  const early = median(values.slice(Math.floor(fifth), Math.ceil(2 * fifth)));
  const late = median(values.slice(Math.floor(4 * fifth)));
  return { early, late, grown: early === null || late === null ? null : late - early };
}

function describe({ joins, leaves, kills, relayKills, packets }: SoakReport): string {
  const eventLoop = median(report.samples.map(({ eventLoopP99Ms }) => eventLoopP99Ms));
  return `${minutes} minutes: ${joins} viewers in crowds of up to eight, ${leaves} of which left and ${kills} were killed; ${relayKills} deaths of the second relay; ${packets} packets to the viewer that stays. Event loop p99 ${round(eventLoop, 1)} ms (median of ${report.samples.length} samples).`;
}

function tableOf(): { head: string[]; rows: (string | number | null)[][] } {
  const left = (
    what: string,
    unit: string,
    name: 'openFiles' | 'resources' | 'children',
  ): (string | number)[] => [what, unit, before[name], after[name], after[name] - before[name]];
  return {
    head: ['', 'unit', 'early', 'late', 'growth'],
    rows: [
      ...figures.map(({ what, unit, early, late, grown }) => [
        what,
        unit,
        round(early, 1),
        round(late, 1),
        round(grown, 1),
      ]),
      left('open files, before and after', '', 'openFiles'),
      left('sockets, timers, pipes', '', 'resources'),
      left('links to children', '', 'children'),
    ],
  };
}
