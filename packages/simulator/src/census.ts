import type { Observer, PeerIndex, WorldEvent, WorldView } from './world-view.ts';

/** Looks at the world at every tick, through what was counted once for all who look. */
export interface Watcher {
  tick?(census: Census): void;
  event?(event: WorldEvent, world: WorldView): void;
}

/** Lets all of them watch a simulation. */
export function observe(watchers: readonly Watcher[]): Observer {
  const census = new Census();
  return {
    event(event, world) {
      for (const watcher of watchers) watcher.event?.(event, world);
    },
    tick(world) {
      census.take(world);
      for (const watcher of watchers) watcher.tick?.(census);
    },
  };
}

const FIRST_CAPACITY = 1024;
const STREAMER: PeerIndex = 0;

/** Instead of a depth: no path to the streamer, and a path that is being followed. */
const NOWHERE = -1;
const OPEN = -2;

/**
 * Who lives, and how the true parents hang together. One pass over the living per tick: paths are followed once, and
 * what they lead to is remembered, so that depth costs no more than the number of peers. Peers that are gone do not
 * come back, but for the streamer.
 */
export class Census {
  #world: WorldView | null = null;
  #known = 0;
  #tick = 0;
  #living = new Int32Array(FIRST_CAPACITY);
  #livingCount = 0;
  #livedAt = new Int32Array(FIRST_CAPACITY);
  #parents = new Int32Array(FIRST_CAPACITY);
  #depths = new Int16Array(FIRST_CAPACITY);
  #misled = new Uint8Array(FIRST_CAPACITY);
  #loops: PeerIndex[][] = [];
  readonly #trail: PeerIndex[] = [];

  get world(): WorldView {
    if (this.#world === null) throw new Error('a census must be taken before it is read');
    return this.#world;
  }

  get now(): number {
    return this.world.now;
  }

  /** The living, each once, in the order of their coming. */
  get peers(): Int32Array {
    return this.#living.subarray(0, this.#livingCount);
  }

  /** Each loop among the true parents of living peers, as the peers in it. */
  get loops(): readonly (readonly PeerIndex[])[] {
    return this.#loops;
  }

  isLiving(peer: PeerIndex): boolean {
    return peer >= 0 && this.#livedAt[peer] === this.#tick;
  }

  /** The true parent, alive or not; -1 for none. */
  parent(peer: PeerIndex): PeerIndex {
    return this.#parents[peer] ?? -1;
  }

  /** Hops to the streamer over living peers; -1 when the path leads elsewhere. */
  depth(peer: PeerIndex): number {
    return this.isLiving(peer) ? (this.#depths[peer] ?? NOWHERE) : NOWHERE;
  }

  /** Whether its path to the streamer passes a liar, so that what it was told of the path may be wrong. */
  isMisled(peer: PeerIndex): boolean {
    return this.#misled[peer] === 1;
  }

  take(world: WorldView): void {
    this.#world = world;
    this.#tick++;
    this.#makeRoom(world.count);
    this.#countLiving(world);
    this.#loops = [];
    for (const peer of this.peers) this.#follow(peer, world);
  }

  #makeRoom(count: number): void {
    if (count <= this.#living.length) return;
    const capacity = Math.max(count, this.#living.length * 2);
    this.#living = grown(this.#living, new Int32Array(capacity));
    this.#livedAt = grown(this.#livedAt, new Int32Array(capacity));
    this.#parents = grown(this.#parents, new Int32Array(capacity));
    this.#depths = grown(this.#depths, new Int16Array(capacity));
    this.#misled = grown(this.#misled, new Uint8Array(capacity));
  }

  #countLiving(world: WorldView): void {
    const before = this.#livingCount;
    this.#livingCount = 0;
    for (let i = 0; i < before; i++) this.#countIfLiving(this.#living[i] ?? 0, world);
    for (let peer = this.#known; peer < world.count; peer++) this.#countIfLiving(peer, world);
    this.#known = world.count;
    if (before > 0 && !this.isLiving(STREAMER)) this.#countIfLiving(STREAMER, world);
  }

  #countIfLiving(peer: PeerIndex, world: WorldView): void {
    if (!world.isAlive(peer)) return;
    this.#living[this.#livingCount] = peer;
    this.#livingCount++;
    this.#livedAt[peer] = this.#tick;
    const isStreamer = world.role(peer) === 'streamer';
    this.#parents[peer] = isStreamer ? -1 : world.parentOf(peer);
    this.#depths[peer] = isStreamer ? 0 : OPEN;
    this.#misled[peer] = 0;
  }

  /** Climbs to a peer whose depth is known, or to where the path ends, and numbers the peers on the way back. */
  #follow(peer: PeerIndex, world: WorldView): void {
    const trail = this.#trail;
    trail.length = 0;
    let top = peer;
    while (this.isLiving(top) && this.#depths[top] === OPEN) {
      // A peer met twice on one climb has lost its OPEN mark.
      this.#depths[top] = NOWHERE;
      trail.push(top);
      top = this.parent(top);
    }
    const start = trail.indexOf(top);
    if (start >= 0) this.#loops.push(trail.slice(start));
    else this.#descend(top, world);
  }

  #descend(top: PeerIndex, world: WorldView): void {
    let depth = this.depth(top);
    if (depth === NOWHERE) return;
    let above = top;
    for (let i = this.#trail.length - 1; i >= 0; i--) {
      const peer = this.#trail[i] ?? 0;
      depth++;
      this.#depths[peer] = depth;
      if (this.isMisled(above) || world.isLiar(above)) this.#misled[peer] = 1;
      above = peer;
    }
  }
}

function grown<T extends Int32Array | Int16Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
