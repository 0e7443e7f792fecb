import { MalformedError } from './errors.ts';
import type { Reader } from './fields.ts';

/** A libp2p PeerId with an Ed25519 key, in base58btc. Its bytes contain the public key, so it certifies itself. */
export type PeerId = string & { readonly __brand: 'PeerId' };

/** Names a broadcast: the PeerId of its streamer. */
export type ChannelId = PeerId;

/** Four bytes that stand for a peer in paths (PROTOCOL.md, K4). */
export type ShortId = number & { readonly __brand: 'ShortId' };

/** `12D3KooW` is what the multihash header of every Ed25519 public key becomes in base58btc. */
const ED25519_PEER_ID = /^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/;
/**
 * The ids of the keys 00..00 and FF..FF. Text outside them is no id, because the number spills into the header, and
 * libp2p throws on it. The digits of base58btc stand in ASCII order, so ids of one length compare as text.
 */
const LOWEST_PEER_ID = '12D3KooW9pNAk8aiBuGVQtWRdbkLmo5qVL3e2h5UxbN2Nz9ttwiw';
const HIGHEST_PEER_ID = '12D3KooWT3gYEvLJyx1FyyHqrmvdy1tMjpgxmu9aSeKMEuafQtyC';

export function isPeerId(value: unknown): value is PeerId {
  if (typeof value !== 'string' || !ED25519_PEER_ID.test(value)) return false;
  return value >= LOWEST_PEER_ID && value <= HIGHEST_PEER_ID;
}

export const peerId: Reader<PeerId> = (value) => {
  if (!isPeerId(value)) throw new MalformedError('wrong-shape', 'not an Ed25519 PeerId');
  return value;
};

/**
 * Shortens a PeerId to four bytes with FNV-1a. Two of a path's at most 16 peers collide once in
 * 36 million paths; a collision only makes a peer choose another parent.
 *
 * @see https://datatracker.ietf.org/doc/html/draft-eastlake-fnv, section 2
 */
export function shortId(id: PeerId): ShortId {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return brand(hash >>> 0);
}

function brand(id: number): ShortId {
  // A brand exists for the compiler only: there is nothing to check.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return id as ShortId;
}

/**
 * Path as it travels: four bytes per peer, streamer first.
 *
 * Written and read byte by byte: a `DataView` asks for the array's buffer, which engines make only then, outside of
 * their heap, and at several times the price of the array itself.
 */
export function encodePath(path: readonly ShortId[]): Uint8Array {
  const bytes = new Uint8Array(path.length * 4);
  let at = 0;
  for (const id of path) {
    bytes[at++] = id >>> 24;
    bytes[at++] = id >>> 16;
    bytes[at++] = id >>> 8;
    bytes[at++] = id;
  }
  return bytes;
}

/** @throws {MalformedError} When the bytes are no whole number of ids, or more than `maxHops`. */
export function decodePath(bytes: Uint8Array, maxHops: number): ShortId[] {
  if (bytes.length % 4 !== 0) throw new MalformedError('wrong-shape', 'path is cut');
  if (bytes.length > maxHops * 4) throw new MalformedError('out-of-range', 'path is too long');
  const path: ShortId[] = [];
  for (let at = 0; at < bytes.length; at += 4) {
    const high = ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16);
    const low = ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
    path.push(brand((high | low) >>> 0));
  }
  return path;
}
