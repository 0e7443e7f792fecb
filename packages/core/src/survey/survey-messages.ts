/** What peers tell each other for a picture of the tree (PROTOCOL.md, K11). */

import { MAX_BRANCH_PEERS, MAX_DEPTH, MAX_PICTURE_PEERS } from '../config.ts';
import { flag, integer, list, optional, tuple } from '../fields.ts';
import { peerKind } from '../link-messages.ts';
import type { MessageOf } from '../message-codec.ts';
import { MAX_ROUND_TRIP_MS } from '../standing.ts';

/** Sums stop here, as those of the state do. */
export const MAX_SURVEY_COUNT = 0xffffffff;
/** 65 Mbps, in kilobits per second. */
export const MAX_BITRATE_KBPS = 0xffff;

const surveyedPeer = tuple({
  /** Its short id as a number: an address would be more than a picture needs. */
  id: integer(0, 0xffffffff),
  /** Place of its parent in the same list, before its own; `null` for the first. */
  parent: optional(integer(0, MAX_PICTURE_PEERS - 1)),
  kind: peerKind,
  /** Of the link to its parent; `null` until measured. */
  rttMs: optional(integer(0, MAX_ROUND_TRIP_MS)),
  /** Of the media that it receives; `null` until measured, and for the streamer. */
  bitrateKbps: optional(integer(0, MAX_BITRATE_KBPS)),
  /** At and below it. */
  viewers: integer(0, MAX_SURVEY_COUNT),
});
export type SurveyedPeer = ReturnType<typeof surveyedPeer>;

const hidden = integer(0, MAX_SURVEY_COUNT);

/** @internal Compared with the tables of PROTOCOL.md. */
export const SURVEY_MESSAGES = {
  /** To a parent: pictures are wanted. To a child: its branch is wanted. */
  survey: { code: 19, fields: { isWanted: flag } },
  /** To a parent: the writer and the peers below it; empty where it is shown below another parent. */
  branch: { code: 20, fields: { peers: list(surveyedPeer, MAX_BRANCH_PEERS), hidden } },
  /** To a child: the tree as its root knows it. */
  picture: {
    code: 21,
    fields: {
      /** Hops from the streamer to the first peer of the list. */
      depth: integer(0, MAX_DEPTH),
      peers: list(surveyedPeer, MAX_PICTURE_PEERS),
      hidden,
    },
  },
} as const;

export type SurveyMessage = MessageOf<typeof SURVEY_MESSAGES>;
export type BranchMessage = Extract<SurveyMessage, { type: 'branch' }>;
type PictureMessage = Extract<SurveyMessage, { type: 'picture' }>;

/** A peer and those below it. */
export interface Branch {
  /** Parents come before their children. */
  readonly peers: readonly SurveyedPeer[];
  /** Peers besides. */
  readonly hidden: number;
}

/** The branch of the peer where the tree begins. */
export interface Picture extends Branch {
  /** Hops from the streamer to the first peer. */
  readonly depth: PictureMessage['depth'];
}
