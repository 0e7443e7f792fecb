/** What `watchTree()` shows. */

/** One peer of the tree. */
export interface CastoTreePeer {
  /** Short id, eight hexadecimal digits: as in the `path` of `stats()`. It names nobody outside the tree. */
  id: string;
  /**
   * Short id of the peer that it has the broadcast from; `null` for the first of the list: the streamer, the relay that takes
   * a broadcast in by WHIP, or this page while it is cut off from both.
   */
  parent: string | null;
  /** `streamer`: the page that broadcasts; `headless`: a relay. */
  kind: 'streamer' | 'headless' | 'browser';
  /** Hops from the streamer. */
  depth: number;
  /** Round trip on the link to its parent in milliseconds; `null` until measured, and without a parent. */
  rttMs: number | null;
  /** Of the media that it receives, in bits per second; `null` until measured, and for the streamer. */
  bitrateBps: number | null;
  /** Viewers at and below it. */
  viewers: number;
  /** Whether it is this page. */
  self: boolean;
}

/** The tree of a channel as its peers tell: their word alone, about themselves and those below them. */
export interface CastoTree {
  /** Parents come before their children. At most 140. */
  peers: CastoTreePeer[];
  /** Peers beyond those shown. */
  hidden: number;
}
