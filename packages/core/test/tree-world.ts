/**
 * A small world of tree peers in virtual time: links with one latency, media that follow the true chain of parents,
 * two directories that everybody asks. Nothing happens except in `advance`.
 */

import { createDirectory, type Directory } from '../src/tree/directory.ts';
import { createTreePeer, type TreePeer, type TreePeerOptions } from '../src/tree/tree-peer.ts';
import type { TreeEffect, TreeInput } from '../src/tree/tree-io.ts';
import type { TreeView } from '../src/tree/tree-view.ts';
import type { TreeTuning } from '../src/tree/tree-tuning.ts';
import type { Farewell, LinkState } from '../src/control-messages.ts';
import type { PeerId } from '../src/peer-id.ts';
import { peerIdNumbered } from './base58.ts';

/** As large as real clocks are. */
export const START = 1_700_000_000_000;
export const EPOCH = 1_700_000_000;

const CONNECT_MS = 100;
/** Until a child notices that its parent has gone silent. */
export const SILENCE_MS = 110;
const STANDBY_SILENCE_MS = 8_000;
const CONSENT_MS = 10_000;
const NO_WAY_MS = 4_000;

export interface WorldOptions {
  seed?: number;
  /** One way. */
  latencyMs?: number;
  tuning?: Partial<TreeTuning>;
}

export interface PeerSetup {
  kind?: 'browser' | 'headless';
  maxChildren?: number;
  uplinkBps?: number;
  layers?: number;
  ageS?: number;
  isViewer?: boolean;
  tuning?: Partial<TreeTuning>;
}

interface Link {
  readonly child: WorldPeer;
  readonly parent: WorldPeer;
  isUp: boolean;
  isServed: boolean;
  /** The activation that the child was told of. */
  servedAt: number;
  toldFlowing: boolean;
  /** Nothing gets through; the number tells one loss from the next. */
  lost: number | null;
  isSilent: boolean;
}

export class WorldPeer {
  /** The streamer is number 0. */
  readonly number: number;
  readonly id: PeerId;
  /** Children that its owner allows. */
  readonly maxChildren: number;
  readonly tree: TreePeer;
  readonly world: TreeWorld;
  readonly effects: { at: number; effect: TreeEffect }[] = [];
  isAlive = true;
  /** Changes what this peer does: the effects that are left are done. */
  tamper: ((effect: TreeEffect) => TreeEffect[]) | null = null;
  /** Share of the media that it passes on. */
  givenShare = 1;
  plays: WorldPeer | null = null;

  constructor(world: TreeWorld, number: number, options: TreePeerOptions) {
    this.world = world;
    this.number = number;
    this.id = options.self;
    this.maxChildren = options.maxChildren;
    this.tree = createTreePeer(options);
  }

  get view(): TreeView {
    return this.tree.view(this.world.now);
  }

  get parent(): WorldPeer | null {
    return this.plays;
  }

  /** Those that this peer sends media to. */
  get children(): WorldPeer[] {
    return this.world.links
      .filter(({ parent, isServed }) => parent === this && isServed)
      .map(({ child }) => child);
  }

  get standbys(): PeerId[] {
    return this.view.parents.filter(({ role }) => role === 'standby').map(({ peerId }) => peerId);
  }

  tell(input: TreeInput): readonly TreeEffect[] {
    return this.world.tell(this, input);
  }

  /** What it has done of one type. */
  did<T extends TreeEffect['type']>(type: T): Extract<TreeEffect, { type: T }>[] {
    return this.effects.flatMap(({ effect }) =>
      effect.type === type ? [effect as Extract<TreeEffect, { type: T }>] : [],
    );
  }
}

interface Happening {
  at: number;
  order: number;
  run(): void;
}

export class TreeWorld {
  now = START;
  readonly peers: WorldPeer[] = [];
  links: Link[] = [];
  readonly directories: Directory[];
  readonly channel = peerIdNumbered(0);
  readonly latencyMs: number;
  /** Pairs that cannot reach each other. */
  isCut: (a: WorldPeer, b: WorldPeer) => boolean = () => false;
  readonly #tuning: Partial<TreeTuning>;
  readonly #seed: number;
  #queue: Happening[] = [];
  #held: { from: WorldPeer; to: WorldPeer; input: TreeInput }[] = [];
  #order = 0;

  constructor({ seed = 1, latencyMs = 20, tuning = {} }: WorldOptions = {}) {
    this.#seed = seed;
    this.latencyMs = latencyMs;
    this.#tuning = tuning;
    this.directories = [createDirectory({ seed }), createDirectory({ seed: seed + 1 })];
  }

