/**
 * A picture of a broadcast for lists of channels, signed by the streamer (PROTOCOL.md, V3 and V4). Hosts sign and
 * verify; this is the content.
 */

import { MAX_SNAPSHOT_BYTES, MAX_SNAPSHOT_SIDE } from './config.ts';
import { MalformedError } from './errors.ts';
import { bytes, integer, tuple } from './fields.ts';
import { decodeEntries, encodeTuple } from './message-codec.ts';
import { peerId } from './peer-id.ts';
import { readImageShape, type ImageShape } from './snapshot-image.ts';

/** Signed along with the content, so that a signature made for another purpose is no snapshot. */
export const SNAPSHOT_DOMAIN = 'casto-snapshot:1\n';
/** Room for the picture, the fields beside it, and some of a later version. */
export const MAX_SIGNED_SNAPSHOT_BYTES = 25_088;
const MAX_CONTENT_BYTES = MAX_SIGNED_SNAPSHOT_BYTES - 128;

/** @internal Compared with the tables of PROTOCOL.md. */
export const SNAPSHOT_FIELDS = {
  channel: peerId,
  /** Of the broadcast that it shows. */
  epoch: integer(0, 0xffffffff),
  /** Milliseconds since 1970 in the streamer's clock. The highest counts. */
  takenAt: integer(0, Number.MAX_SAFE_INTEGER),
  image: bytes(MAX_SNAPSHOT_BYTES),
} as const;

const snapshotFields = tuple(SNAPSHOT_FIELDS);
export type Snapshot = ReturnType<typeof snapshotFields>;

/** @internal Compared with the tables of PROTOCOL.md. */
export const SIGNED_SNAPSHOT_FIELDS = {
  content: bytes(MAX_CONTENT_BYTES),
  signature: bytes(64, 64),
} as const;
const signedFields = tuple(SIGNED_SNAPSHOT_FIELDS);

export function encodeSnapshot(snapshot: Snapshot): Uint8Array {
  return encodeTuple(snapshot, SNAPSHOT_FIELDS);
}

export function encodeSignedSnapshot(content: Uint8Array, signature: Uint8Array): Uint8Array {
  return encodeTuple({ content, signature }, SIGNED_SNAPSHOT_FIELDS);
}

/**
 * Reads a signed snapshot; the signature is not checked here.
 *
 * @throws {MalformedError} When the bytes are none, or the picture is no JPEG or WebP within the limits.
 */
export function decodeSignedSnapshot(input: Uint8Array): {
  snapshot: Snapshot;
  type: ImageShape['type'];
  content: Uint8Array;
  signature: Uint8Array;
} {
  const { content, signature } = signedFields(decodeEntries(input, MAX_SIGNED_SNAPSHOT_BYTES));
  const snapshot = snapshotFields(decodeEntries(content, MAX_CONTENT_BYTES));
  const shape = readImageShape(snapshot.image);
  if (shape === null) throw new MalformedError('wrong-shape', 'no picture');
  for (const side of [shape.width, shape.height]) {
    if (side < 1 || side > MAX_SNAPSHOT_SIDE)
      throw new MalformedError('out-of-range', `a picture of ${side} pixels`);
  }
  return { snapshot, type: shape.type, content, signature };
}

/** V4: whether `candidate` takes the place of `known`. An equal time does not, so a replay changes nothing. */
export function isNewerSnapshot(
  candidate: Pick<Snapshot, 'epoch' | 'takenAt'>,
  known: Pick<Snapshot, 'epoch' | 'takenAt'> | null,
): boolean {
  if (known === null || candidate.epoch > known.epoch) return true;
  return candidate.epoch === known.epoch && candidate.takenAt > known.takenAt;
}
