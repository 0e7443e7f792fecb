/** Every timer, limit and weight of the tree, in one table. PROTOCOL.md names the rule that each belongs to. */

import { KEY_FRAME_INTERVAL_MS } from '../config.ts';

export const TREE_DEFAULTS = {
  /** J3: peers probed at a time. */
  probes: 6,
  /** J3: how long probes may take. A circuit around the world and back takes 600 ms; nearer peers are better anyway. */
  probeMs: 500,
  /** J3: further answers are awaited this long once two good ones are there. */
  probeSettleMs: 25,
  /** J2: how long a directory may take. */
  directoryMs: 1_000,
  /** J5: peers asked for a place at once; the first picture wins. */
  attempts: 2,
  /** J5: by whom a first round gave no place, or who lost one: of those it knows, more are gone or full. */
  repairAttempts: 3,
  /** J5: how long an attempt may take from the join to the connection. */
  attemptMs: 4_000,
  /** J7: first wait after a search without success; doubles up to `longestRetryMs`, half of it is drawn. */
  retryMs: 200,
  longestRetryMs: 4_000,
  /** J5: an attempt that is not up after this gets another one beside it. A connection takes four round trips. */
  hedgeMs: 600,
  /** J5: a peer that has not answered a join after this is likely gone. */
  answerMs: 250,
  /** J5: attempts under way at a time, the slow ones included. */
  maxAttempts: 5,
  /** J5: a parent that delivers so soon after the first one may still take its place, if it is better. */
  raceMs: 2_000,
  /** J6: redirects followed in one search. */
  maxRedirects: 12,

  /** R2: standbys that a peer keeps. Two, because in a mass departure one is gone as often as the parent. */
  standbys: 2,
  /** R3: how long a peer that was activated may take to deliver a picture: a round trip around the world, and some. */
  activationMs: 700,
  /** R3: the next standby is activated as well when the first has not delivered for this long. */
  secondActivationMs: 60,
  /** R5: how long a peer repairs before it tells its children. */
  orphanMs: 400,
  /** R6: how long children of a starved parent wait for it to repair; half of it again is drawn. */
  starvedMs: 500,
  /** R7: live parents: 2 merges two into one decoder. */
  liveParents: 1,

  /** U1: upkeep of standbys, roster and promotion; up to half of it again is drawn. */
  upkeepMs: 10_000,
  /** B1: how often a better parent is looked for; half of it again is drawn. */
  rebalanceMs: 120_000,
  /** B2: a better parent must cost less than this share of the present one. */
  hysteresis: 0.8,
  /** B2: and so many milliseconds less. */
  leastGainMs: 15,

  /** P1: how long a parent has served a child before it recommends it. */
  attestMs: 8_000,
  /** P1, P5: slots that make a peer worth a place near the streamer. */
  promotionSlots: 2,
  /** P3: how much stronger than the displaced child. */
  promotionGain: 2.5,
  /** P3: an invitation holds this long. */
  invitationMs: 6_000,
  /** P5: places down to this depth keep their last slots for those who pass the stream on. */
  reserveDepth: 3,
  /** P5: the share of slots that is kept. */
  reserveShare: 0.25,
  /** Whether strong peers may take the place of weak ones. */
  preemption: true,
  /** For comparison only: parents are drawn from those with room, whatever they cost. */
  randomParents: false,

  /** C1: share of the measured uplink that is given away. */
  uplinkShare: 0.5,
  /** C1: overhead of RTP, SRTP, UDP and IP, and of retransmissions. */
  packetOverhead: 1.1,
  /**
   * C4: slots beyond the own ones that an activated standby may take for a while, as share of the slots. These are half
   * of the uplink, so that even rounded up no more than all of it is in use.
   */
  overflowShare: 0.8,
  /** C4: after this a parent with too many children sends the weakest away. */
  shedMs: 1_500,
  /** C4: and after this it lets go of it. */
  shedGraceMs: 5_000,
  /** C4: requests to go elsewhere before that. */
  shedRequests: 3,
  /** J5: share of its slots that a headless relay has besides, for newcomers who are sent on once they see a picture. */
  landingShare: 0.33,
  /** C3: a child that gets less than this share of the media counts as badly served. */
  servedShare: 0.95,
  /** C3: slots that complaints leave. A headless relay's line carries a few in any case. */
  leastPageSlots: 1,
  leastHeadlessSlots: 8,
  /** C3: slots come back one at a time after this. */
  slotRecoveryMs: 30_000,
  /** S3: standbys that a parent accepts per slot, and besides. */
  standbysPerSlot: 2,
  standbysBesides: 2,
  /** C5: links of a peer to children of all kinds. */
  maxLinks: 400,
  /** P3: invitations that wait for their guest. */
  maxInvitations: 2,

  /** F1: a parent that gives less than this share of the media is left. */
  receivedShare: 0.9,
  /** F1: when it does so twice in a row. */
  poorReports: 2,
  /** F1: so soon after a parent was left for it, the next one that gives little is not at fault: the own line is. */
  ownLineMs: 60_000,
  /** F1: how long the peer then makes do; doubles each time up to `longestContentMs`. */
  contentMs: 60_000,
  longestContentMs: 600_000,
  /** F2: how much more than the claimed delay a path may take, as factor and in milliseconds. */
  delayFactor: 1.5,
  delaySlackMs: 150,
  /** F3: first length of a ban; doubles with each repetition. */
  banMs: 30_000,
  longestBanMs: 600_000,
  /** F3: an offence is forgotten after this. */
  forgetMs: 900_000,
  maxBans: 64,
  /** F4: joins that one peer may ask for in a row, and how fast it may ask again. */
  joinBurst: 6,
  joinsPerSecond: 1,

  /** U2: peers remembered. */
  roster: 40,
  /** U2: what is known of a peer counts for this long. */
  freshMs: 60_000,
  /** A2: changes of slots and viewers are told upwards at most this often. */
  tellMs: 2_000,
  /** A1: changes of a path's delay below this are no news. */
  delayToleranceMs: 10,
  /** A3: offers change at the directories at most this often, and are repeated this often. */
  reportMs: 500,
  reportAgainMs: 30_000,
} as const;

/** Pages wait longer than the network alone takes. */
export const PAGE_TUNING = {
  /** A relay that has not the channel yet takes it in from another relay, which may have to do so itself. */
  attemptMs: 8_000,
  /** The pictures since the last key frame come first, and a slow link needs more than a second for them. */
  activationMs: 2_500,
} as const satisfies Partial<TreeTuning>;

/**
 * A headless relay has more patience than a page: its parent may be a page whose encoder has yet to begin, and many
 * depend on it. It keeps no place for the strong, since it has places enough for them as well.
 */
export const HEADLESS_TUNING = {
  attemptMs: PAGE_TUNING.attemptMs,
  activationMs: 2 * KEY_FRAME_INTERVAL_MS,
  reserveShare: 0,
} as const satisfies Partial<TreeTuning>;

/** C4.1: children that a page bears for a moment besides those that it settles. */
export function momentaryChildren(settled: number): number {
  return Math.ceil(settled * TREE_DEFAULTS.overflowShare);
}

/** Pages and headless relays have their own; others are for ablations in the simulator and for tests. */
export type TreeTuning = {
  readonly [K in keyof typeof TREE_DEFAULTS]: (typeof TREE_DEFAULTS)[K] extends boolean ? boolean : number;
};
