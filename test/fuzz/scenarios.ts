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
export const MAX_SILENT_MS = 1_000;
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

export interface AttackOptions {
  readonly seconds: number;
  /** Of the `silent-reader` scenario; 20 unless given. */
  readonly readers?: number;
}

export interface ScenarioReport {
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
  const stage = await AttackStage.open();
  let report: ScenarioReport & { readonly before: Phase };
  try {
    const before = await stage.rest(BASELINE_MS);
    report = { before, ...(await stage.attack(name, { seconds })) };
  } finally {
    await stage.close();
  }
  const { before, during, done, refused } = report;
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

/** A relay with a streamer and a viewer; it may be attacked more than once. */
export class AttackStage {
  readonly #relay: Worker;
  readonly #address: RelayAddress;
  readonly #world: NativeWorld;
  readonly #peers: ScenarioPeers;
  readonly #channel: ChannelId;
  readonly #viewer: Watching;

  private constructor(
    relay: Worker,
    parts: {
      address: RelayAddress;
      world: NativeWorld;
      peers: ScenarioPeers;
      channel: ChannelId;
      viewer: Watching;
    },
  ) {
    this.#relay = relay;
    this.#address = parts.address;
    this.#world = parts.world;
    this.#peers = parts.peers;
    this.#channel = parts.channel;
    this.#viewer = parts.viewer;
  }

  static async open(): Promise<AttackStage> {
    const relay = worker('relay-process.ts');
    const world = new NativeWorld();
    let peers: ScenarioPeers | null = null;
    try {
      const address = JSON.parse(await relay.call('where')) as RelayAddress;
      peers = new ScenarioPeers(address);
      const channel = await goLive(world, address);
      const viewer = await peers.watch(channel);
      await sleep(SETTLE_MS);
      return new AttackStage(relay, { address, world, peers, channel, viewer });
    } catch (error) {
      await peers?.stop();
      await world.stop();
      relay.end();
      throw error;
    }
  }

  /** How the relay and the viewer are while nobody attacks. */
  rest(ms: number): Promise<Phase> {
    return phase(this.#relay, this.#viewer, () => sleep(ms));
  }

  async attack(name: string, { seconds, readers }: AttackOptions): Promise<ScenarioReport> {
    const attackers = worker('attack-process.ts');
    try {
      const task = { name, relay: this.#address, channel: this.#channel, readers };
      const during = await phase(this.#relay, this.#viewer, async () => {
        await attackers.call('attack', JSON.stringify(task));
        if (name === 'silent-reader') attackers.freeze();
        await sleep(seconds * 1_000);
      });
      const done = name === 'silent-reader' ? 1 : (readNumbers(await attackers.call('figures'))['done'] ?? 0);
      return { during, done, refused: readNumbers(await this.#relay.call('refused')) };
    } finally {
      attackers.end();
    }
  }

  async close(): Promise<void> {
    await this.#peers.stop();
    await this.#world.stop();
    this.#relay.end();
  }
}

function worker(file: string): Worker {
  // The test runner resolves sources by itself, and its processes do not.
  return new Worker(new URL(`scenario/${file}`, import.meta.url).href, ['--conditions=casto-source']);
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
