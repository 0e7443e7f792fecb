/** A world of a few peers, each with a core that does what it is told and remembers what it hears. */

import {
  createDirectory,
  createRandom,
  type LinkState,
  type Standing,
  type TreeEffect,
  type TreeInput,
  type TreeJoin,
  type TreePeer,
} from '@casto/core';
import { dispatch } from '../src/engine/dispatch.ts';
import { perform } from '../src/engine/effects.ts';
import { EVENT } from '../src/engine/events.ts';
import { setFed } from '../src/engine/media.ts';
import type { SimPeer, Traits } from '../src/engine/sim-peer.ts';
import { World } from '../src/engine/world.ts';
import type { WorldEvent } from '../src/world-view.ts';
import { MatrixLatency } from './matrix-latency.ts';

export interface Heard {
  readonly at: number;
  readonly input: TreeInput;
}

/** Accepts whoever asks, serves whoever wants media, and plays what flows. */
export class ObedientCore implements TreePeer {
  readonly heard: Heard[] = [];
  isAccepting = true;
  word: Standing | null = STANDING;

  step(now: number, input: TreeInput): readonly TreeEffect[] {
    this.heard.push({ at: now, input });
    if (input.type === 'asked') return [this.#answer(input.peerId, input.join)];
    if (input.type === 'flowing') return [{ type: 'play', peerId: input.peerId }];
    if (input.type === 'message' && input.message.type === 'activate') {
      return [{ type: 'serve', peerId: input.peerId, isActive: true }];
    }
    return [];
  }

  deadline(): number | null {
    return null;
  }

  standing(): Standing | null {
    return this.word;
  }

  view(): ReturnType<TreePeer['view']> {
    throw new Error('nobody looks');
  }

  #answer(peerId: SimPeer['id'], join: TreeJoin): TreeEffect {
    if (!this.isAccepting) return { type: 'refuse', peerId, reason: 'full', retryAfterMs: 1_000 };
    return { type: 'accept', peerId, standby: join.standby, layers: join.layers };
  }
}

const STANDING: Standing = {
  kind: 'browser',
  depth: 1,
  delayMs: 50,
  freeSlots: 2,
  ageS: 10,
  layers: 1,
  path: new Uint8Array(8),
  epoch: 3,
  flowing: true,
};

export const STATE: LinkState = {
  depth: 1,
  path: new Uint8Array(8),
  freeSlots: 2,
  subtreeSlots: 3,
  viewers: 4,
  epoch: 3,
  clockOffsetMs: 0,
  flowing: true,
  delayMs: 50,
  slots: 4,
  ageS: 60,
  layers: 1,
  received: null,
};

const TRAITS: Traits = {
  role: 'viewer',
  region: 0,
  uplinkBps: 100e6,
  reachability: 'restricted',
  isMobile: false,
  maxChildren: 6,
  ageS: 0,
  lie: null,
};

export const JOIN: TreeJoin = {
  kind: 'browser',
  path: new Uint8Array(),
  standby: false,
  slots: 2,
  ageS: 0,
  layers: 1,
};

export class SmallWorld {
  readonly events: WorldEvent[] = [];
  readonly world: World;
  readonly #cores = new Map<SimPeer, ObedientCore>();
  readonly #draw = createRandom(1);

  /** @param delaysMs - Between regions; one number for all when there is one region. */
  constructor(delaysMs: number | readonly (readonly number[])[] = 20) {
    const latency = new MatrixLatency(typeof delaysMs === 'number' ? [[delaysMs]] : delaysMs);
    const observers = [{ event: (event: WorldEvent) => this.events.push(event) }];
    const createCore = (): never => {
      throw new Error('cores are given by hand');
    };
    this.world = new World({ seed: 1, latency, observers, createCore });
    this.add({ role: 'streamer', reachability: 'open' });
    setFed(this.world, this.world.streamer, true);
  }

  get streamer(): SimPeer {
    return this.world.streamer;
  }

  add(traits: Partial<Traits>): SimPeer {
    const peer = this.world.addPeer({ ...TRAITS, ...traits }, this.#draw);
    const core = new ObedientCore();
    peer.core = core;
    peer.addresses = [`/address/of/${peer.index}`];
    this.#cores.set(peer, core);
    if (peer.isRelay) {
      peer.directory = createDirectory({ seed: 1 });
      if (this.world.relays.length === 1) this.streamer.contacts = [peer];
    } else peer.contacts = this.world.relays.slice(0, 1);
    return peer;
  }

  core(peer: SimPeer): ObedientCore {
    const core = this.#cores.get(peer);
    if (core === undefined) throw new Error('no such peer');
    return core;
  }

  act(peer: SimPeer, ...effects: TreeEffect[]): void {
    for (const effect of effects) perform(this.world, peer, effect);
  }

  /** Lets a child ask a parent for a place. */
  join(child: SimPeer, parent: SimPeer, join: Partial<TreeJoin> = {}): void {
    const candidate = { peerId: parent.id, addresses: [...parent.addresses] };
    this.act(child, { type: 'join', candidate, join: { ...JOIN, ...join } });
  }

  /** A chain that is fed, each peer below the one before; links between them take their time to come up. */
  chain(...peers: SimPeer[]): void {
    peers.forEach((parent, i) => {
      const child = peers[i + 1];
      if (child === undefined) return;
      this.join(child, parent);
      this.advance(2_000);
    });
  }

  advance(ms: number): void {
    const { world } = this;
    const until = world.now + ms;
    world.queue.add(until, EVENT.scene, 0);
    while (world.queue.take()) {
      world.now = world.queue.time;
      if (!dispatch(world) && world.now === until) return;
    }
  }

  /** When the peer heard inputs of this type. */
  times(peer: SimPeer, type: TreeInput['type']): number[] {
    return this.core(peer)
      .heard.filter(({ input }) => input.type === type)
      .map(({ at }) => at);
  }

  inputs<T extends TreeInput['type']>(peer: SimPeer, type: T): Extract<TreeInput, { type: T }>[] {
    return this.core(peer).heard.flatMap(({ input }) => (isOf(input, type) ? [input] : []));
  }

  eventsOf<T extends WorldEvent['type']>(type: T): Extract<WorldEvent, { type: T }>[] {
    return this.events.flatMap((event) =>
      event.type === type ? [event as Extract<WorldEvent, { type: T }>] : [],
    );
  }
}

function isOf<T extends TreeInput['type']>(
  input: TreeInput,
  type: T,
): input is Extract<TreeInput, { type: T }> {
  return input.type === type;
}
