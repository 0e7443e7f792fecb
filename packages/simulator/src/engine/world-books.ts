import type { PeerIndex, PeerRole, WorldView } from '../world-view.ts';
import { isDescendant, mediaChildMs } from './media.ts';
import { BITRATE_BPS } from './physics.ts';
import { pathDelayMs } from './reception.ts';
import type { SimPeer } from './sim-peer.ts';
import type { World } from './world.ts';

/** The world's own books, as those who watch may read them. */
export class WorldBooks implements WorldView {
  readonly bitrateBps = BITRATE_BPS;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  get now(): number {
    return this.#world.now;
  }

  get count(): number {
    return this.#world.peers.length;
  }

  isAlive(peer: PeerIndex): boolean {
    return this.#peer(peer).isAlive;
  }

  role(peer: PeerIndex): PeerRole {
    return this.#peer(peer).traits.role;
  }

  isLiar(peer: PeerIndex): boolean {
    return this.#peer(peer).traits.lie !== null;
  }

  parentOf(peer: PeerIndex): PeerIndex {
    return this.#peer(peer).playing?.parent.index ?? -1;
  }

  isFed(peer: PeerIndex): boolean {
    return this.#peer(peer).isFed;
  }

  hungrySince(peer: PeerIndex): number | null {
    const { isFed, hungrySince } = this.#peer(peer);
    return isFed ? null : hungrySince;
  }

  activeChildren(peer: PeerIndex): number {
    const { isFed, served } = this.#peer(peer);
    return isFed ? served : 0;
  }

  uplinkBps(peer: PeerIndex): number {
    return this.#peer(peer).traits.uplinkBps;
  }

  canReach(a: PeerIndex, b: PeerIndex): boolean {
    return this.#world.canConnect(this.#peer(a), this.#peer(b));
  }

  epoch(peer: PeerIndex): number {
    return this.#peer(peer).epoch;
  }

  pathDelayMs(peer: PeerIndex): number {
    return pathDelayMs(this.#peer(peer));
  }

  depth(peer: PeerIndex): number | null {
    const bottom = this.#peer(peer);
    if (bottom.isStreamer) return 0;
    if (bottom.playing === null || isDescendant(bottom.playing.parent, bottom)) return null;
    let depth = 0;
    for (let at = bottom; !at.isStreamer; depth++) {
      if (at.playing === null || depth > this.count) return null;
      at = at.playing.parent;
      if (!at.isAlive) return null;
    }
    return depth;
  }

  controlBytes(peer: PeerIndex): { payload: number; wire: number } {
    const sender = this.#peer(peer);
    this.#world.books.settle(sender, this.now);
    return { payload: sender.controlPayload, wire: sender.controlWire };
  }

  aliveMs(peer: PeerIndex): number {
    const { isAlive, diedAt, bornAt } = this.#peer(peer);
    return (isAlive ? this.now : diedAt) - bornAt;
  }

  mediaBytes(peer: PeerIndex): number {
    return (mediaChildMs(this.#peer(peer), this.now) / 1000) * (BITRATE_BPS / 8);
  }

  #peer(peer: PeerIndex): SimPeer {
    return this.#world.peer(peer);
  }
}
