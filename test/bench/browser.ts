/**
 * `npm run bench:browser`: what pages that pass a broadcast on cost, and what viewers notice of them.
 *
 *   --only hops,cpu,streamer,failover,join,lipsync   these parts; default: all of them
 *   --runs N              kills, joins and flashes for each figure
 *   --seconds N           how long a latency or a load is measured; default 20
 *   --picture 640x360@20  default: what suits the part
 *   --soak N              instead: N minutes of a chain whose pages join and die; exit code 1 when it grows or fails
 *   --json FILE           everything that was measured
 */

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { launchBrowser } from '../harness/browsers.ts';
import type { BenchOptions, Picture } from './browser-stage.ts';
import { measureFailover } from './failover.ts';
import { measureHops } from './hops.ts';
import { measureJoins } from './join-depths.ts';
import { measureLipSyncs } from './lip-syncs.ts';
import { measureRelayCpu } from './relay-cpu.ts';
import { describeMachine, isMet, renderGoals, renderTable, type PartResult } from './report.ts';
import { measureSoak } from './soak.ts';
import { measureStreamerCpu } from './streamer-cpu.ts';

const PARTS = {
  hops: measureHops,
  cpu: measureRelayCpu,
  streamer: measureStreamerCpu,
  failover: measureFailover,
  join: measureJoins,
  lipsync: measureLipSyncs,
} as const;
type Part = keyof typeof PARTS;

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: Object.keys(PARTS).join(',') },
    runs: { type: 'string' },
    seconds: { type: 'string', default: '20' },
    picture: { type: 'string' },
    soak: { type: 'string' },
    json: { type: 'string' },
  },
});

const options: BenchOptions = {
  runs: values.runs === undefined ? null : positive('--runs', values.runs),
  measureMs: positive('--seconds', values.seconds) * 1000,
  picture: values.picture === undefined ? null : readPicture(values.picture),
  progress: (text) => process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`),
};
const runs =
  values.soak === undefined
    ? readParts(values.only).map((part) => () => PARTS[part](options))
    : [soakFor(positive('--soak', values.soak))];

const machine = describeMachine(await browserVersion());
process.stdout.write(`${machine}\n\n`);
const results: PartResult[] = [];
for (const run of runs) {
  const result = await run();
  results.push(result);
  for (const table of result.tables) process.stdout.write(`${renderTable(table)}\n`);
  process.stdout.write(`${renderGoals(result.goals)}\n`);
  for (const problem of result.problems) process.stdout.write(`problem: ${problem}\n`);
}
if (values.json !== undefined) {
  writeFileSync(
    values.json,
    `${JSON.stringify({ machine, at: new Date().toISOString(), results }, null, 1)}\n`,
  );
}
// A soak is a test. The figures of the others depend on the machine.
if (values.soak !== undefined && results.some(({ goals }) => !goals.every(isMet))) process.exitCode = 1;

function soakFor(minutes: number): () => Promise<PartResult> {
  return () => measureSoak(options, minutes);
}

async function browserVersion(): Promise<string> {
  const browser = await launchBrowser('chromium');
  await browser.close();
  return browser.version;
}

function readParts(list: string): Part[] {
  return list.split(',').map((name) => {
    if (!isPart(name)) throw new Error(`--only knows ${Object.keys(PARTS).join(', ')}; not ${name}`);
    return name;
  });
}

function isPart(name: string): name is Part {
  return Object.hasOwn(PARTS, name);
}

function positive(flag: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`${flag} is a number above zero; not ${text}`);
  return value;
}

function readPicture(text: string): Picture {
  const found = /^(\d+)x(\d+)@(\d+)$/.exec(text);
  if (found === null) throw new Error(`--picture is written like 640x360@20; not ${text}`);
  return { width: Number(found[1]), height: Number(found[2]), framesPerSecond: Number(found[3]) };
}