  streamer(setup: PeerSetup = {}): WorldPeer {
    const peer = this.#add({ maxChildren: 4, isViewer: false, ...setup });
    this.tell(peer, { type: 'uplink', bps: setup.uplinkBps ?? 40_000_000 });
    this.tell(peer, { type: 'broadcast', epoch: EPOCH });
    return peer;
  }

  /** A peer that begins to look for a place. */
  join(setup: PeerSetup = {}): WorldPeer {
    const peer = this.#add(setup);
    this.tell(peer, { type: 'start' });
    return peer;
  }

  /** Peers one after another, each settled before the next. */
  chain(count: number, setup: PeerSetup = {}): WorldPeer[] {
    return Array.from({ length: count }, () => {
      const peer = this.join({ maxChildren: 1, ...setup });
      this.advance(3_000);
      return peer;
    });
  }

  #add({
    kind = 'browser',
    maxChildren = 6,
    layers = 1,
    ageS = 0,
    isViewer = true,
    ...rest
  }: PeerSetup): WorldPeer {
    const number = this.peers.length;
    const peer = new WorldPeer(this, number, {
      self: peerIdNumbered(number),
      channel: this.channel,
      kind,
      addresses: [`/memory/${number}`],
      seed: this.#seed * 1_000 + number,
      maxChildren,
      isViewer,
      layers,
      ageS,
      tuning: { ...this.#tuning, ...rest.tuning },
    });
    this.peers.push(peer);
    if (rest.uplinkBps !== undefined) this.tell(peer, { type: 'uplink', bps: rest.uplinkBps });
    return peer;
  }

  peer(id: PeerId): WorldPeer {
    const found = this.peers.find((each) => each.id === id);
    if (!found) throw new Error(`no peer ${id}`);
    return found;
  }

  /** It vanishes without a word. */
  crash(peer: WorldPeer): void {
    peer.isAlive = false;
    for (const link of this.links) if (link.parent === peer || link.child === peer) this.#lose(link);
    for (const directory of this.directories) this.after(CONSENT_MS, () => directory.forget(peer.id));
  }

  /** Pairs that cannot reach each other from now on: their links fall silent, and break when it lasts. */
  cut(isCut: (a: WorldPeer, b: WorldPeer) => boolean): void {
    this.isCut = isCut;
    for (const link of this.links) {
      if (!link.isUp) continue;
      if (!link.child.isAlive || !link.parent.isAlive || isCut(link.child, link.parent)) this.#lose(link);
      else if (link.lost !== null) this.#restore(link);
    }
    const held = this.#held.splice(0);
    for (const { from, to, input } of held) if (this.#linkOf(from, to.id)) this.#deliver(from, to, input);
  }

  /** The links of a peer to its parents are gone; both ends live on. */
  sever(peer: WorldPeer): void {
    for (const link of this.links.filter(({ child }) => child === peer)) this.#unlink(link);
  }

  leave(peer: WorldPeer): void {
    this.tell(peer, { type: 'leave', reason: 'leaving' });
    peer.isAlive = false;
    for (const directory of this.directories) directory.forget(peer.id);
  }

  advance(ms: number): void {
    const until = this.now + ms;
    for (let steps = 0; steps < 1_000_000; steps++) {
      const timer = this.#nextTimer(until);
      const [next] = this.#queue;
      if (next && next.at <= until && (timer === null || next.at <= timer.at)) {
        this.#queue.shift();
        this.now = Math.max(this.now, next.at);
        next.run();
      } else if (timer) {
        this.now = Math.max(this.now, timer.at);
        this.tell(timer.peer, { type: 'timeout' });
      } else {
        this.now = until;
        return;
      }
    }
    throw new Error('the world does not come to rest');
  }

  after(ms: number, run: () => void): void {
    const happening = { at: this.now + ms, order: this.#order++, run };
    const at = this.#queue.findIndex((each) => each.at > happening.at);
    this.#queue.splice(at < 0 ? this.#queue.length : at, 0, happening);
  }

  tell(peer: WorldPeer, input: TreeInput): readonly TreeEffect[] {
    if (!peer.isAlive) return [];
    const effects = peer.tree.step(this.now, input).flatMap((effect) => peer.tamper?.(effect) ?? [effect]);
    for (const effect of effects) {
      peer.effects.push({ at: this.now, effect });
      this.#run(peer, effect);
    }
    return effects;
  }

  /** Whether media of the streamer reach it. */
  isFed(peer: WorldPeer): boolean {
    let at: WorldPeer | null = peer;
    for (let hops = 0; at !== null && hops < 50; hops++) {
      if (!at.isAlive) return false;
      if (at.id === this.channel) return true;
      const parent: WorldPeer | null = at.plays;
      const child: WorldPeer = at;
      const link = this.links.find((each) => each.child === child && each.parent === parent);
      if (!parent || !link?.isServed || parent.givenShare === 0 || this.isCut(parent, at)) return false;
      at = parent;
    }
    return false;
  }

  /** Numbers of the live peers that no media reach. */
  get unfed(): number[] {
    return this.peers.filter((peer) => peer.isAlive && !this.isFed(peer)).map(({ number }) => number);
  }

  /** Numbers of the peers whose chain of parents comes back to them. */
  get loops(): number[] {
    const isBelowItself = (peer: WorldPeer): boolean => {
      let at = peer.plays;
      for (let hops = 0; at !== null && hops <= this.peers.length; hops++) {
        if (at === peer) return true;
        at = at.plays;
      }
      return false;
    };
    return this.peers.filter((peer) => peer.isAlive && isBelowItself(peer)).map(({ number }) => number);
  }

  #run(peer: WorldPeer, effect: TreeEffect): void {
    switch (effect.type) {
      case 'seek':
        for (const directory of this.directories) {
          this.after(2 * this.latencyMs, () =>
            this.tell(peer, { type: 'found', candidates: directory.find(this.now, peer.id, effect.layers) }),
          );
        }
        return;
      case 'report':
        this.after(this.latencyMs, () => {
          for (const directory of this.directories) {
            directory.report(this.now, peer.id, [`/memory/${this.peers.indexOf(peer)}`], effect.offer);
          }
        });
        return;
      case 'probe':
        return this.#probe(peer, this.peer(effect.candidate.peerId));
      case 'join':
        return this.#join(peer, this.peer(effect.candidate.peerId), effect.join);
      case 'play':
        peer.plays = effect.peerId === null ? null : this.peer(effect.peerId);
        this.#spreadMedia();
        return;
      case 'serve':
        for (const link of this.links) {
          if (link.parent !== peer || link.child.id !== effect.peerId) continue;
          link.isServed = effect.isActive;
          link.servedAt = this.now;
          link.toldFlowing = false;
        }
        this.#spreadMedia();
        return;
      case 'close': {
        const link = this.#linkOf(peer, effect.peerId);
        if (!link) return;
        const other = link.parent === peer ? link.child : link.parent;
        this.links = this.links.filter((each) => each !== link);
        this.#part(peer, other, effect.reason);
        return;
      }
      case 'send':
        if (!this.#linkOf(peer, effect.peerId)) return;
        return this.#deliver(peer, this.peer(effect.peerId), {
          type: 'message',
          peerId: peer.id,
          message: effect.message,
        });
      case 'advertise':
        return this.#advertise(peer, this.peer(effect.peerId), effect.state);
      default:
      // The answers to a join are taken by whoever asked.
    }
  }

  #advertise(from: WorldPeer, to: WorldPeer, state: LinkState): void {
    if (this.#linkOf(from, to.id)) this.#deliver(from, to, { type: 'state', peerId: from.id, state });
  }

  #probe(peer: WorldPeer, target: WorldPeer): void {
    this.after(2 * this.latencyMs, () => {
      if (!target.isAlive || this.isCut(peer, target)) return;
      const standing = target.tree.standing(this.now);
      this.after(2 * this.latencyMs, () =>
        this.tell(peer, { type: 'probed', peerId: target.id, rttMs: 2 * this.latencyMs, standing }),
      );
    });
  }

  #join(peer: WorldPeer, target: WorldPeer, join: Extract<TreeEffect, { type: 'join' }>['join']): void {
    this.after(2 * this.latencyMs, () => {
      if (!target.isAlive || this.isCut(peer, target)) {
        this.after(NO_WAY_MS, () =>
          this.tell(peer, { type: 'answered', peerId: target.id, answer: { type: 'failed' } }),
        );
        return;
      }
      const addresses = [`/memory/${this.peers.indexOf(peer)}`];
      const effects = this.tell(target, { type: 'asked', peerId: peer.id, addresses, join });
      for (const effect of effects) {
        if (effect.type === 'refuse') {
          const { reason, retryAfterMs } = effect;
          this.#answer(peer, target, { type: 'refused', reason, retryAfterMs });
        }
        if (effect.type === 'redirect')
          this.#answer(peer, target, { type: 'redirected', parents: effect.parents });
        if (effect.type === 'accept') {
          this.#answer(peer, target, {
            type: 'accepted',
            kind: target.tree.standing(this.now)?.kind ?? 'browser',
          });
          this.#connect(peer, target, !effect.standby);
        }
      }
    });
  }

  #answer(
    peer: WorldPeer,
    target: WorldPeer,
    answer: Extract<TreeInput, { type: 'answered' }>['answer'],
  ): void {
    this.after(2 * this.latencyMs, () => this.tell(peer, { type: 'answered', peerId: target.id, answer }));
  }

  #connect(child: WorldPeer, parent: WorldPeer, isServed: boolean): void {
    const link: Link = {
      child,
      parent,
      isUp: false,
      isServed,
      servedAt: this.now,
      toldFlowing: false,
      lost: null,
      isSilent: false,
    };
    this.links = this.links.filter((each) => each.child !== child || each.parent !== parent);
    this.links.push(link);
    this.after(2 * this.latencyMs + CONNECT_MS, () => {
      if (!this.links.includes(link)) return;
      if (!child.isAlive || !parent.isAlive || this.isCut(child, parent)) {
        this.after(NO_WAY_MS, () => this.#unlink(link));
        return;
      }
      link.isUp = true;
      const rttMs = 2 * this.latencyMs;
      for (const [self, other] of [
        [child, parent],
        [parent, child],
      ] as const) {
        this.tell(self, { type: 'linked', peerId: other.id });
        this.tell(self, { type: 'measured', peerId: other.id, rttMs, offsetMs: 0 });
      }
      this.#spreadMedia();
    });
  }

  /** Tells children of pictures wherever they have begun to come. */
  #spreadMedia(): void {
    for (const link of this.links) {
      if (!link.isUp || !link.isServed || link.toldFlowing || !this.isFed(link.parent)) continue;
      if (link.parent.givenShare === 0 || this.isCut(link.parent, link.child)) continue;
      link.toldFlowing = true;
      const { servedAt } = link;
      this.after(this.latencyMs + 20, () => {
        if (!this.links.includes(link) || link.servedAt !== servedAt || !link.isServed) return;
        this.tell(link.child, { type: 'flowing', peerId: link.parent.id });
        const receivedShare = link.parent.givenShare;
        for (const after of [2_000, 4_000, 6_000]) {
          if (receivedShare < 1) this.after(after, () => this.#measure(link, receivedShare));
        }
        this.#spreadMedia();
      });
    }
  }

  #measure(link: Link, receivedShare: number): void {
    if (!this.links.includes(link) || !link.isServed) return;
    this.tell(link.child, { type: 'measured', peerId: link.parent.id, receivedShare });
  }

  #lose(link: Link): void {
    if (link.lost !== null) return;
    const lost = this.#order++;
    link.lost = lost;
    const { child, parent } = link;
    this.after(link.isServed ? SILENCE_MS : STANDBY_SILENCE_MS, () => {
      if (link.lost !== lost || !this.links.includes(link)) return;
      link.isSilent = true;
      this.tell(child, { type: 'silent', peerId: parent.id });
    });
    this.after(CONSENT_MS, () => {
      if (link.lost === lost) this.#unlink(link);
    });
  }

  #restore(link: Link): void {
    link.lost = null;
    if (link.isSilent) this.tell(link.child, { type: 'revived', peerId: link.parent.id });
    link.isSilent = false;
    this.#spreadMedia();
  }

  #unlink(link: Link): void {
    if (!this.links.includes(link)) return;
    this.links = this.links.filter((each) => each !== link);
    this.tell(link.child, { type: 'unlinked', peerId: link.parent.id, farewell: null });
    this.tell(link.parent, { type: 'unlinked', peerId: link.child.id, farewell: null });
  }

  #linkOf(peer: WorldPeer, other: PeerId): Link | undefined {
    return this.links.find(
      ({ child, parent }) =>
        (child === peer && parent.id === other) || (parent === peer && child.id === other),
    );
  }

  #deliver(from: WorldPeer, to: WorldPeer, input: TreeInput): void {
    this.after(this.latencyMs, () => {
      // The control channel is reliable: what cannot get through comes later.
      if (this.isCut(from, to)) this.#held.push({ from, to, input });
      else this.tell(to, input);
    });
  }

  /** One end closes; the other hears of it, or notices at last. */
  #part(from: WorldPeer, to: WorldPeer, farewell: Farewell): void {
    const isHeard = from.isAlive && !this.isCut(from, to);
    this.after(isHeard ? this.latencyMs : CONSENT_MS, () => {
      if (this.#linkOf(from, to.id)) return;
      this.tell(to, { type: 'unlinked', peerId: from.id, farewell: isHeard ? farewell : null });
    });
  }

  #nextTimer(until: number): { at: number; peer: WorldPeer } | null {
    let earliest: { at: number; peer: WorldPeer } | null = null;
    for (const peer of this.peers) {
      const at = peer.isAlive ? peer.tree.deadline() : null;
      if (at !== null && at <= until && (earliest === null || at < earliest.at)) earliest = { at, peer };
    }
    return earliest;
  }
}
