/** The handshake that opens a link (PROTOCOL.md, L1 to L6). */

import {
  MAX_ADDRESS_LENGTH,
  MAX_CANDIDATE_LENGTH,
  MAX_DEPTH,
  MAX_DESCRIPTION_LENGTH,
  MAX_LAYERS,
  MAX_PEER_ADDRESSES,
  MAX_REDIRECT_PEERS,
} from './config.ts';
import { MalformedError } from './errors.ts';
import { bytes, flag, integer, list, oneOf, opaque, text, tuple, type Reader } from './fields.ts';
import { messageCodec, type MessageOf } from './message-codec.ts';
import { MAX_SIGNED_RECORD_BYTES } from './channel-record.ts';
import { peerId } from './peer-id.ts';

/** libp2p protocol of the handshake; one stream per link. */
export const LINK_PROTOCOL = '/casto/link/1';

/** What carries the media of a peer: a page's peer connection, or RTP in a headless relay. */
export const peerKind = oneOf('browser', 'headless');
export type PeerKind = ReturnType<typeof peerKind>;

/** L4: why a parent refuses. The joiner's next step follows from the word alone. */
export const refusal = oneOf(
  'not-found',
  'offline',
  'full',
  'draining',
  'loop',
  'too-deep',
  'no-common-codec',
  'version',
  'malformed',
  'busy',
  'not-allowed',
);
export type Refusal = ReturnType<typeof refusal>;

export const addressList = list(text(MAX_ADDRESS_LENGTH), MAX_PEER_ADDRESSES);

/** A peer that may be asked to become a parent. */
export const parentCandidate = tuple({ peerId, addresses: addressList });
export type ParentCandidate = ReturnType<typeof parentCandidate>;

export const layerIndex = integer(0, MAX_LAYERS - 1);
/** Layers as bits: layer n is 2^n. */
export const layerSet = integer(0, (1 << MAX_LAYERS) - 1);

const shortIdBytes = bytes(4 * (MAX_DEPTH + 1));
/** Short ids, four bytes each (K4). */
export const pathBytes: Reader<Uint8Array> = (value) => {
  const path = shortIdBytes(value);
  if (path.length % 4 !== 0) throw new MalformedError('wrong-shape', 'path is cut');
  return path;
};

/** @internal Compared with the tables of PROTOCOL.md. */
export const LINK_MESSAGES = {
  join: {
    code: 1,
    fields: {
      version: integer(1, 255),
      channel: peerId,
      kind: peerKind,
      /** One video section of the offer per entry, in this order. */
      layers: list(layerIndex, MAX_LAYERS),
      audio: flag,
      /** RtpCapabilities in mediasoup-client's ORTC form; parsed by the host. */
      capabilities: opaque,
      offer: text(MAX_DESCRIPTION_LENGTH),
      /** The joiner's own path, empty while it is detached. A parent at or below the joiner refuses (L5). */
      path: pathBytes,
      /** Whether the joiner wants no media until it says `activate`. */
      standby: flag,
      /** Children that the joiner can serve. */
      slots: integer(0, 0xffff),
      /** Seconds since the joiner came to the channel. */
      ageS: integer(0, 0xffffffff),
    },
  },
  accept: {
    code: 2,
    fields: {
      version: integer(1, 255),
      kind: peerKind,
      answer: text(MAX_DESCRIPTION_LENGTH),
      record: bytes(MAX_SIGNED_RECORD_BYTES),
      depth: integer(0, MAX_DEPTH),
      path: pathBytes,
    },
  },
  refuse: { code: 3, fields: { reason: refusal, retryAfterMs: integer(0, 60_000) } },
  redirect: { code: 4, fields: { parents: list(parentCandidate, MAX_REDIRECT_PEERS) } },
  /** Trickled ICE candidate; empty when there will be no more. */
  candidate: { code: 5, fields: { candidate: text(MAX_CANDIDATE_LENGTH) } },
} as const;

export type LinkMessage = MessageOf<typeof LINK_MESSAGES>;
export const linkCodec = messageCodec(LINK_MESSAGES, 32_768);
