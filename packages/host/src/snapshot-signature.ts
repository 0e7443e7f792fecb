/** Signatures of snapshots: made by the streamer's key, checked by everyone against the channel's id. */

import type { PrivateKey } from '@libp2p/interface';
import {
  decodeSignedSnapshot,
  encodeSignedSnapshot,
  encodeSnapshot,
  MalformedError,
  SNAPSHOT_DOMAIN,
  type ImageShape,
  type Snapshot,
} from '@casto/core';
import { joinBytes, verifySignature } from './channel-signature.ts';

const domain = new TextEncoder().encode(SNAPSHOT_DOMAIN);

/** A snapshot together with the bytes that prove it. */
export interface SignedSnapshot {
  readonly snapshot: Snapshot;
  readonly type: ImageShape['type'];
  readonly bytes: Uint8Array;
}

/** @returns The bytes that travel. */
export async function signSnapshot(privateKey: PrivateKey, snapshot: Snapshot): Promise<Uint8Array> {
  const content = encodeSnapshot(snapshot);
  return encodeSignedSnapshot(content, await privateKey.sign(joinBytes(domain, content)));
}

/**
 * Parses and checks a snapshot of unknown origin.
 *
 * @throws {MalformedError} When the bytes are none, or the signature is not its channel's.
 */
export async function verifySnapshot(bytes: Uint8Array): Promise<SignedSnapshot> {
  const { snapshot, type, content, signature } = decodeSignedSnapshot(bytes);
  if (!(await verifySignature(snapshot.channel, joinBytes(domain, content), signature))) {
    throw new MalformedError('out-of-range', 'snapshot is not signed by its channel');
  }
  return { snapshot, type, bytes };
}
