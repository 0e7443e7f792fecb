/** The simulated world: its clock, its peers, the ways between them, and who watches. */

import { createRandom, type ChannelId, type Random, type TreePeer, type TreePeerOptions } from '@casto/core';
import type { Observer, PeerIndex, WorldEvent, WorldView } from '../world-view.ts';
import { ControlBooks } from './control-books.ts';
import { createQueue, type WorldQueue } from './events.ts';
import type { LatencyModel } from './latency.ts';
import type { Link } from './link.ts';
import { indexOf, peerIdOf } from './peer-ids.ts';
import { HANDLING_MS } from './physics.ts';
import { RunHash } from './run-hash.ts';
import { SimPeer, type Traits } from './sim-peer.ts';
import { WorldBooks } from './world-books.ts';

export interface WorldOptions {
  readonly seed: number;
  readonly latency: LatencyModel;
  readonly observers: readonly Observer[];
  /** Makes the core of a peer. */
  readonly createCore: (options: TreePeerOptions, peer: SimPeer) => TreePeer;
}

export class World {
  now = 0;
  readonly queue: WorldQueue = createQueue();
  readonly peers: SimPeer[] = [];
  readonly relays: SimPeer[] = [];
  readonly latency: LatencyModel;
  readonly books: ControlBooks;
  readonly channel: ChannelId = peerIdOf(0);
  /** Decides what happens on the way, apart from who comes: that is the population's. */
  readonly chance: Random;
  readonly createCore: WorldOptions['createCore'];
  readonly hash = new RunHash();
  readonly view: WorldView;
  /** Viewers that have lost their media, counted on and on. */
  viewersLost = 0;
  /** The join that a peer is about to answer. */
  asking: Link | null = null;
  /** Of each region: peers on different sides do not reach each other. */
  readonly #sides: Uint8Array;
  readonly #observers: readonly Observer[];

  constructor({ seed, latency, observers, createCore }: WorldOptions) {
    this.latency = latency;
    this.chance = createRandom(seed * 4 + 1);
    this.createCore = createCore;
    this.books = new ControlBooks(this.channel);
    this.#sides = new Uint8Array(latency.regions);
    this.#observers = observers;
    this.view = new WorldBooks(this);
  }

  get streamer(): SimPeer {
    return this.peer(0);
  }

  peer(index: PeerIndex): SimPeer {
    const peer = this.peers[index];
    if (peer === undefined) throw new RangeError(`there is no peer ${index}`);
    return peer;
  }

  peerOf(id: SimPeer['id']): SimPeer {
    return this.peer(indexOf(id));
  }

  /** Gives a new peer a place in the world; its core comes later. */
  addPeer(traits: Traits, draw: Random): SimPeer {
    const index = this.peers.length;
    const peer = new SimPeer(index, peerIdOf(index), traits, this.now);
    this.latency.place(index, traits.region, draw);
    this.peers.push(peer);
    if (traits.role === 'relay') this.relays.push(peer);
    return peer;
  }

  delayMs(a: SimPeer, b: SimPeer): number {
    return this.latency.delayMs(a.index, b.index);
  }

  /** How long a message takes from one peer to another that it has a connection to. */
  messageMs(a: SimPeer, b: SimPeer): number {
    return a === b ? 0 : this.delayMs(a, b) + HANDLING_MS;
  }

  /** Whether packets pass between the two at all. */
  isSameSide(a: SimPeer, b: SimPeer): boolean {
    return this.#sides[a.traits.region] === this.#sides[b.traits.region];
  }

  /** Cuts these regions off from the others, or none. */
  setCut(regions: readonly number[]): void {
    this.#sides.fill(0);
    for (const region of regions) this.#sides[region] = 1;
  }

  /** Whether a media connection between the two can come about. */
  canConnect(a: SimPeer, b: SimPeer): boolean {
    const ofA = a.traits.reachability;
    const ofB = b.traits.reachability;
    const isBlocked = (ofA === 'hard' && ofB !== 'open') || (ofB === 'hard' && ofA !== 'open');
    return !isBlocked && this.isSameSide(a, b);
  }

  /** A wish of a core cannot be met, such as a message over a link that is gone. */
  noteOddity(peer: SimPeer, what: string): void {
    this.emit({ type: 'odd', at: this.now, peer: peer.index, what });
  }

  emit(event: WorldEvent): void {
    for (const observer of this.#observers) observer.event?.(event, this.view);
  }

  tick(): void {
    for (const observer of this.#observers) observer.tick?.(this.view);
  }
}
