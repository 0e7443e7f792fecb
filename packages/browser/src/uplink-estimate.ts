/** What a streamer's uplink is taken to carry, from what its links tell (PROTOCOL.md, C1). */

import { DEFAULT_BITRATE_BPS, TREE_DEFAULTS } from '@casto/core';
import type { MediaStats } from './stats.ts';
import { allowance } from './uplink-shares.ts';

/** A still picture takes next to nothing; the rate that was needed before is forgotten this slowly. */
const RATE_KEPT = 0.95;
/** Against a sum that comes out a billionth too small. */
const ROUNDING = 1.001;

/** What one look at a child's connection tells. */
export interface UplinkReport extends Pick<MediaStats, 'bytesSent' | 'availableBps' | 'isLimited'> {
  /** Whether the child is sent media. The link of one that stands by tells nothing of the uplink. */
  readonly isServed: boolean;
}

/** Children that are sent media. */
interface ServedChildren {
  readonly relays: number;
  /** Relays and pages. */
  readonly active: number;
  readonly mediaBps?: number | null;
  readonly maxUplinkBps?: number | null;
}

export class UplinkEstimate {
  #availableBps = 0;
  #isLimited = true;
  #bitrateBps: number | null = null;
  #last: { bytes: number; at: number } | null = null;

  /** Of the media that one child gets; `null` until it is measured. */
  get bitrateBps(): number | null {
    return this.#bitrateBps;
  }

  /** Takes the reports of all children, at `now` in milliseconds. */
  measure(reports: readonly UplinkReport[], now: number): void {
    const served = reports.filter(({ isServed }) => isServed);
    this.#availableBps = served.reduce((sum, { availableBps }) => sum + availableBps, 0);
    this.#isLimited = served.length === 0 || served.some(({ isLimited }) => isLimited);
    const bytes = Math.max(0, ...reports.map(({ bytesSent }) => bytesSent));
    const last = this.#last;
    this.#last = { bytes, at: now };
    if (last === null || bytes <= last.bytes || now <= last.at) return;
    const bps = ((bytes - last.bytes) * 8_000) / (now - last.at);
    this.#bitrateBps = Math.max(bps, (this.#bitrateBps ?? 0) * RATE_KEPT);
  }

  /**
   * The uplink in bits per second. What the congestion control reports is less than there is: it looks no further
   * than twice the rate that a link asks for. So links that are not held back prove room for as many again, and one
   * more finds out the rest. A relay is always let in, because all the others watch through it.
   *
   * @param children.mediaBps - What a child is taken to get, where that is known otherwise: the places that are proven are
   *   places at this rate as well.
   * @param children.maxUplinkBps - What the owner of a streamer's page allows. One more relay is let in all the same, and all
   *   get less.
   */
  bpsFor({ relays, active, mediaBps, maxUplinkBps = null }: ServedChildren): number {
    const proven = this.#isLimited || active === 0 ? 0 : 2 * active + 1;
    const perChildBps = Math.max(this.#bitrateBps ?? mediaBps ?? DEFAULT_BITRATE_BPS, mediaBps ?? 0);
    const forRelays = neededBps(relays + 1, perChildBps);
    const carriedBps = Math.max(this.#availableBps, neededBps(proven, perChildBps));
    return Math.max(forRelays, Math.min(carriedBps, allowance(maxUplinkBps)));
  }
}

function neededBps(children: number, mediaBps: number): number {
  const { packetOverhead, uplinkShare } = TREE_DEFAULTS;
  return ((children * mediaBps * packetOverhead) / uplinkShare) * ROUNDING;
}

/** Of what a link's congestion control estimates; the rest is for packets that are sent again. */
const USED_SHARE = 0.85;
/**
 * How fast the rate comes back, twice a second: eight per cent in a second, as libwebrtc's own controller and a relay's
 * raise their estimates, so that a link which does not carry it shows a queue before it loses packets.
 */
const RAISE = 1.04;
/** Besides, in bits per second: from next to nothing it would take a minute. */
const RAISE_BPS = 5_000;

/**
 * The rate that suits the children: the estimate of the middle one, so that one slow child costs the others nothing. When
 * the uplink is what they share, it holds back all of them alike. While that child gets less than all, the rate does not
 * rise, and after that slowly up to the estimate: the link has yet to carry what that has room for.
 */
export class FairRate {
  /** Bits per second; `null` before any link is measured. */
  #bps: number | null = null;
  #isComingBack = false;

  get bps(): number | null {
    return this.#bps;
  }

  /** Takes the reports of all children, twice a second. */
  follow(reports: readonly UplinkReport[]): void {
    const links = reports.filter(({ isServed, availableBps }) => isServed && availableBps > 0);
    const middle = links.sort((a, b) => a.availableBps - b.availableBps)[Math.floor(links.length / 2)];
    if (middle === undefined) {
      this.#bps = null;
      return;
    }
    const carried = Math.floor(middle.availableBps * USED_SHARE);
    const before = this.#bps ?? carried;
    const next = middle.isLimited ? before : Math.floor(before * RAISE) + RAISE_BPS;
    this.#isComingBack = middle.isLimited || (this.#isComingBack && next < carried);
    this.#bps = this.#isComingBack ? Math.min(carried, next) : carried;
  }
}
