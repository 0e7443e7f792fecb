/**
 * Where a peer stands in a channel's tree, and what it tells its neighbours (PROTOCOL.md, K4 and L5).
 */

import { MAX_DEPTH } from './config.ts';
import { MAX_CLOCK_OFFSET_MS, MAX_SUBTREE_COUNT, type LinkState } from './control-messages.ts';
import { decodePath, encodePath, shortId, type ChannelId, type PeerId, type ShortId } from './peer-id.ts';
import { MAX_AGE_S, MAX_DELAY_MS, MAX_FREE_SLOTS } from './standing.ts';

export interface Position {
  /** Hops from the streamer; `null` while detached. */
  readonly depth: number | null;
  /** Short ids from the streamer to this peer, both included; only this peer's while detached. */
  readonly path: readonly ShortId[];
  readonly epoch: number;
  /** What to add to the own clock to get the streamer's; `null` until every link of the path is measured. */
  readonly clockOffsetMs: number | null;
  /** From the streamer's encoder to this peer along the path, as the peers of the path measured it. */
  readonly delayMs: number | null;
}

/** What a peer measured on the link to its parent. */
export interface LinkToParent {
  /** What to add to the own clock to get the parent's; `null` until measured. */
  readonly offsetMs: number | null;
  /** What the link adds to the path's delay, in milliseconds: half the round trip, and the parent's own handling. */
  readonly delayMs: number;
}

/** The streamer's own position: the root. */
export function rootPosition(self: PeerId, epoch: number): Position {
  return { depth: 0, path: [shortId(self)], epoch, clockOffsetMs: 0, delayMs: 0 };
}

/**
 * The position of a relay that takes the broadcast in from outside the tree. It speaks for the channel and is another
 * peer than the channel's key, so that it stands right below, and its clock is the broadcast's.
 */
export function ingestPosition(channel: ChannelId, self: PeerId, epoch: number): Position {
  return { depth: 1, path: [shortId(channel), shortId(self)], epoch, clockOffsetMs: 0, delayMs: 0 };
}

export function detachedPosition(self: PeerId): Position {
  return { depth: null, path: [shortId(self)], epoch: 0, clockOffsetMs: null, delayMs: null };
}

/**
 * The position below a parent. A parent whose path is not the way to its depth, or leads through `self` (two peers
 * that joined each other at the same time), gives none.
 */
export function positionBelow(self: PeerId, parent: LinkState | null, link: LinkToParent): Position {
  if (parent === null || parent.depth === null || parent.depth >= MAX_DEPTH) return detachedPosition(self);
  const above = decodePath(parent.path, MAX_DEPTH + 1);
  if (above.length !== parent.depth + 1 || above.includes(shortId(self))) return detachedPosition(self);
  return {
    depth: parent.depth + 1,
    path: [...above, shortId(self)],
    epoch: parent.epoch,
    clockOffsetMs: addOffsets(link.offsetMs, parent.clockOffsetMs),
    delayMs: Math.min(MAX_DELAY_MS, Math.round((parent.delayMs ?? 0) + link.delayMs)),
  };
}

/** L5: whether `joiner` is at or above `position`, so that taking it as a child would close a loop. */
export function closesLoop(position: Position, joiner: PeerId): boolean {
  return position.path.includes(shortId(joiner));
}

/** What a peer can do for others. */
export interface Load {
  /** Children that it can serve, those that it has included. */
  readonly slots: number;
  readonly freeSlots: number;
  /** Free slots of all descendants. */
  readonly subtreeSlots: number;
  /** Viewers at and below the peer. */
  readonly viewers: number;
  readonly flowing: boolean;
  /** Seconds since it came to the channel. */
  readonly ageS: number;
  /** Layers that it passes on, as bits. */
  readonly layers: number;
}

/** What a peer at `position` advertises on a link over which it gets `received` per mille of the media sent. */
export function linkState(position: Position, load: Load, received: number | null = null): LinkState {
  return {
    depth: position.depth,
    path: encodePath(position.path),
    freeSlots: Math.min(load.freeSlots, MAX_FREE_SLOTS),
    subtreeSlots: Math.min(load.subtreeSlots, MAX_SUBTREE_COUNT),
    viewers: Math.min(load.viewers, MAX_SUBTREE_COUNT),
    epoch: position.epoch,
    clockOffsetMs: position.clockOffsetMs,
    flowing: load.flowing,
    delayMs: position.delayMs,
    slots: Math.min(load.slots, MAX_FREE_SLOTS),
    ageS: Math.min(load.ageS, MAX_AGE_S),
    layers: load.layers,
    received,
  };
}

/** A sum that no neighbour could read is as good as none. */
function addOffsets(linkOffsetMs: number | null, parentOffsetMs: number | null): number | null {
  if (linkOffsetMs === null || parentOffsetMs === null) return null;
  const sumMs = linkOffsetMs + parentOffsetMs;
  return Math.abs(sumMs) <= MAX_CLOCK_OFFSET_MS ? sumMs : null;
}
