/**
 * A peer's place in the tree, without I/O: inputs and time go in, effects come out. The host runs the effects and
 * sets one timer for `deadline()`.
 */

import type { Instant } from '../link-control.ts';
import type { PeerId } from '../peer-id.ts';
import type { Standing } from '../standing.ts';
import { unreachable } from '../errors.ts';
import {
  childActivates,
  childAsks,
  childLinked,
  childPauses,
  childRecommends,
  childState,
  childUnlinked,
  drainChildren,
  passInvitation,
  shed,
} from './children.ts';
import {
  activationTimeout,
  orphanTimeout,
  parentDrains,
  parentFlowing,
  parentLinked,
  parentMeasured,
  parentRedirects,
  parentRevived,
  parentSilent,
  parentState,
  parentUnlinked,
  repair,
  starvedTimeout,
} from './parents.ts';
import { beginSearch, searchTimeout, takeAnswer, takeFound, takeNamed, takeProbed } from './searching.ts';
import { standingOf, tellChildren, tellDirectories, tellParent } from './telling.ts';
import { treeView, type TreeView } from './tree-view.ts';
import type { TreeEffect, TreeInput, TreeMessage } from './tree-io.ts';
import {
  createTreeState,
  currentParent,
  jittered,
  reposition,
  type ChildLink,
  type ParentLink,
  type TreePeerOptions,
  type TreeState,
} from './tree-state.ts';
import type { TreeTimer } from './timers.ts';
import { rebalance, remeasure, upkeep } from './upkeep.ts';

export type { TreePeerOptions } from './tree-state.ts';

export interface TreePeer {
  /** Applies one input at `now`; returns what the host must do, in order. */
  step(now: Instant, input: TreeInput): readonly TreeEffect[];
  /** When `step` next wants a timeout, or `null`. */
  deadline(): Instant | null;
  /** What to answer a probe with; `null` when the peer is nowhere in the tree. */
  standing(now: Instant): Standing | null;
  /** How things stand, for people. */
  view(now: Instant): TreeView;
}

export function createTreePeer(options: TreePeerOptions): TreePeer {
  const state = createTreeState(options);
  return {
    step: (now, input) => {
      state.effects = [];
      if (state.phase.type !== 'left') apply(state, now, input);
      return state.effects;
    },
    deadline: () => state.timers.next,
    standing: (now) => standingOf(state, now),
    view: (now) => treeView(state, now),
  };
}

function apply(state: TreeState, now: Instant, input: TreeInput): void {
  state.bornAt ??= now;
  switch (input.type) {
    case 'start':
      return start(state, now);
    case 'broadcast':
      return broadcast(state, now, input.epoch);
    case 'found':
      return takeFound(state, now, input.candidates, input.isLast);
    case 'named':
      return takeNamed(state, now, input.parents);
    case 'probed':
      return takeProbed(state, now, input);
    case 'answered':
      return takeAnswer(state, now, input.peerId, input.answer);
    case 'asked':
      return childAsks(state, now, input);
    case 'linked':
    case 'unlinked':
    case 'state':
    case 'message':
    case 'flowing':
    case 'starved':
    case 'silent':
    case 'revived':
    case 'measured':
      return applyToLink(state, now, input);
    case 'audience':
      state.audience = input.viewers;
      return tellParent(state, now);
    case 'uplink':
      state.uplinkBps = input.bps;
      return remeasure(state, now);
    case 'allowed':
      state.maxChildren = input.children;
      return remeasure(state, now);
    case 'processor':
      state.processor = input.load;
      return remeasure(state, now);
    case 'network':
      state.network = input.network;
      return remeasure(state, now);
    case 'bitrate':
      state.bitrateBps = input.bps;
      return remeasure(state, now);
    case 'drain':
      state.goneAt = now + input.withinMs;
      drainChildren(state, now);
      return remeasure(state, now);
    case 'leave':
      return leave(state, input.reason);
    case 'timeout':
      return timeout(state, now);
    default:
      return unreachable(input);
  }
}

function start(state: TreeState, now: Instant): void {
  if (state.phase.type !== 'idle') return;
  state.phase = { type: 'detached', since: now };
  beginSearch(state, now, 'parent');
}

