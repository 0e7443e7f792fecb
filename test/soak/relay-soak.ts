/**
 * Minutes of two relays whose viewers come in crowds, leave, and die without a word, as do WHIP publishers with their WHEP
 * players; the second relay is killed and
 * started again all the while. One viewer stays at the first relay from the beginning to the end: what it loses was
 * lost by the relay, and what the relay's process still holds when all others are gone has leaked.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '@casto/core';
import { Worker } from '../../packages/nodejs/bench/worker-calls.ts';
import { NativeWorld } from '../../packages/nodejs/test/relay/native-pages.ts';
import { goLive } from '../fuzz/scenarios.ts';
import { ScenarioPeers, type RelayAddress, type Watching } from '../fuzz/scenario/scenario-peer.ts';
import { startRelay, type RelayProcess } from '../harness/relay-process.ts';
import { sampleRelay, type RelaySample } from './relay-samples.ts';

const TURN_MS = 5_000;
/** Crowds at a time, each in a process of its own. */
const MAX_CROWDS = 4;
const MAX_CROWD_VIEWERS = 8;
/** WHEP players of one WHIP publisher. */
const MAX_PLAYERS = 3;
/** Turns between two deaths of the second relay. */
const RELAY_DIES_EVERY = 12;
/** A link is given up when ICE has had no answer for 30 s; a connection of libp2p not much later. */
const FORGOTTEN_WITHIN_MS = 90_000;
const LOOK_MS = 2_000;

export interface SoakReport {
  readonly samples: readonly RelaySample[];
  /** Before the first crowd, and when the last has been forgotten. */
  readonly before: RelaySample;
  readonly after: RelaySample;
  readonly joins: number;
  /** WHIP and WHEP sessions that were made. */
  readonly guests: number;
  readonly leaves: number;
  readonly kills: number;
  readonly relayKills: number;
  /** Of the viewer that stays. */
  readonly packets: number;
  readonly lost: number;
  readonly problems: readonly string[];
}

export interface SoakOptions {
  readonly minutes: number;
  /** Of each relay. */
  readonly processes: number;
  readonly random: Random;
  readonly progress: (text: string) => void;
}

