/** What chance decides in the world, each from one seeded generator. */

import type { Random } from '@casto/core';

export type Draw = Random;

/** Keeps logarithms finite. */
const TINY = 1e-12;

export function gaussian(draw: Draw): number {
  return Math.sqrt(-2 * Math.log(draw.next() + TINY)) * Math.cos(2 * Math.PI * draw.next());
}

export function between(draw: Draw, least: number, most: number): number {
  return least + (most - least) * draw.next();
}

/** A factor between 1 / (1 + share) and 1 + share, as likely too low as too high. */
export function misjudged(draw: Draw, share: number): number {
  return Math.exp(between(draw, -1, 1) * Math.log(1 + share));
}

export function exponential(draw: Draw, mean: number): number {
  return -Math.log(draw.next() + TINY) * mean;
}

/**
 * Uplink of a fixed residential line, in bits per second: 94 % have 3 Mb/s or more, 66 % 20 or more, the median is 20.
 *
 * @see https://www.fcc.gov/internet-access-services-reports, data as of June 2024
 */
export function uplinkBps(draw: Draw): number {
  const share = draw.next();
  const part = draw.next();
  if (share < 0.06) return 1e6 * (1 + 2 * part);
  if (share < 0.34) return 1e6 * (3 + 17 * part);
  if (share < 0.7) return 1e6 * (20 + 5 * part);
  if (share < 0.9) return 1e6 * (30 + 20 * part);
  return 1e6 * (100 + 200 * part);
}

/** Sessions: log-normal, median five minutes; nobody stays for more than four hours. */
const SESSION = { medianS: 300, sigma: 1.5, longestS: 14_400 } as const;

/** The mean of all sessions: what a steady population needs to know of its arrivals. */
export const MEAN_SESSION_MS = 1000 * SESSION.medianS * Math.exp(SESSION.sigma ** 2 / 2);

/** How long somebody who just came stays. */
export function sessionMs(draw: Draw): number {
  return sessionOf(SESSION.sigma * gaussian(draw));
}

/** How long the session of somebody who is met at a random instant lasts in all: long ones are met more often. */
export function metSessionMs(draw: Draw): number {
  return sessionOf(SESSION.sigma ** 2 + SESSION.sigma * gaussian(draw));
}

function sessionOf(logDeviation: number): number {
  return 1000 * Math.min(SESSION.longestS, SESSION.medianS * Math.exp(logDeviation));
}

/** Packet loss of a link: most have next to none, a few have up to three percent. */
export function lossShare(draw: Draw): number {
  const share = draw.next();
  if (share < 0.8) return 0.001;
  return share < 0.95 ? between(draw, 0.001, 0.01) : between(draw, 0.01, 0.03);
}

/** Mean deviation of the packets' arrival times: log-normal, median 8 ms. */
export function jitterMs(draw: Draw): number {
  return 8 * Math.exp(0.7 * gaussian(draw));
}