/** The streamer's own word; a viewer that has the channel's record learns the epoch from it. */
function broadcast(state: TreeState, now: Instant, epoch: number): void {
  if (epoch < state.epoch) return;
  state.epoch = epoch;
  state.epochSince = now;
  const { self, channel, isIngest = false } = state.options;
  if (self !== channel && !isIngest) return;
  state.phase = { type: 'root' };
  reposition(state);
  tellChildren(state, now);
  tellDirectories(state, now);
  if (!state.timers.isSet('upkeep')) state.timers.set('upkeep', now + jittered(state, state.tuning.upkeepMs));
}

type LinkInput = Extract<TreeInput, { peerId: PeerId }>;

/** What concerns one neighbour goes to the machine for its side; what concerns nobody is a late echo. */
function applyToLink(state: TreeState, now: Instant, input: LinkInput): void {
  const parent = state.parents.get(input.peerId);
  if (parent) return applyToParent(state, now, parent, input);
  const child = state.children.get(input.peerId);
  if (!child) return;
  switch (input.type) {
    case 'linked':
      return childLinked(state, now, child);
    case 'unlinked':
      return childUnlinked(state, now, child.peerId);
    case 'state':
      return childState(state, now, child, input.state);
    case 'message':
      return applyChildMessage(state, now, child, input.message);
    default:
    // The rest is about parents.
  }
}

function applyToParent(state: TreeState, now: Instant, parent: ParentLink, input: LinkInput): void {
  switch (input.type) {
    case 'linked':
      return parentLinked(state, now, parent);
    case 'unlinked':
      return parentUnlinked(state, now, parent, input.farewell);
    case 'state':
      return parentState(state, now, parent, input.state);
    case 'message':
      return applyParentMessage(state, now, parent, input.message);
    case 'flowing':
      return parentFlowing(state, now, parent);
    case 'starved':
      if (parent === currentParent(state)) repair(state, now);
      return;
    case 'silent':
      return parentSilent(state, now, parent);
    case 'revived':
      return parentRevived(state, now, parent);
    case 'measured':
      return parentMeasured(state, now, parent, input);
    default:
    // The rest is not about a link.
  }
}

function applyParentMessage(state: TreeState, now: Instant, parent: ParentLink, message: TreeMessage): void {
  switch (message.type) {
    case 'addresses':
      parent.addresses = message.addresses;
      return;
    case 'invite':
      return passInvitation(state, message.peerId);
    case 'redirect':
      return parentRedirects(state, now, parent, message.parents);
    case 'drain':
      return parentDrains(state, now, parent);
    default:
    // The rest is for children to say.
  }
}

function applyChildMessage(state: TreeState, now: Instant, child: ChildLink, message: TreeMessage): void {
  switch (message.type) {
    case 'activate':
      return childActivates(state, now, child);
    case 'pause':
      return childPauses(state, now, child);
    case 'addresses':
      child.addresses = message.addresses;
      return;
    case 'recommend':
      return childRecommends(state, now, child, message);
    default:
    // The rest is for parents to say.
  }
}

function leave(state: TreeState, reason: Extract<TreeInput, { type: 'leave' }>['reason']): void {
  state.phase = { type: 'left' };
  for (const peerId of [...state.parents.keys(), ...state.children.keys()]) {
    state.effects.push({ type: 'close', peerId, reason });
  }
  state.effects.push({ type: 'report', offer: null });
  state.parents.clear();
  state.children.clear();
  state.search = null;
  state.timers.clearAll();
}

/** More timers than this cannot be due at once. */
const MAX_DUE = 16;

function timeout(state: TreeState, now: Instant): void {
  for (let i = 0; i < MAX_DUE; i++) {
    const timer = state.timers.takeDue(now);
    if (timer === null) return;
    TIMEOUTS[timer](state, now);
  }
}

const TIMEOUTS: Readonly<Record<TreeTimer, (state: TreeState, now: Instant) => void>> = {
  search: searchTimeout,
  activation: activationTimeout,
  orphan: orphanTimeout,
  starved: starvedTimeout,
  upkeep,
  rebalance,
  tell: tellParent,
  report: tellDirectories,
  shed,
};
