/** Signatures of channel records: made by the streamer's key, checked by everyone against the channel's id. */

import type { PrivateKey } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import {
  assertCurrent,
  decodeSignedRecord,
  encodeRecord,
  encodeSignedRecord,
  MalformedError,
  RECORD_DOMAIN,
  type ChannelRecord,
  type PeerId,
} from '@casto/core';

const domain = new TextEncoder().encode(RECORD_DOMAIN);

/** A record together with the bytes that prove it. */
export interface SignedRecord {
  readonly record: ChannelRecord;
  readonly bytes: Uint8Array;
}

export async function signRecord(privateKey: PrivateKey, record: ChannelRecord): Promise<SignedRecord> {
  const content = encodeRecord(record);
  const signature = await privateKey.sign(joinBytes(domain, content));
  return { record, bytes: encodeSignedRecord(content, signature) };
}

/**
 * Parses and checks a record of unknown origin.
 *
 * @param now - Milliseconds since 1970, for the expiry.
 * @throws {MalformedError} When the bytes are no record, it is expired, or the signature is not its channel's.
 */
export async function verifyRecord(bytes: Uint8Array, now: number): Promise<SignedRecord> {
  const { record, content, signature } = decodeSignedRecord(bytes);
  assertCurrent(record, now);
  if (!(await verifySignature(record.channel, joinBytes(domain, content), signature))) {
    throw new MalformedError('out-of-range', 'record is not signed by its channel');
  }
  return { record, bytes };
}

/** Whether `signature` over `data` was made by the key inside `signer`. */
export async function verifySignature(
  signer: PeerId,
  data: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  try {
    const { publicKey } = peerIdFromString(signer);
    return publicKey !== undefined && (await publicKey.verify(data, signature));
  } catch {
    return false;
  }
}

export function joinBytes(...parts: Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
