import type { LinkState } from '@casto/core';
import type { SimPeer } from './sim-peer.ts';

/**
 * One end of a link. The parent's is `absent` until it accepts.
 *
 *   asked | absent ──accepted──▶ connecting ──▶ up ──▶ gone
 */
export type LinkEnd = 'absent' | 'asked' | 'connecting' | 'up' | 'gone';

/** A connection between two peers, or an attempt at one. */
export class Link {
  readonly parent: SimPeer;
  readonly child: SimPeer;
  /** One way. */
  readonly delayMs: number;
  readonly lossShare: number;
  readonly jitterMs: number;
  childEnd: LinkEnd = 'asked';
  parentEnd: LinkEnd = 'absent';
  /** When the child's end came up; before that, when it began to connect. */
  upAt = 0;
  /** How long the messages of the set-up take, and which relays pass them on. */
  signalMs = 0;
  via: readonly SimPeer[] = [];

  /** Whether the parent sends media when it has any. */
  isServed = false;
  /** Whether a picture has come since media was asked for. */
  hasFlowed = false;
  /** Whether the parent counts it among the children that are sent media. */
  isCounted = false;
  isFlowDue = false;
  /** Counts activations, to know a picture of this one from one of an earlier. */
  activation = 0;

  /** What the child was last told of its reception; `null`: nothing since the activation. */
  lastSample: 'good' | 'poor' | null = null;
  isSampleDue = false;
  /** Whether the child was told that it hears nothing. */
  isSilent = false;

  /** The channel keeps the order of messages: none arrives before the one sent earlier. */
  lastAtChild = 0;
  lastAtParent = 0;

  /** What each end says again every few seconds, since when, and how many bytes that is. */
  childWord: LinkState | null = null;
  childWordSince = 0;
  childWordBytes = 0;
  parentWord: LinkState | null = null;
  parentWordSince = 0;
  parentWordBytes = 0;
  /** Since when pings go at the present pace; -1 before the link is up. */
  pingsSince = -1;

  constructor(
    parent: SimPeer,
    child: SimPeer,
    physics: { delayMs: number; lossShare: number; jitterMs: number },
  ) {
    this.parent = parent;
    this.child = child;
    this.delayMs = physics.delayMs;
    this.lossShare = physics.lossShare;
    this.jitterMs = physics.jitterMs;
  }

  isEndOf(peer: SimPeer): 'parent' | 'child' {
    return peer === this.parent ? 'parent' : 'child';
  }
}
