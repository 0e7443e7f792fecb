/** What a picture of the tree is drawn from. */

/** What a drawn peer is; its place in this list is what a picture holds. */
export const PEER_KINDS = ['streamer', 'relay', 'serving', 'viewer'] as const;

/** Row of the parent instead of one: the streamer's own, and of peers that have no path. */
export const NO_PARENT = -1;
export const DETACHED = -2;

/**
 * Part of the tree at one instant, small enough to be drawn: a column per figure, a row per peer, parents before
 * their children.
 */
export interface TreeSnapshot {
  /** Virtual milliseconds. */
  readonly at: number;
  readonly viewers: number;
  readonly fed: number;
  /** Viewers without a path to the streamer; only some of them are drawn. */
  readonly detached: number;
  readonly peers: number;
  readonly depth: number;
  /** Faults at work. */
  readonly faults: readonly string[];
  readonly ids: readonly number[];
  readonly parents: readonly number[];
  /** Index into `PEER_KINDS`, plus 4 when no media reaches it, plus 8 for a liar. */
  readonly kinds: readonly number[];
  readonly children: readonly number[];
  /** Viewers in its whole branch, drawn or not. */
  readonly below: readonly number[];
  /** Path delay in milliseconds. */
  readonly delays: readonly number[];
  /** Place on its circle, in 3600 parts. */
  readonly angles: readonly number[];
}

/** Flags beside a kind. */
export const IS_HUNGRY = 4;
export const IS_LIAR = 8;
