/** Constants of the world, in one place. */

/** 720p at 30 pictures a second. */
export const BITRATE_BPS = 2_500_000;
/** What RTP, SRTP, UDP, IP and retransmissions add to the media. */
export const MEDIA_OVERHEAD = 1.1;

/** Handling of a message at its receiver. */
export const HANDLING_MS = 1;
/** A lost control packet is sent again after the sender has missed its acknowledgement: a round trip later. */
export const RETRANSMIT_DELAYS = 2;

/** Round trips of ICE, DTLS and SCTP until a link is up, and what both ends need besides. */
export const SET_UP = { roundTrips: 2.5, leastMs: 60, mostMs: 120 } as const;
/** An end gives up a link that does not come up. */
export const SET_UP_TIMEOUT_MS = 4_000;

/** From the first packet of a key frame to the picture. */
export const FIRST_PICTURE_MS = 20;
/** Media of a living parent may be missing for this long until the child is told. */
export const STARVED_MS = 1_000;

/** K2: silence on a fed link. The check comes with the next timer. */
export const SILENCE = { floorMs: 100, jitters: 4, lookMs: 20 } as const;
/** K2.9: on a standby only the state comes, every five seconds. */
export const STANDBY_SILENCE = { leastMs: 5_000, mostMs: 11_000 } as const;
/** ICE consent expires (RFC 7675 allows 30 s; browsers report a failed connection after about ten). */
export const CONSENT_MS = 10_000;

/** When a child's reception is looked at: after its first picture, after it may have worsened, while it is poor. */
export const SAMPLE = { firstMs: 3_000, changedMs: 2_000, againMs: 5_000 } as const;
/** Below this share a reception is worth a report. */
export const POOR_SHARE = 0.97;

/** A page measures its uplink this long after its first picture, and again; the estimate is off by up to 20 %. */
export const UPLINK = { firstMs: 1_000, againMs: 60_000, error: 0.2 } as const;

/** A peer notices that its relay does not answer. */
export const CONTACT_LOST_MS = 1_000;
/** Round trips of dialling another relay. */
export const DIAL_ROUND_TRIPS = 3;
/** A relay notices that a peer is gone without a word. */
export const FORGET_MS = 10_000;
