/** PeerIds made and read by the definition, independently of the core: base58btc of a multihash of the key. */

import { peerId, type PeerId } from '../src/peer-id.ts';

const DIGITS = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
/** Identity multihash of 36 bytes: an Ed25519 key (8, 1) of 32 bytes (18, 32) in libp2p's protobuf. */
const HEADER = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

export function peerIdOfKey(key: Uint8Array): string {
  let number = [...HEADER, ...key].reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  let digits = '';
  while (number > 0n) {
    digits = DIGITS.charAt(Number(number % 58n)) + digits;
    number /= 58n;
  }
  // The header's one leading zero byte is written as the digit zero.
  return `1${digits}`;
}

/** Whether the text is the id of some Ed25519 key. */
export function namesKey(text: string): boolean {
  const digits = Array.from(text.slice(1), (digit) => DIGITS.indexOf(digit));
  if (!text.startsWith('1') || text.startsWith('11') || digits.includes(-1)) return false;
  const number = digits.reduce((sum, digit) => sum * 58n + BigInt(digit), 0n);
  return number >> 256n === HEADER.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
}

/** The id of a key that is made of a number. */
export function peerIdNumbered(number: number): PeerId {
  const key = new Uint8Array(32);
  new DataView(key.buffer).setUint32(28, number);
  return peerId(peerIdOfKey(key));
}
