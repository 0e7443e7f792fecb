/** What the owner of a page allows it to send, and how a streamer's encoders keep to it whoever comes and goes. */

import { TREE_DEFAULTS } from '@casto/core';

const { packetOverhead, uplinkShare } = TREE_DEFAULTS;

/** In the tree's terms: it gives away a part of what it is told. */
export function allowance(maxUplinkBps: number | null): number {
  return maxUplinkBps === null ? Infinity : maxUplinkBps / uplinkShare;
}

/** Bits per second of video that one child may get; `null`: no limit. */
type Limit = (videoBps: number | null) => void;

/** Divides what the owner allows among the children that are sent media: the encoders give each of them its share. */
export class UplinkShares {
  readonly #maxUplinkBps: number | null;
  readonly #encoders = new Set<Limit>();
  #children = 1;

  constructor(maxUplinkBps: number | null) {
    this.#maxUplinkBps = maxUplinkBps;
  }

  /** Of one child; `null`: no limit. */
  get videoBps(): number | null {
    return this.#maxUplinkBps === null
      ? null
      : Math.round(this.#maxUplinkBps / packetOverhead / this.#children);
  }

  /** @param children - Those that are sent media. */
  divide(children: number): void {
    const among = Math.max(1, children);
    if (among === this.#children) return;
    this.#children = among;
    if (this.#maxUplinkBps === null) return;
    for (const limit of this.#encoders) limit(this.videoBps);
  }

  /** Tells an encoder of each new share. @returns What ends that. */
  follow(limit: Limit): () => void {
    this.#encoders.add(limit);
    return () => void this.#encoders.delete(limit);
  }
}
