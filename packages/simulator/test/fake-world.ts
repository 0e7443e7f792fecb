import type { PeerIndex, PeerRole, WorldView } from '../src/world-view.ts';

/** What a test says of one peer; all of it can be changed. */
export interface FakePeer {
  role: PeerRole;
  parent: PeerIndex;
  isAlive: boolean;
  isLiar: boolean;
  hungrySince: number | null;
  activeChildren: number;
  uplinkBps: number;
  epoch: number;
  pathDelayMs: number;
  payloadBytes: number;
  wireBytes: number;
  mediaBytes: number;
  bornAt: number;
  diedAt: number | null;
  /** Side of a partition. */
  side: number;
}

/** A world made by hand: it does nothing, and says what it was told. */
export class FakeWorld implements WorldView {
  now = 0;
  readonly bitrateBps = 2_500_000;
  readonly peers: FakePeer[] = [];

  get count(): number {
    return this.peers.length;
  }

  /** @returns The index of the peer. */
  add(role: PeerRole, parent: PeerIndex, values: Partial<FakePeer> = {}): PeerIndex {
    this.peers.push({
      role,
      parent,
      isAlive: true,
      isLiar: false,
      hungrySince: null,
      activeChildren: 0,
      uplinkBps: 100_000_000,
      epoch: 1,
      pathDelayMs: 0,
      payloadBytes: 0,
      wireBytes: 0,
      mediaBytes: 0,
      bornAt: this.now,
      diedAt: null,
      side: 0,
      ...values,
    });
    return this.peers.length - 1;
  }

  of(peer: PeerIndex): FakePeer {
    const found = this.peers[peer];
    if (found === undefined) throw new RangeError(`there is no peer ${peer}`);
    return found;
  }

  isAlive = (peer: PeerIndex): boolean => this.of(peer).isAlive;
  role = (peer: PeerIndex): PeerRole => this.of(peer).role;
  isLiar = (peer: PeerIndex): boolean => this.of(peer).isLiar;
  parentOf = (peer: PeerIndex): PeerIndex => this.of(peer).parent;
  isFed = (peer: PeerIndex): boolean => this.of(peer).hungrySince === null;
  hungrySince = (peer: PeerIndex): number | null => this.of(peer).hungrySince;
  activeChildren = (peer: PeerIndex): number => this.of(peer).activeChildren;
  uplinkBps = (peer: PeerIndex): number => this.of(peer).uplinkBps;
  canReach = (a: PeerIndex, b: PeerIndex): boolean => this.of(a).side === this.of(b).side;
  epoch = (peer: PeerIndex): number => this.of(peer).epoch;
  pathDelayMs = (peer: PeerIndex): number => this.of(peer).pathDelayMs;
  mediaBytes = (peer: PeerIndex): number => this.of(peer).mediaBytes;
  aliveMs = (peer: PeerIndex): number => (this.of(peer).diedAt ?? this.now) - this.of(peer).bornAt;

  controlBytes(peer: PeerIndex): { payload: number; wire: number } {
    const { payloadBytes, wireBytes } = this.of(peer);
    return { payload: payloadBytes, wire: wireBytes };
  }

  depth(peer: PeerIndex): number | null {
    let hops = 0;
    for (let at = peer; at >= 0 && hops < this.peers.length; at = this.of(at).parent, hops++) {
      if (!this.of(at).isAlive) return null;
      if (this.of(at).role === 'streamer') return hops;
    }
    return null;
  }
}
