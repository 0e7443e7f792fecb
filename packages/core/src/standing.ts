/** What peers tell of their places to those who look for a parent: an offer, or all of where they stand. */

import { MAX_DEPTH } from './config.ts';
import { flag, integer, tuple } from './fields.ts';
import { addressList, layerSet, pathBytes, peerKind } from './link-messages.ts';
import { peerId } from './peer-id.ts';

/** K4: counts stop here, so that a neighbour's absurd claim does not make the sum unreadable for others. */
export const MAX_FREE_SLOTS = 0xffff;
/** Twelve hops of five seconds each: whoever is behind that far watches another broadcast. */
export const MAX_DELAY_MS = 60_000;
/** K3: a round trip that takes longer is not measured. */
export const MAX_ROUND_TRIP_MS = 60_000;
/** 136 years. */
export const MAX_AGE_S = 0xffffffff;

const offerFields = {
  kind: peerKind,
  depth: integer(0, MAX_DEPTH),
  delayMs: integer(0, MAX_DELAY_MS),
  freeSlots: integer(0, MAX_FREE_SLOTS),
  ageS: integer(0, MAX_AGE_S),
  layers: layerSet,
} as const;

/** What a peer with free slots tells its directories, and they tell joiners. */
export const offer = tuple(offerFields);
export type Offer = ReturnType<typeof offer>;

/** A candidate as a directory knows it. */
export const offeredCandidate = tuple({ peerId, addresses: addressList, offer });
export type OfferedCandidate = ReturnType<typeof offeredCandidate>;

/** What a probed peer says of itself: its offer as it is, and where it stands. */
export const standing = tuple({
  ...offerFields,
  path: pathBytes,
  epoch: integer(0, 0xffffffff),
  flowing: flag,
});
export type Standing = ReturnType<typeof standing>;

/** A candidate as one of its neighbours knows it. */
export const neighbour = tuple({
  peerId,
  addresses: addressList,
  standing,
  /** Between it and that neighbour. */
  rttMs: integer(0, MAX_ROUND_TRIP_MS),
});
export type Neighbour = ReturnType<typeof neighbour>;
