/** What the checkers tolerate. */
export interface CheckLimits {
  /** A loop younger than this is transient: its members have been told of it, and the word is on its way. */
  readonly loopMs: number;
  /** Hops from the streamer at most. */
  readonly depth: number;
  /** A peer may be deeper for this long, when a branch above it moved: it is fed while it looks for another place. */
  readonly depthMs: number;
  /**
   * An uplink may be over-full for this long: it is measured a second after the first picture, and children that it
   * cannot serve have 1.5 s until they are sent away, and 5 s for each of three requests to leave.
   */
  readonly uplinkMs: number;
  /** An honest viewer may be without media for this long once no fault is at work. */
  readonly hungryMs: number;
  /** A peer may pass on media of a new broadcast for this long before it says that it is in it. */
  readonly epochMs: number;
  /** Control traffic of one honest viewer over its life, headers included, in bits per second. */
  readonly viewerControlBps: number;
  /** Lives shorter than this are all join: they are not held to these limits. */
  readonly controlLifeMs: number;
  /** Control traffic of all honest viewers on average. */
  readonly meanControlBps: number;
}

export const CHECK_LIMITS: CheckLimits = {
  loopMs: 2_000,
  depth: 12,
  depthMs: 15_000,
  uplinkMs: 20_000,
  // After a partition two fifths of the viewers look for a place at the same time.
  hungryMs: 15_000,
  // A word of a parent takes half a second at most; the checkers look every second.
  epochMs: 3_000,
  // 4 % of one stream of 2.5 Mb/s: those near the streamer answer the joins of a crowd.
  viewerControlBps: 100_000,
  controlLifeMs: 60_000,
  // 1 % of one stream, under all faults at once: this tells of traffic that grows, the goal table of what is too much.
  meanControlBps: 25_000,
};
