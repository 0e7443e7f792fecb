/** What a page asks a relay that wants to know which channels are live (PROTOCOL.md, V). */

import { MAX_LISTED_CHANNELS } from './config.ts';
import { bytes, flag, integer, list, optional, text, tuple, type Values } from './fields.ts';
import { MAX_SIGNED_RECORD_BYTES } from './channel-record.ts';
import { messageCodec, type MessageOf } from './message-codec.ts';
import { peerId } from './peer-id.ts';
import { MAX_SIGNED_SNAPSHOT_BYTES } from './snapshot.ts';

/** libp2p protocol of the listing; one stream per list, open as long as somebody looks at it. */
export const LISTING_PROTOCOL = '/casto/listing/1';

/** Changes in one message; longer lists come in several. */
export const MAX_LISTED_AT_ONCE = 12;
export const MAX_UNLISTED_AT_ONCE = 64;

/** @internal Compared with the tables of PROTOCOL.md. */
export const LISTED_CHANNEL_FIELDS = {
  channel: peerId,
  /** Signed: the channel's own word; everything else is the relay's. `null`: as it was told before. */
  record: optional(bytes(MAX_SIGNED_RECORD_BYTES)),
  /** `takenAt` of the newest snapshot that the relay can give. */
  snapshotAt: optional(integer(0, Number.MAX_SAFE_INTEGER)),
  viewers: integer(0, 0xffffffff),
} as const;
export type ListedChannel = Values<typeof LISTED_CHANNEL_FIELDS>;

/** @internal Compared with the tables of PROTOCOL.md. */
export const LISTING_MESSAGES = {
  /** Asks for the live channels, and to be told when they change. */
  browse: {
    code: 1,
    fields: {
      /** Namespace; `null`: all of them. */
      app: optional(text(64)),
      /** Only those that the relay has from their streamers: what relays ask each other. */
      own: flag,
      most: integer(1, MAX_LISTED_CHANNELS),
    },
  },
  listed: {
    code: 2,
    fields: {
      /** New, or not as they were. */
      channels: list(tuple(LISTED_CHANNEL_FIELDS), MAX_LISTED_AT_ONCE),
      /** No longer on the list. */
      removed: list(peerId, MAX_UNLISTED_AT_ONCE),
    },
  },
  /** Asks for the newest snapshot of a channel. `own`: without asking other relays for it. */
  fetch: { code: 3, fields: { channel: peerId, own: flag } },
  snapshot: {
    code: 4,
    fields: { channel: peerId, signed: optional(bytes(MAX_SIGNED_SNAPSHOT_BYTES)) },
  },
  /** A streamer gives the relay its snapshot. */
  show: { code: 5, fields: { signed: bytes(MAX_SIGNED_SNAPSHOT_BYTES) } },
} as const;

export type ListingMessage = MessageOf<typeof LISTING_MESSAGES>;
/** Room for as many changes as one message may tell. */
export const listingCodec = messageCodec(LISTING_MESSAGES, 32_768);
