/** What a peer asks its relay over the rendezvous stream (PROTOCOL.md, D1 to D6). */

import { MAX_REDIRECT_PEERS } from './config.ts';
import { bytes, flag, integer, list, oneOf, optional, text } from './fields.ts';
import { parentCandidate } from './link-messages.ts';
import { messageCodec, type MessageOf } from './message-codec.ts';
import { MAX_SIGNED_RECORD_BYTES } from './channel-record.ts';
import { peerId } from './peer-id.ts';

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
} as const;

export type RendezvousMessage = MessageOf<typeof RENDEZVOUS_MESSAGES>;
export const rendezvousCodec = messageCodec(RENDEZVOUS_MESSAGES, 16_384);
