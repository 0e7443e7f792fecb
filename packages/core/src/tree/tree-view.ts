/** How a peer stands in the tree, as pages and logs show it. */

import type { Instant } from '../link-control.ts';
import type { PeerKind } from '../link-messages.ts';
import type { PeerId } from '../peer-id.ts';
import { loadScore, type ParentCost } from './scores.ts';
import { activeChildren, costOf, isFlowing, type TreeState } from './tree-state.ts';

export interface ParentView {
  readonly peerId: PeerId;
  readonly kind: PeerKind;
  /** `active`: it delivers; `standby`: it is connected and waits. */
  readonly role: 'active' | 'standby' | 'connecting';
  readonly rttMs: number | null;
  readonly cost: ParentCost;
}

export interface ChildView {
  readonly peerId: PeerId;
  readonly kind: PeerKind;
  readonly role: 'active' | 'standby';
  /** Viewers at and below it. */
  readonly viewers: number;
}

export interface TreeView {
  readonly phase: 'idle' | 'root' | 'detached' | 'attached' | 'left';
  readonly depth: number | null;
  /** Short ids from the streamer to this peer, eight hexadecimal digits each. */
  readonly path: readonly string[];
  readonly delayMs: number | null;
  readonly epoch: number;
  readonly flowing: boolean;
  readonly parents: readonly ParentView[];
  readonly children: readonly ChildView[];
  readonly slots: number;
  readonly freeSlots: number;
  /** 0 to 1. */
  readonly load: number;
  /** What is being looked for, `null` for nothing. */
  readonly searchingFor: 'parent' | 'standby' | 'better' | null;
  readonly banned: readonly { readonly peerId: PeerId; readonly offence: string; readonly forMs: number }[];
}

export function treeView(state: TreeState, now: Instant): TreeView {
  const { phase, position, slots } = state;
  const active = activeChildren(state);
  const uplinkShare = slots === 0 ? 1 : active / slots;
  return {
    phase: phase.type,
    depth: position.depth,
    path: position.path.map((id) => id.toString(16).padStart(8, '0')),
    delayMs: position.delayMs,
    epoch: state.epoch,
    flowing: isFlowing(state),
    parents: [...state.parents.values()].map((link) => ({
      peerId: link.peerId,
      kind: link.kind,
      role: link.phase === 'active' || link.phase === 'standby' ? link.phase : 'connecting',
      rttMs: link.affinity.rttMs,
      cost: costOf(link),
    })),
    children: [...state.children.values()].map((child) => ({
      peerId: child.peerId,
      kind: child.kind,
      role: child.isActive ? 'active' : 'standby',
      viewers: child.state?.viewers ?? 0,
    })),
    slots,
    freeSlots: Math.max(0, slots - active),
    load: loadScore({ uplinkShare, processor: state.processor, isMetered: state.network !== 'unmetered' }),
    searchingFor: state.search?.purpose ?? null,
    banned: state.bans
      .current(now)
      .map(([peerId, { offence, until }]) => ({ peerId, offence, forMs: until - now })),
  };
}
