/** What a peer asks its relay over the rendezvous stream (PROTOCOL.md, D1 to D9). */

import { MAX_FOUND_PEERS, MAX_REDIRECT_PEERS } from './config.ts';
import { bytes, flag, integer, list, oneOf, optional, text } from './fields.ts';
import { MAX_SIGNED_RECORD_BYTES } from './channel-record.ts';
import { addressList, layerSet, parentCandidate } from './link-messages.ts';
import { messageCodec, type MessageOf } from './message-codec.ts';
import { peerId } from './peer-id.ts';
import { offer, offeredCandidate, standing } from './standing.ts';

/** libp2p protocol of the directory; one stream per peer, open as long as the peer is. */
export const RENDEZVOUS_PROTOCOL = '/casto/rendezvous/1';

export const announceRefusal = oneOf(
  'bad-record',
  'not-owner',
  'expired',
  'superseded',
  'not-allowed',
  'full',
  'malformed',
);
export type AnnounceRefusal = ReturnType<typeof announceRefusal>;

/** Tells answers apart; drawn anew for each probe. */
const probeNonce = integer(0, 0xffffffff);

/** @internal Compared with the tables of PROTOCOL.md. */
export const RENDEZVOUS_MESSAGES = {
  announce: {
    code: 1,
    fields: { record: bytes(MAX_SIGNED_RECORD_BYTES), token: optional(text(256)) },
  },
  /** `carries`: the relay will ask for the media itself; otherwise it only introduces viewers. */
  announced: { code: 2, fields: { carries: flag } },
  refused: { code: 3, fields: { reason: announceRefusal } },
  /** Asks for the channel as it is, and to be told when it changes. */
  watch: { code: 4, fields: { channel: peerId } },
  channel: {
    code: 5,
    fields: {
      channel: peerId,
      /** `null` when no directory knows the channel. */
      record: optional(bytes(MAX_SIGNED_RECORD_BYTES)),
      live: flag,
      viewers: integer(0, 0xffffffff),
      parents: list(parentCandidate, MAX_REDIRECT_PEERS),
    },
  },
  /** What the writer offers to joiners of the channel; `null` when it has no slot any more. */
  report: {
    code: 6,
    fields: {
      channel: peerId,
      addresses: addressList,
      offer: optional(offer),
      /** The channel's, for a relay that has it from nobody else. */
      record: optional(bytes(MAX_SIGNED_RECORD_BYTES)),
    },
  },
  /** Asks once for peers with free slots. */
  seek: { code: 7, fields: { channel: peerId, layers: layerSet } },
  found: { code: 8, fields: { channel: peerId, candidates: list(offeredCandidate, MAX_FOUND_PEERS) } },
  /** To a relay: ask `peer`, who holds a stream here as well. From a relay: `peer` asks. */
  probe: { code: 9, fields: { channel: peerId, peer: peerId, nonce: probeNonce } },
  /** The way back; `null` from a relay that does not reach `peer`. */
  probed: {
    code: 10,
    fields: { channel: peerId, peer: peerId, nonce: probeNonce, standing: optional(standing) },
  },
} as const;

export type RendezvousMessage = MessageOf<typeof RENDEZVOUS_MESSAGES>;
/** Room for an answer that names as many candidates and addresses as it may. */
export const rendezvousCodec = messageCodec(RENDEZVOUS_MESSAGES, 32_768);
