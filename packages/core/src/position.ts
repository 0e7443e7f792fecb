/**
 * Where a peer stands in a channel's tree, and what it tells its neighbours (PROTOCOL.md, K4 and L5).
 */

import { MAX_DEPTH } from './config.ts';
import type { LinkState } from './control-messages.ts';
import { decodePath, encodePath, shortId, type PeerId, type ShortId } from './peer-id.ts';

export interface Position {
  /** Hops from the streamer; `null` while detached. */
  readonly depth: number | null;
  /** Short ids from the streamer to this peer, both included; only this peer's while detached. */
  readonly path: readonly ShortId[];
  readonly epoch: number;
  /** What to add to the own clock to get the streamer's; `null` until every link of the path is measured. */
  readonly clockOffsetMs: number | null;
}

/** The streamer's own position: the root. */
export function rootPosition(self: PeerId, epoch: number): Position {
  return { depth: 0, path: [shortId(self)], epoch, clockOffsetMs: 0 };
}

export function detachedPosition(self: PeerId): Position {
  return { depth: null, path: [shortId(self)], epoch: 0, clockOffsetMs: null };
}

/**
 * The position below a parent.
 *
 * @param linkOffsetMs - What to add to the own clock to get the parent's; `null` until measured.
 */
export function positionBelow(self: PeerId, parent: LinkState | null, linkOffsetMs: number | null): Position {
  if (parent === null || parent.depth === null || parent.depth >= MAX_DEPTH) return detachedPosition(self);
  const measured = linkOffsetMs !== null && parent.clockOffsetMs !== null;
  return {
    depth: parent.depth + 1,
    path: [...decodePath(parent.path, MAX_DEPTH + 1), shortId(self)],
    epoch: parent.epoch,
    clockOffsetMs: measured ? linkOffsetMs + parent.clockOffsetMs : null,
  };
}

/** L5: whether a joiner with these ids on its way up, or below it, would close a loop with `position`. */
export function closesLoop(position: Position, joiner: PeerId): boolean {
  return position.path.includes(shortId(joiner));
}

/** What a peer at `position` advertises on each of its links. */
export function linkState(
  position: Position,
  load: { freeSlots: number; subtreeSlots: number; viewers: number; flowing: boolean },
): LinkState {
  return {
    depth: position.depth,
    path: encodePath(position.path),
    freeSlots: load.freeSlots,
    subtreeSlots: load.subtreeSlots,
    viewers: load.viewers,
    epoch: position.epoch,
    clockOffsetMs: position.clockOffsetMs,
    flowing: load.flowing,
  };
}
