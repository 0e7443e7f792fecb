/**
 * Attacks on a running relay, with a streamer and a viewer that have nothing to do with them. Three processes: the
 * relay, the attackers, and this one, in which the streamer and the viewer are.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { multiaddr } from '@multiformats/multiaddr';
import type { ChannelId } from '@casto/core';
import { readNumbers, Worker } from '../../packages/nodejs/bench/worker-calls.ts';
import { NativeWorld } from '../../packages/nodejs/test/relay/native-pages.ts';
import { ScenarioPeers, type RelayAddress, type Watching } from './scenario/scenario-peer.ts';

export const SCENARIOS = [
  'join-flood',
  'slow-loris',
  'spoofed-ssrc',
  'nack-storm',
  'pli-storm',
  'silent-reader',
] as const;

/** On a quiet machine. */
const MAX_P99_MS = 50;
/** Without a packet at the end: the link of the viewer was given up. The streamer sends one every 20 ms. */
const MAX_SILENT_MS = 1_000;
const SETTLE_MS = 2_000;
const BASELINE_MS = 5_000;

export interface Phase {
  readonly elapsedMs: number;
  /** Since the viewer's last packet, at the end. */
  readonly silentMs: number;
  readonly packets: number;
  readonly lost: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly residentMb: number;
}

export interface ScenarioReport {
  readonly before: Phase;
  readonly during: Phase;
  /** What the attackers did: joins, bytes, packets. */
  readonly done: number;
  /** What the relay refused, by reason. */
  readonly refused: Readonly<Record<string, number>>;
}

/** Runs a scenario and prints what came of it. @returns 0 when the viewer lost nothing and the event loop kept up. */
export async function runScenario(name: string, seconds: number): Promise<number> {
  if (!SCENARIOS.some((known) => known === name)) {
    throw new Error(`no scenario ${name}; there are ${SCENARIOS.join(', ')}`);
  }
  const { before, during, done, refused } = await attackRelay(name, seconds);
  const line = (phase: string, { elapsedMs, packets, lost, p50, p99, max, residentMb }: Phase): string =>
    `  ${phase}: ${packets} packets in ${(elapsedMs / 1000).toFixed(1)} s, ${lost} lost; event loop p50 ${p50.toFixed(1)} p99 ${p99.toFixed(1)} max ${max.toFixed(1)} ms; ${residentMb.toFixed(0)} MB`;
  console.log(`${name}: ${done} done in ${seconds} s`);
  console.log(line('before', before));
  console.log(line('during', during));
  console.log(`  refused: ${JSON.stringify(refused)}`);
  const isFed = during.silentMs < MAX_SILENT_MS;
  if (!isFed) console.log(`  the viewer got nothing for ${Math.round(during.silentMs)} ms`);
  return during.lost === 0 && isFed && during.p99 < MAX_P99_MS ? 0 : 1;
}

export async function attackRelay(name: string, seconds: number): Promise<ScenarioReport> {
  const relay = worker('relay-process.ts');
  const attackers = worker('attack-process.ts');
  const world = new NativeWorld();
  let peers: ScenarioPeers | null = null;
  try {
    const address = JSON.parse(await relay.call('where')) as RelayAddress;
    peers = new ScenarioPeers(address);
    const channel = await goLive(world, address);
    const viewer = await peers.watch(channel);
    await sleep(SETTLE_MS);
    const before = await phase(relay, viewer, () => sleep(BASELINE_MS));
    const during = await phase(relay, viewer, async () => {
      await attackers.call('attack', JSON.stringify({ name, relay: address, channel }));
      if (name === 'silent-reader') attackers.freeze();
      await sleep(seconds * 1_000);
    });
    const done = name === 'silent-reader' ? 1 : (readNumbers(await attackers.call('figures'))['done'] ?? 0);
    return { before, during, done, refused: readNumbers(await relay.call('refused')) };
  } finally {
    attackers.end();
    await peers?.stop();
    await world.stop();
    relay.end();
  }
}

function worker(file: string): Worker {
  return new Worker(new URL(`scenario/${file}`, import.meta.url).href);
}

export async function goLive(world: NativeWorld, { peerId, multiaddrs }: RelayAddress): Promise<ChannelId> {
  const streamer = await world.page();
  const address = multiaddrs.find((candidate) => candidate.includes('/ws')) ?? '';
  // Of the relay that a page announces to, it needs the addresses alone.
  const peer = { id: peerId, libp2p: { getMultiaddrs: () => [multiaddr(address)] } };
  await streamer.goLive({ peer } as unknown as Parameters<typeof streamer.goLive>[0]);
  return streamer.channel;
}

async function phase(relay: Worker, viewer: Watching, run: () => Promise<void>): Promise<Phase> {
  const before = viewer.counts();
  await relay.call('begin');
  const startedAt = performance.now();
  await run();
  const elapsedMs = performance.now() - startedAt;
  const { p50 = 0, p99 = 0, max = 0, residentMb = 0 } = readNumbers(await relay.call('figures'));
  const after = viewer.counts();
  return {
    elapsedMs,
    silentMs: viewer.silentMs(),
    packets: after.packets - before.packets,
    lost: after.lost - before.lost,
    p50,
    p99,
    max,
    residentMb,
  };
}