export async function soakRelay(options: SoakOptions): Promise<SoakReport> {
  const flags = ['--processes', String(options.processes)];
  const env = { NODE_OPTIONS: `--import=${import.meta.resolve('./collected-heap.ts')}` };
  const first = await startRelay({ flags, env });
  const second = await startRelay({
    flags,
    env,
    peers: first.multiaddrs.filter((one) => /\/tcp\/\d+\/p2p\//.test(one)),
  });
  const world = new NativeWorld();
  const peers = new ScenarioPeers(addressOf(first));
  try {
    const channel = await goLive(world, addressOf(first));
    const viewer = await peers.watch(channel);
    const soak = new RelaySoak({ ...options, relays: [first, second], channel, viewer });
    try {
      return await soak.run();
    } finally {
      soak.end();
    }
  } finally {
    await peers.stop();
    await world.stop();
    await Promise.all([first.stop(), second.stop()]);
  }
}

interface SoakParts extends SoakOptions {
  readonly relays: readonly [RelayProcess, RelayProcess];
  readonly channel: string;
  readonly viewer: Watching;
}

class RelaySoak {
  readonly #parts: SoakParts;
  readonly #crowds: Worker[] = [];
  readonly #samples: RelaySample[] = [];
  readonly #problems: string[] = [];
  readonly #counts = { joins: 0, guests: 0, leaves: 0, kills: 0, relayKills: 0 };
  #beganAt = 0;

  constructor(parts: SoakParts) {
    this.#parts = parts;
  }

  async run(): Promise<SoakReport> {
    const { minutes, relays, viewer } = this.#parts;
    const [first] = relays;
    await sleep(TURN_MS);
    this.#beganAt = performance.now();
    const before = await this.#sample(first);
    const atFirst = viewer.counts();
    for (let turn = 1; performance.now() - this.#beganAt < minutes * 60_000; turn++) {
      const turned = performance.now();
      await this.#note(() => this.#turn(turn));
      await sleep(Math.max(0, TURN_MS - (performance.now() - turned)));
      this.#samples.push(await this.#sample(first));
      this.#parts.progress(this.#describe());
    }
    const atLast = viewer.counts();
    for (const crowd of this.#crowds.splice(0)) await this.#note(() => this.#leave(crowd));
    const after = await this.#untilForgotten(first, before);
    const packets = atLast.packets - atFirst.packets;
    const lost = atLast.lost - atFirst.lost;
    return {
      samples: this.#samples,
      before,
      after,
      ...this.#counts,
      packets,
      lost,
      problems: this.#problems,
    };
  }

  /** Leaves no process behind. */
  end(): void {
    for (const crowd of this.#crowds.splice(0)) crowd.end();
  }

  async #turn(turn: number): Promise<void> {
    const { random, relays } = this.#parts;
    if (turn % RELAY_DIES_EVERY === 0) {
      await relays[1].restart();
      this.#counts.relayKills++;
    } else if (this.#crowds.length === MAX_CROWDS || (this.#crowds.length > 0 && random.next() < 0.3)) {
      const [crowd] = this.#crowds.splice(random.below(this.#crowds.length), 1);
      if (crowd === undefined) return;
      if (random.next() < 0.5) await this.#leave(crowd);
      else {
        crowd.end();
        this.#counts.kills++;
      }
    } else if (random.next() < 0.3) await this.#invite();
    else await this.#join();
  }

  async #join(): Promise<void> {
    const { random, relays, channel } = this.#parts;
    const relay = addressOf(relays[random.below(relays.length)] ?? relays[0]);
    const viewers = 1 + random.below(MAX_CROWD_VIEWERS);
    const crowd = new Worker(new URL('crowd.ts', import.meta.url).href);
    this.#crowds.push(crowd);
    const joined = Number(await crowd.call('join', JSON.stringify({ relay, channel, viewers })));
    this.#counts.joins += joined;
    if (joined < viewers) this.#problems.push(`${viewers - joined} of ${viewers} viewers were not let in`);
  }

  /** At the first relay, which is never killed. */
  async #invite(): Promise<void> {
    const { random, relays } = this.#parts;
    const count = 1 + random.below(MAX_PLAYERS);
    const crowd = new Worker(new URL('guests.ts', import.meta.url).href);
    this.#crowds.push(crowd);
    const name = `studio-${this.#counts.guests}`;
    const made = Number(await crowd.call('join', JSON.stringify({ http: relays[0].http, name, count })));
    this.#counts.guests += made;
    if (made < count + 1) this.#problems.push(`${count + 1 - made} of ${count} WHEP players were not let in`);
  }

  async #leave(crowd: Worker): Promise<void> {
    try {
      const packets = Number(await crowd.call('leave'));
      this.#counts.leaves++;
      if (packets === 0) this.#problems.push('a crowd left without having got a packet');
    } finally {
      crowd.end();
    }
  }

  /** The viewer that stays, and what the second relay stands by with, may remain. */
  async #untilForgotten(relay: RelayProcess, { children, guests }: RelaySample): Promise<RelaySample> {
    const deadline = performance.now() + FORGOTTEN_WITHIN_MS;
    for (;;) {
      const sample = await this.#sample(relay);
      const isForgotten = sample.children <= children && sample.guests <= guests;
      if (isForgotten || performance.now() > deadline) {
        // What the last links held goes with the next collection.
        await sleep(TURN_MS);
        return this.#sample(relay);
      }
      await sleep(LOOK_MS);
    }
  }

  #sample({ http }: RelayProcess): Promise<RelaySample> {
    return sampleRelay(http, Math.round((performance.now() - this.#beganAt) / 1_000));
  }

  async #note(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.#problems.push(error instanceof Error ? error.message : String(error));
    }
  }

  #describe(): string {
    const { joins, guests, leaves, kills, relayKills } = this.#counts;
    const last = this.#samples.at(-1);
    const taken = `${last?.residentMb.toFixed(0)} MB, ${last?.openFiles} files, ${last?.children} children, ${last?.guests} sessions`;
    const done = `${joins} joins, ${guests} guests, ${leaves} crowds left, ${kills} killed, ${relayKills} relays killed`;
    return `${last?.atS} s: ${taken}; ${done}; ${this.#parts.viewer.counts().lost} lost, ${this.#problems.length} problems`;
  }
}

function addressOf({ peerId, multiaddrs, http }: RelayProcess): RelayAddress {
  return { peerId, multiaddrs, httpPort: Number(new URL(http).port), mediaPort: 0 };
}
