/**
 * Feeds bad input to the relay's parts, or attacks a running relay: see docs/fuzzing.md.
 *
 *   npm run fuzz -- --target rtp|rtcp|sdp|http|rendezvous|listing|signal|trailer|control|stun|whip|ingest
 *                   [--inputs 100000] [--seed N] [--seconds S] [--out FILE]
 *   npm run fuzz -- --replay FILE
 *   npm run fuzz -- --scenario join-flood|slow-loris|spoofed-ssrc|nack-storm|pli-storm|silent-reader [--seconds 20]
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readFailure, renderFailure } from './failure-file.ts';
import { replay, runFuzz, type FuzzReport } from './fuzz-run.ts';
import type { FuzzTarget } from './fuzz-target.ts';
import { TARGETS } from './targets.ts';

const PROGRESS_EVERY_MS = 5_000;
const MAX_SEED = 2 ** 32;

const { values: flags } = parseArgs({
  options: {
    target: { type: 'string' },
    inputs: { type: 'string', default: '100000' },
    seed: { type: 'string' },
    seconds: { type: 'string' },
    out: { type: 'string' },
    replay: { type: 'string' },
    scenario: { type: 'string' },
  },
});

function targetNamed(name: string): FuzzTarget {
  const target = TARGETS.get(name);
  if (target === undefined) throw new Error(`no target ${name}; there are ${[...TARGETS.keys()].join(', ')}`);
  return target;
}

/** npm runs the script in the workspace's folder; the reader is in another one. */
function fileNamed(name: string): string {
  return resolve(process.env['INIT_CWD'] ?? process.cwd(), name);
}

function render(report: FuzzReport): string {
  const { target, inputs, elapsedMs, outcomes, growthBytes } = report;
  const width = Math.max(...Object.keys(outcomes).map(({ length }) => length), 0);
  const growth =
    growthBytes === null
      ? 'not measured'
      : `${(growthBytes / 1024 / 1024).toFixed(2)} MiB since a tenth of the run`;
  return [
    `${target}: ${inputs} inputs in ${(elapsedMs / 1000).toFixed(1)} s, ${Math.round((inputs * 1000) / elapsedMs)} per second`,
    ...Object.entries(outcomes).map(([outcome, count]) => `  ${outcome.padEnd(width)}  ${count}`),
    `  growth: ${growth}`,
  ].join('\n');
}

async function fuzz(target: FuzzTarget): Promise<number> {
  const seed = flags.seed === undefined ? Math.floor(Math.random() * MAX_SEED) : Number(flags.seed);
  const inputs = Number(flags.inputs);
  console.log(`${target.name}: seed ${seed}`);
  let toldAt = performance.now();
  const report = await runFuzz(target, {
    inputs,
    seed,
    ...(flags.seconds === undefined ? {} : { limitMs: Number(flags.seconds) * 1000 }),
    onProgress: (done) => {
      if (performance.now() - toldAt < PROGRESS_EVERY_MS) return;
      toldAt = performance.now();
      console.error(`${target.name}: ${done} of ${inputs}`);
    },
  });
  console.log(render(report));
  if (report.failure === null) return 0;
  const text = renderFailure(report.failure);
  console.error(text);
  const file = fileNamed(flags.out ?? `fuzz-${target.name}-${seed}.txt`);
  writeFileSync(file, text);
  console.error(`replay with: npm run fuzz -- --replay ${file}`);
  return 1;
}

async function replayFile(name: string): Promise<number> {
  const { target, inputs } = readFailure(readFileSync(fileNamed(name), 'utf8'));
  const failure = await replay(targetNamed(target), inputs);
  console.log(failure === null ? 'nothing failed' : failure);
  return failure === null ? 0 : 1;
}

async function main(): Promise<number> {
  if (flags.replay !== undefined) return replayFile(flags.replay);
  if (flags.scenario !== undefined) {
    const { runScenario } = await import('./scenarios.ts');
    return runScenario(flags.scenario, Number(flags.seconds ?? 20));
  }
  return fuzz(targetNamed(flags.target ?? ''));
}

// Sockets of a session that failed may stay open; nothing is left to wait for.
process.exit(await main());
