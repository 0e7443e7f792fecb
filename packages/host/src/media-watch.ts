/**
 * Whether the parents deliver what they say that they have. A parent may be heard and give nothing, as a page whose worker
 * is stuck; its keep-alives go on, so that the link is not silent. To the tree such a parent is as good as silent: it is
 * kept until another one delivers.
 *
 *   fed ──nothing for a while──▶ starved: `silent` ──media──▶ fed: `revived`
 *
 * Media stop as well when the source stands still: a video without sound that is paused has no frames. Whoever leaves its
 * parent for that is no better off at the next one, so each parent that was left in vain makes the patience longer.
 */

import type { ChannelId, TreeInput } from '@casto/core';
import type { PeerLink } from './peer-link.ts';

/**
 * Browsers encode a still screen or canvas again every second, and an encoder may leave out one of these pictures.
 */
const STARVED_MS = 2_000;
/**
 * Media stop for a whole branch at the same time. The peer nearest to the fault shall find out first, and have mended it
 * before those below it have waited as long.
 */
const PER_HOP_MS = 250;
/** What a parent keeps comes first, also while nothing else does. */
const START_MS = 1_500;
/** After each parent that was left in vain the patience is twice as long, this often: it ends beyond a minute. */
const MAX_DOUBLINGS = 5;
/** Who looks later than this after the last time has stood still, and may not have read yet what came. */
const LATE_MS = 1_000;

/** How often to look. */
export const MEDIA_LOOK_MS = 250;

/** A parent whose media are wanted, and have begun. */
export interface FedParent {
  readonly link: Pick<PeerLink, 'peerId' | 'isSilent' | 'remoteState'>;
  /** When media of any kind last came; `null` before. */
  readonly lastMediaAt: number | null;
}

export interface MediaWatchOptions {
  readonly channel: ChannelId;
  readonly tell: (input: Extract<TreeInput, { type: 'silent' | 'revived' }>) => void;
}

interface Watched {
  /** When its media began, or when it was last known to have none. */
  since: number;
  /** Media have come that are not from before. */
  isLively: boolean;
  /** When the last media had come, of a parent that was told to be silent. */
  starvedAfter: number | null;
}

export class MediaWatch {
  readonly #options: MediaWatchOptions;
  #watched = new Map<FedParent['link'], Watched>();
  #lookedAt = -Infinity;
  #leftInVain = 0;

  constructor(options: MediaWatchOptions) {
    this.#options = options;
  }

  /** Takes all parents that should deliver; to be called a few times a second. */
  look(parents: Iterable<FedParent>, now: number): void {
    const before = this.#watched;
    const isLate = now - this.#lookedAt > LATE_MS;
    this.#watched = new Map();
    this.#lookedAt = now;
    for (const parent of parents) {
      const watched = before.get(parent.link) ?? { since: now, isLively: false, starvedAfter: null };
      this.#watched.set(parent.link, watched);
      this.#judge(parent, watched, { now, isLate });
    }
  }

  #judge(
    { link, lastMediaAt }: FedParent,
    watched: Watched,
    { now, isLate }: { now: number; isLate: boolean },
  ): void {
    const { peerId, isSilent, remoteState } = link;
    const heardAt = Math.max(lastMediaAt ?? -Infinity, watched.since);
    // The link itself tells of its silence, and of the end of that.
    if (isSilent) watched.starvedAfter = null;
    if (watched.starvedAfter !== null && heardAt > watched.starvedAfter) {
      watched.starvedAfter = null;
      this.#options.tell({ type: 'revived', peerId });
    }
    // A parent that has nothing says so, and rule R6.1 tells how long to wait for it. The streamer is where all media come
    // from: while it gives nothing nobody has any.
    if (isSilent || remoteState?.flowing !== true || peerId === this.#options.channel) {
      if (watched.starvedAfter === null) watched.since = now;
      return;
    }
    if (heardAt > watched.since + START_MS) {
      watched.isLively = true;
      this.#leftInVain = 0;
    }
    const isStarved = now - heardAt > this.#patienceMs(remoteState.depth ?? 0);
    if (!isStarved || isLate || watched.starvedAfter !== null) return;
    watched.starvedAfter = heardAt;
    if (!watched.isLively) this.#leftInVain++;
    this.#options.tell({ type: 'silent', peerId });
  }

  #patienceMs(parentDepth: number): number {
    return (STARVED_MS + PER_HOP_MS * (parentDepth + 1)) * 2 ** Math.min(this.#leftInVain, MAX_DOUBLINGS);
  }
}
