/** A peer of the world, with everything that the world keeps of it. */

import type { Directory, Offer, PeerId, TreePeer } from '@casto/core';
import type { PeerIndex, PeerRole } from '../world-view.ts';
import type { LieKind } from './lies.ts';
import type { Link } from './link.ts';

/** How others reach a peer: from anywhere, after both sides have sent first, or hardly at all. */
export type Reachability = 'open' | 'restricted' | 'hard';

/** What a peer is, from its birth to its end. */
export interface Traits {
  readonly role: PeerRole;
  readonly region: number;
  readonly uplinkBps: number;
  readonly reachability: Reachability;
  /** On a mobile network, whose owner pays for what is sent. */
  readonly isMobile: boolean;
  readonly maxChildren: number;
  /** Seconds that it had been in the channel when the world began to show it. */
  readonly ageS: number;
  readonly lie: LieKind | null;
}

export class SimPeer {
  readonly index: PeerIndex;
  readonly id: PeerId;
  readonly traits: Traits;
  readonly bornAt: number;
  /** Milliseconds that forwarding takes it. */
  readonly hopMs: number;
  /** `null` once it is gone. */
  core: TreePeer | null = null;
  addresses: readonly string[] = [];
  /** A relay's knowledge of the channel; relays alone have one. */
  directory: Directory | null = null;
  /** The relays that it holds a stream to. */
  contacts: SimPeer[] = [];
  isAlive = true;
  diedAt = 0;
  /** Whether it went without a word, so that others find out for themselves. */
  diedAbruptly = false;

  /** Links to parents and to children, by the index of the other end. */
  readonly up = new Map<PeerIndex, Link>();
  readonly down = new Map<PeerIndex, Link>();
  /** The link whose media it plays, which may be dead already. */
  playing: Link | null = null;

  isFed = false;
  /** When its media stopped, or it began to look for the first. */
  hungrySince: number;
  wasEverFed = false;
  /** Counts its losses of media, to know a later one from an earlier. */
  losses = 0;
  /** Death of the parent whose media it lost; -1 when none is to be mourned. */
  orphanedAt = -1;
  hasSought = false;
  /** Directories that it has asked and that have not answered yet. */
  unanswered = 0;

  /** Children that are sent media, if there is any. */
  served = 0;
  /** Media sent until `mediaSince`, in child-milliseconds. */
  mediaChildMs = 0;
  mediaSince = 0;
  controlPayload = 0;
  controlWire = 0;

  /** Of the last state that it advertised. */
  epoch = 0;
  offer: Offer | null = null;
  /** When the queue holds a timeout for it; Infinity for none. */
  timerAt = Infinity;
  /** Timeouts in a row that did not move the deadline. */
  idleTimeouts = 0;

  constructor(index: PeerIndex, id: PeerId, traits: Traits, bornAt: number) {
    this.index = index;
    this.id = id;
    this.traits = traits;
    this.bornAt = bornAt;
    this.hungrySince = bornAt;
    this.hopMs = traits.role === 'relay' ? HOP_MS.headless : HOP_MS.browser;
  }

  /** It is back: with nothing of what it had but its name and its traits. */
  revive(now: number): void {
    this.isAlive = true;
    this.diedAbruptly = false;
    this.up.clear();
    this.down.clear();
    this.hungrySince = now;
    this.offer = null;
    this.timerAt = Infinity;
    this.unanswered = 0;
  }

  get isViewer(): boolean {
    return this.traits.role === 'viewer';
  }

  get isStreamer(): boolean {
    return this.traits.role === 'streamer';
  }

  get isRelay(): boolean {
    return this.traits.role === 'relay';
  }
}

/** A page's worker and pacer, or a headless relay's loop. */
const HOP_MS = { browser: 12, headless: 1 } as const;
