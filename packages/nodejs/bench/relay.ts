/**
 * How much a relay costs: CPU per forwarded packet, memory per viewer, added latency, loss.
 *
 *   npm run bench:relay -- [--n 10,50,100,200,400] [--seconds 10] [--pps 300] [--size 1100] [--json]
 *     [--processes 1,2] [--relays 1,2] [--layers 1,3] [--saturate] [--awake] [--profile DIR]
 *
 * Publisher, relay and viewers run in processes of their own. All viewers but two are stopped once they are
 * connected (unless --awake), so that receivers do not compete with the relay for the CPU: the kernel goes on
 * delivering into their sockets. The two that run measure latency and loss. With more than one process the relay takes
 * the stream in with the first and serves from the others; what it costs is the sum over all of them. Of two relays the
 * second has the stream from the first, and serves the viewers; the cost is that of the second. Of three layers
 * viewers get the highest, and each lower one comes in at half the rate of the one above. --saturate raises the rate by
 * half until something is lost.
 */

import { readFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { getLibraryVersion } from 'node-datachannel';
import { chooseUdpPorts } from '../src/free-ports.ts';
import { mediaPorts } from '../src/relay-ports.ts';
import { cpuNanoseconds, idleSeconds } from './process-usage.ts';
import { Worker, readNumbers } from './worker-calls.ts';

/** The ring holds 2048 packets, and is part of the relay's memory before any viewer comes. */
const RING_PACKETS = 2048;
const PROBES = 2;
const VIEWERS_PER_PROCESS = 50;
/** Handshakes under way at once, as with viewers who join within a few seconds. */
const JOINS_AT_ONCE = 5;
const SETTLE_MS = 2000;
const OPEN_MS = 1000;
/** Beyond it the relay, or the machine, is saturated. */
const MOST_LOSS_PERCENT = 0.1;

const { values: flags } = parseArgs({
  options: {
    n: { type: 'string', default: '10,50,100,200,400' },
    seconds: { type: 'string', default: '10' },
    pps: { type: 'string', default: '300' },
    size: { type: 'string', default: '1100' },
    processes: { type: 'string', default: '1' },
    relays: { type: 'string', default: '1' },
    layers: { type: 'string', default: '1' },
    saturate: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    awake: { type: 'boolean', default: false },
    profile: { type: 'string' },
  },
});

interface Case {
  readonly viewers: number;
  readonly processes: number;
  /** In a row. */
  readonly relays: number;
  readonly layers: number;
  /** Of the highest layer. */
  readonly packetsPerSecond: number;
}

interface Row {
  processes: number;
  relays: number;
  layers: number;
  viewers: number;
  connected: number;
  packetsPerSecond: number;
  cpuPercent: number;
  cpuMicrosecondsPerPacket: number;
  packetsPerSecondAndCore: number;
  /** Growth of the resident memory from two viewers on, without garbage. */
  megabytesPerViewer: number;
  latencyP50Ms: number;
  latencyP99Ms: number;
  lossPercent: number;
  /** Share of all CPUs that nothing used, which tells whether the machine was quiet. */
  idlePercent: number;
}

type Figures = Readonly<Record<string, number>>;

const workers = new Set<Worker>();

function start(file: string, execArgv: readonly string[] = []): Worker {
  const worker = new Worker(file, execArgv);
  workers.add(worker);
  return worker;
}

async function join(relay: Worker, group: Worker, index: number): Promise<void> {
  const offer = await group.call('offer');
  const answer = await relay.call('serve', offer);
  const state = await group.call('accept', `${index}\n${answer}`);
  if (state !== 'connected') throw new Error(`a viewer is ${state}`);
}

/** Connects `count` viewers of one process, a few at a time; an offer's number is its order in the process. */
async function joinAll(relay: Worker, group: Worker, count: number): Promise<void> {
  for (let index = 0; index < count; index += JOINS_AT_ONCE) {
    const batch = Math.min(JOINS_AT_ONCE, count - index);
    await Promise.all(Array.from({ length: batch }, (_, place) => join(relay, group, index + place)));
  }
}

async function startStream(
  relay: Worker,
  publisher: Worker,
  { layers, packetsPerSecond }: Case,
): Promise<void> {
  const offer = await relay.call('offer', String(layers));
  await relay.call('accept', await publisher.call('answer', offer));
  await publisher.call('publish', `${packetsPerSecond} ${flags.size} ${layers}`);
  const slowest = packetsPerSecond / 2 ** (layers - 1);
  await sleep(1000 + (RING_PACKETS / slowest) * 1000);
}

/** Connects viewers that are stopped as soon as they are. */
async function connectOthers(relay: Worker, viewers: number): Promise<void> {
  for (let left = viewers; left > 0; left -= VIEWERS_PER_PROCESS) {
    const group = start('viewers-worker.ts');
    await joinAll(relay, group, Math.min(left, VIEWERS_PER_PROCESS));
    if (flags.awake) continue;
    // The last ones have yet to open their control channels.
    await sleep(OPEN_MS);
    group.freeze();
  }
}

/** @returns The relay that serves viewers, with the stream. */
async function startRelays({ processes, relays, layers }: Case, first: Worker): Promise<Worker> {
  let last = first;
  for (let count = 1; count < relays; count++) {
    const next = await startRelay(processes);
    await next.call('accept', await last.call('serve', await next.call('offer', String(layers))));
    last = next;
  }
  return last;
}

async function startRelay(processes: number): Promise<Worker> {
  const ports = mediaPorts(await chooseUdpPorts('127.0.0.1', processes, []), processes);
  process.env['BENCH_MEDIA_PORTS'] = ports.join(',');
  const profiling = flags.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${flags.profile}`];
  return start('relay-worker.ts', profiling);
}

async function measure(measured: Case): Promise<Row> {
  const { viewers, processes, relays, layers } = measured;
  const first = await startRelay(processes);
  const relay = await startRelays(measured, first);
  await startStream(first, start('publisher-worker.ts'), measured);
  const probe = start('viewers-worker.ts');
  await joinAll(relay, probe, PROBES);
  await sleep(SETTLE_MS);
  const bytesOfFew = Number(await relay.call('residentBytes'));
  await connectOthers(relay, viewers - PROBES);
  await sleep(SETTLE_MS);

  await probe.call('start');
  const before = readNumbers(await relay.call('figures'));
  const pids = Array.from({ length: processes }, (_, index) => figure(before, `pid${index}`));
  const used = usedBy(pids);
  const idle = idleSeconds();
  const startedAt = performance.now();
  await sleep(Number(flags.seconds) * 1000);
  const after = readNumbers(await relay.call('figures'));
  const usedNs = usedBy(pids) - used;
  const elapsedMs = performance.now() - startedAt;
  const idlePart = (idleSeconds() - idle) / ((elapsedMs / 1000) * cpus().length);
  const seen = readNumbers(await probe.call('stop'));
  const bytes = Number(await relay.call('residentBytes'));

  if (flags.profile !== undefined) await relay.call('finish').then(() => sleep(2000));
  const forwarded = figure(after, 'forwarded') - figure(before, 'forwarded');
  return {
    processes,
    relays,
    layers,
    viewers,
    connected: figure(after, 'connected'),
    packetsPerSecond: Math.round((forwarded * 1000) / elapsedMs),
    cpuPercent: round(usedNs / 1e4 / elapsedMs, 1),
    cpuMicrosecondsPerPacket: round(usedNs / 1000 / forwarded, 2),
    packetsPerSecondAndCore: Math.round((forwarded * 1e9) / usedNs),
    megabytesPerViewer: round((bytes - bytesOfFew) / 1e6 / (viewers - PROBES), 3),
    latencyP50Ms: round(figure(seen, 'p50') / 1000, 3),
    latencyP99Ms: round(figure(seen, 'p99') / 1000, 3),
    lossPercent: round(lossPercent(before, after, seen), 3),
    idlePercent: round(100 * idlePart, 0),
  };
}

function cases(): Omit<Case, 'packetsPerSecond'>[] {
  const numbers = (list: string): number[] => list.split(',').map(Number);
  return numbers(flags.n).flatMap((viewers) =>
    numbers(flags.processes).flatMap((processes) =>
      numbers(flags.relays).flatMap((relays) =>
        numbers(flags.layers).map((layers) => ({ viewers, processes, relays, layers })),
      ),
    ),
  );
}

function usedBy(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + cpuNanoseconds(pid), 0);
}

/** Of what was sent to the relay: lost before it, dropped in it, or lost behind it. */
function lossPercent(before: Figures, after: Figures, seen: Figures): number {
  const grown = (name: string): number => figure(after, name) - figure(before, name);
  const inRelay = (grown('refused') * PROBES) / figure(after, 'connected');
  const beforeRelay = (grown('lost') + grown('stale')) * PROBES;
  const lost = beforeRelay + inRelay + figure(seen, 'lost');
  return (100 * lost) / (figure(seen, 'packets') + lost);
}

function figure(figures: Figures, name: string): number {
  const value = figures[name];
  if (value === undefined) throw new Error(`no figure ${name}`);
  return value;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function conditions(): string {
  const [cpu] = cpus();
  const memory = /MemTotal:\s+(\d+)/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? '0';
  const others = flags.awake ? 'all viewers awake' : 'all viewers but two stopped';
  return [
    `${cpus().length} x ${cpu?.model ?? 'unknown CPU'}, ${round(Number(memory) / 1e6, 1)} GB, Linux ${release()}`,
    `Node.js ${process.version}, libdatachannel ${getLibraryVersion()}, load ${round(loadavg()[0] ?? 0, 1)} at the start`,
    `loopback, SRTP AES-256-GCM, ${flags.saturate ? 'from ' : ''}${flags.pps} packets/s of ${flags.size} bytes, ${flags.seconds} s, ${others}`,
  ].join('\n');
}

function render(rows: readonly Row[]): string {
  const head = [
    'processes',
    'relays',
    'layers',
    'viewers',
    'packets/s',
    'CPU %',
    'us/packet',
    'packets/s and core',
    'MB/viewer',
    'p50 ms',
    'p99 ms',
    'loss %',
    'idle %',
  ];
  const cells = rows.map((row) => [
    row.processes,
    row.relays,
    row.layers,
    row.viewers,
    row.packetsPerSecond,
    row.cpuPercent,
    row.cpuMicrosecondsPerPacket,
    row.packetsPerSecondAndCore,
    row.megabytesPerViewer,
    row.latencyP50Ms,
    row.latencyP99Ms,
    row.lossPercent,
    row.idlePercent,
  ]);
  const lines = [head, head.map(() => '---:'), ...cells].map((line) => `| ${line.join(' | ')} |`);
  return lines.join('\n');
}

try {
  if (!flags.json) console.log(`${conditions()}\n`);
  const rows: Row[] = [];
  for (const one of cases()) {
    for (let packetsPerSecond = Number(flags.pps); ; packetsPerSecond = Math.round(packetsPerSecond * 1.5)) {
      const row = await measure({ ...one, packetsPerSecond });
      rows.push(row);
      if (flags.json) console.log(JSON.stringify(row));
      for (const worker of workers) worker.end();
      workers.clear();
      await sleep(500);
      if (!flags.saturate || row.lossPercent > MOST_LOSS_PERCENT) break;
    }
  }
  if (!flags.json) console.log(render(rows));
} finally {
  for (const worker of workers) worker.end();
}
