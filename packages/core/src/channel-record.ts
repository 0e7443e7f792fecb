/**
 * The record by which a streamer announces its channel (PROTOCOL.md, D1 to D4). Whoever holds the bytes can
 * check them: the channel's id is the PeerId that contains the key. Hosts sign and verify; this is the content.
 */

import { MAX_LAYERS, MAX_RECORD_LIFETIME_MS } from './config.ts';
import { MalformedError } from './errors.ts';
import { bytes, flag, integer, oneOf, optional, text, tuple } from './fields.ts';
import { decodeEntries, encodeTuple } from './message-codec.ts';
import { peerId, type ChannelId } from './peer-id.ts';

/** Signed along with the content, so that a signature made for another purpose is no record. */
export const RECORD_DOMAIN = 'casto-channel-record:1\n';
export const MAX_SIGNED_RECORD_BYTES = 2_048;

/** Milliseconds since 1970 in the streamer's clock. */
const unixMs = integer(0, Number.MAX_SAFE_INTEGER);

export const videoCodec = oneOf('vp8', 'h264');
export type VideoCodec = ReturnType<typeof videoCodec>;

/** @internal Compared with the tables of PROTOCOL.md. */
export const RECORD_FIELDS = {
  channel: peerId,
  /** Seconds since 1970 at which the broadcast began: a later broadcast of the channel has a higher epoch. */
  epoch: integer(0, 0xffffffff),
  /** Rises with every announcement; the highest wins everywhere. */
  sequence: unixMs,
  expiresAt: unixMs,
  title: text(120),
  /** Namespace of channels, so that one relay serves several applications. */
  app: text(64),
  /** `null` while nothing is broadcast, or without video. */
  video: optional(videoCodec),
  layers: integer(0, MAX_LAYERS),
  audio: flag,
  live: flag,
  /** Policy: whether directories may show the channel to those who do not know its id. */
  listed: flag,
} as const;

const recordFields = tuple(RECORD_FIELDS);
export type ChannelRecord = ReturnType<typeof recordFields>;

/** @internal Compared with the tables of PROTOCOL.md. */
export const SIGNED_FIELDS = { content: bytes(MAX_SIGNED_RECORD_BYTES), signature: bytes(64, 64) } as const;
const signedFields = tuple(SIGNED_FIELDS);

export function encodeRecord(record: ChannelRecord): Uint8Array {
  return encodeTuple(record, RECORD_FIELDS);
}

export function encodeSignedRecord(content: Uint8Array, signature: Uint8Array): Uint8Array {
  return encodeTuple({ content, signature }, SIGNED_FIELDS);
}

/** @throws {MalformedError} When the bytes are no signed record. The signature is not checked here. */
export function decodeSignedRecord(input: Uint8Array): {
  record: ChannelRecord;
  content: Uint8Array;
  signature: Uint8Array;
} {
  const { content, signature } = signedFields(decodeEntries(input, MAX_SIGNED_RECORD_BYTES));
  return { record: recordFields(decodeEntries(content, MAX_SIGNED_RECORD_BYTES)), content, signature };
}

/** @throws {MalformedError} When the record is expired, or claims to live longer than D3 allows. */
export function assertCurrent(record: ChannelRecord, nowMs: number): void {
  if (record.expiresAt <= nowMs) throw new MalformedError('out-of-range', 'record expired');
  if (record.expiresAt > nowMs + MAX_RECORD_LIFETIME_MS) {
    throw new MalformedError('out-of-range', 'record lives too long');
  }
}

/** D4: whether `candidate` replaces `known`. An equal sequence does not, so a replay changes nothing. */
export function supersedes(candidate: ChannelRecord, known: ChannelRecord | null): boolean {
  return known === null || candidate.sequence > known.sequence;
}

/** Where the DHT keeps a channel's record. */
export function recordKey(channel: ChannelId): string {
  return `/casto/${channel}`;
}
