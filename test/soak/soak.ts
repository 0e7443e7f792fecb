/**
 * Minutes of joins, leaves and kills at real relays:
 *
 *   npm run soak -- [--minutes 30] [--seed N] [--processes N] [--json FILE]
 */

import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { createRandom } from '@casto/core';
import { isMet, median, renderGoals, renderTable, round } from '../bench/report.ts';
import { growthFigures, judgeSoak } from './judgement.ts';
import { soakRelay, type SoakReport } from './relay-soak.ts';

const MAX_SEED = 2 ** 32;
const { values: flags } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string' },
    processes: { type: 'string', default: '1' },
    json: { type: 'string' },
  },
});
const minutes = Number(flags.minutes);
const processes = Number(flags.processes);
const seed = flags.seed === undefined ? Math.floor(Math.random() * MAX_SEED) : Number(flags.seed);
if (!(minutes > 0) || !Number.isSafeInteger(seed)) throw new Error('--minutes and --seed are numbers');

console.error(`seed ${seed}`);
const report = await soakRelay({
  minutes,
  processes,
  random: createRandom(seed),
  progress: (text) => console.error(text),
});
const figures = growthFigures(report.samples);
const goals = judgeSoak(report);
const { before, after } = report;
console.log(
  `${cpus().length} x ${cpus()[0]?.model.trim()}, Node ${process.versions.node}, load ${loadavg()[0]?.toFixed(1)}, seed ${seed}\n`,
);
console.log(renderTable({ title: 'Relay soak', conditions: describe(report), ...tableOf() }));
console.log(renderGoals(goals));
for (const problem of new Set(report.problems)) console.log(`problem: ${problem}`);
if (flags.json !== undefined) {
  writeFileSync(
    resolve(process.env['INIT_CWD'] ?? '.', flags.json),
    JSON.stringify({ seed, minutes, processes, ...report }),
  );
}
process.exit(goals.every(isMet) ? 0 : 1);

function describe({ joins, guests, leaves, kills, relayKills, packets }: SoakReport): string {
  const eventLoop = median(report.samples.map(({ eventLoopP99Ms }) => eventLoopP99Ms));
  return `${minutes} minutes, relays of ${processes} processes: ${joins} viewers in crowds of up to eight and ${guests} WHIP and WHEP sessions, of which ${leaves} crowds left and ${kills} were killed; ${relayKills} deaths of the second relay; ${packets} packets to the viewer that stays. Event loop p99 ${round(eventLoop, 1)} ms (median of ${report.samples.length} samples).`;
}

function tableOf(): { head: string[]; rows: (string | number | null)[][] } {
  const left = (
    what: string,
    unit: string,
    name: 'openFiles' | 'resources' | 'children' | 'guests',
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
      left('WHIP and WHEP sessions', '', 'guests'),
    ],
  };
}
