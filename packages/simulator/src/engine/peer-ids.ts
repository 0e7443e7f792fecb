import { isPeerId, type PeerId } from '@casto/core';
import type { PeerIndex } from '../world-view.ts';

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
/** What every Ed25519 PeerId begins with, and a digit that keeps the number within what a key can be. */
const HEAD = '12D3KooWE';
const LENGTH = 52;
/** Digits at the end that hold the peer's number: 58^4, more than eleven million peers. */
const NUMBER_DIGITS = 4;
const NUMBERS = ALPHABET.length ** NUMBER_DIGITS;

/** An id that every codec takes, from which the peer's number can be read. */
export function peerIdOf(index: PeerIndex): PeerId {
  if (index >= NUMBERS) throw new RangeError(`there are ids for ${NUMBERS} peers only`);
  let number = '';
  for (let rest = index, i = 0; i < NUMBER_DIGITS; i++) {
    number = digit(rest) + number;
    rest = Math.floor(rest / ALPHABET.length);
  }
  // The digits between differ from peer to peer, as those of keys do, so that short ids are spread as they are.
  let filler = '';
  for (let hash = index + 1; filler.length < LENGTH - HEAD.length - NUMBER_DIGITS;) {
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
    filler += digit((hash >>> 8) % ALPHABET.length);
  }
  const id = `${HEAD}${filler}${number}`;
  if (!isPeerId(id)) throw new Error(`not a PeerId: ${id}`);
  return id;
}

const DIGIT_OF = new Int8Array(128).fill(-1);
for (let i = 0; i < ALPHABET.length; i++) DIGIT_OF[ALPHABET.charCodeAt(i)] = i;

/** The number of the peer with this id. */
export function indexOf(id: PeerId): PeerIndex {
  let index = 0;
  for (let at = LENGTH - NUMBER_DIGITS; at < LENGTH; at++) {
    index = index * ALPHABET.length + (DIGIT_OF[id.charCodeAt(at)] ?? 0);
  }
  return index;
}

function digit(value: number): string {
  return ALPHABET.charAt(value % ALPHABET.length);
}
