/** What the two ends of a link tell each other on its data channel `control` (PROTOCOL.md, K1 to K11). */

import { MAX_DEPTH, MAX_NEIGHBOURS, MAX_POST_BYTES, MAX_REDIRECT_PEERS } from './config.ts';
import { bytes, flag, integer, list, oneOf, optional, real } from './fields.ts';
import { addressList, layerIndex, layerSet, parentCandidate, pathBytes } from './link-messages.ts';
import { messageCodec, type MessageOf } from './message-codec.ts';
import { peerId } from './peer-id.ts';
import { MAX_AGE_S, MAX_DELAY_MS, MAX_FREE_SLOTS, neighbour } from './standing.ts';
import { SURVEY_MESSAGES } from './survey/survey-messages.ts';

/** Label of the one ordered data channel that every link has. */
export const CONTROL_LABEL = 'control';
/** The channel is negotiated beforehand on this stream id, which saves the round trip of RFC 8832. */
export const CONTROL_STREAM_ID = 0;

/** Milliseconds in the clock of the peer that wrote them. */
const instant = real(0, 1e15);
export const MAX_CLOCK_OFFSET_MS = 1e15;

/** K4: the same limit as for free slots, for sums over many peers. */
export const MAX_SUBTREE_COUNT = 0xffffffff;

export const farewell = oneOf('leaving', 'ended', 'moved', 'layer-gone', 'not-allowed');
export type Farewell = ReturnType<typeof farewell>;

/** K7: the most that one forwarded message may carry: a description, compressed. */
export const MAX_FORWARDED_BYTES = 4_096;

/** @internal Compared with the tables of PROTOCOL.md. */
export const CONTROL_MESSAGES = {
  'keep-alive': { code: 1, fields: {} },
  ping: { code: 2, fields: { sentAt: instant } },
  pong: { code: 3, fields: { sentAt: instant, receivedAt: instant } },
  state: {
    code: 4,
    fields: {
      /** Hops from the streamer; `null` while detached. */
      depth: optional(integer(0, MAX_DEPTH)),
      /** Short ids from the streamer to the writer, both included. */
      path: pathBytes,
      freeSlots: integer(0, MAX_FREE_SLOTS),
      /** Free slots of all descendants. */
      subtreeSlots: integer(0, MAX_SUBTREE_COUNT),
      /** Viewers at and below the writer. */
      viewers: integer(0, MAX_SUBTREE_COUNT),
      /** Epoch of the broadcast that the writer forwards; 0 before it has one. */
      epoch: integer(0, 0xffffffff),
      /** What to add to the writer's clock to get the streamer's; `null` until measured along the whole path. */
      clockOffsetMs: optional(real(-MAX_CLOCK_OFFSET_MS, MAX_CLOCK_OFFSET_MS)),
      /** Whether media reaches the writer. */
      flowing: flag,
      /** From the streamer's encoder to the writer along the path; `null` while detached. */
      delayMs: optional(integer(0, MAX_DELAY_MS)),
      /** Children that the writer can serve, those that it has included. */
      slots: integer(0, MAX_FREE_SLOTS),
      /** Seconds since the writer came to the channel. */
      ageS: integer(0, MAX_AGE_S),
      /** Layers that the writer passes on. */
      layers: layerSet,
      /** Per mille of the media sent on this link that reached the writer; `null` where none is sent to it. */
      received: optional(integer(0, 1_000)),
    },
  },
  'need-key-frame': { code: 5, fields: { layer: layerIndex } },
  'choose-layer': { code: 6, fields: { layer: layerIndex } },
  drain: { code: 7, fields: { withinMs: integer(0, 600_000) } },
  redirect: { code: 8, fields: { parents: list(parentCandidate, MAX_REDIRECT_PEERS) } },
  /** Signaling between two peers that are not linked, passed on by one that is linked to both. */
  forward: {
    code: 9,
    fields: {
      from: peerId,
      to: peerId,
      nonce: bytes(16, 16),
      expiresAt: instant,
      /** SHA-256 of the DTLS certificate that `from` will use. */
      fingerprint: bytes(32, 32),
      payload: bytes(MAX_FORWARDED_BYTES),
      signature: bytes(64, 64),
    },
  },
  bye: { code: 10, fields: { reason: farewell } },
  /** A standby asks for the media. */
  activate: { code: 11, fields: { layer: layerIndex } },
  /** A child wants no media for the time being: it becomes a standby. */
  pause: { code: 12, fields: {} },
  /** Where others reach the writer, for redirects that name it. */
  addresses: { code: 13, fields: { addresses: addressList } },
  /** To the own parent: a child deserves a place nearer to the streamer. */
  recommend: {
    code: 14,
    fields: { peer: parentCandidate, slots: integer(0, MAX_FREE_SLOTS), ageS: integer(0, MAX_AGE_S) },
  },
  /** The answer to `recommend`: send this child up to the writer. */
  invite: { code: 15, fields: { peerId } },
  /** Asks for peers that the reader is linked to: where no relay is left to ask, neighbours still are. */
  seek: { code: 16, fields: { layers: layerSet } },
  neighbours: { code: 17, fields: { peers: list(neighbour, MAX_NEIGHBOURS) } },
  /** To everybody on the channel, from peer to peer. */
  post: {
    code: 18,
    fields: {
      from: peerId,
      /** Milliseconds since 1970 in the streamer's clock, as `from` knows it; of one peer each is later than the last. */
      sentAt: integer(0, Number.MAX_SAFE_INTEGER),
      /** UTF-8. */
      data: bytes(MAX_POST_BYTES),
      signature: bytes(64, 64),
    },
  },
  ...SURVEY_MESSAGES,
} as const;

export type ControlMessage = MessageOf<typeof CONTROL_MESSAGES>;
export type Post = Omit<Extract<ControlMessage, { type: 'post' }>, 'type'>;
export type LinkState = Omit<Extract<ControlMessage, { type: 'state' }>, 'type'>;
/** Room for a redirect that names as many parents and addresses as it may. */
export const controlCodec = messageCodec(CONTROL_MESSAGES, 16_384);
