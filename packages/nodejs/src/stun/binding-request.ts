/**
 * Reads STUN Binding requests, RFC 8489. What is anything else is named, so that it can be counted.
 *
 *   0       2       4               8                          20
 *   │ type  │ length│ magic cookie  │ transaction id, 12 bytes │ attributes: type, length, value, padding to 4 bytes
 */

import { crc32 } from 'node:zlib';

/** RFC 8489, section 14. */
export const ATTRIBUTES = {
  errorCode: 0x0009,
  unknownAttributes: 0x000a,
  xorMappedAddress: 0x0020,
  software: 0x8022,
  fingerprint: 0x8028,
} as const;

/** RFC 8489, section 5: sets STUN apart from other protocols, and hides addresses from meddling routers. */
export const MAGIC_COOKIE = 0x21_12_a4_42;
export const HEADER_BYTES = 20;
export const ATTRIBUTE_HEADER_BYTES = 4;
/** Where the transaction id begins in the header. */
export const TRANSACTION_OFFSET = 8;

/** Why bytes get no answer. */
export type StunDrop =
  | 'too-long'
  | 'not-stun'
  | 'bad-length'
  | 'bad-attribute'
  | 'bad-fingerprint'
  | 'response'
  | 'indication'
  | 'other-method';

export interface BindingRequest {
  /** 12 bytes, a view into the request. */
  readonly transactionId: Buffer;
  /** Types of attributes that must be understood and are not, each once. */
  readonly unknownAttributes: readonly number[];
}

/** What fits one packet of every IPv6 path (RFC 8489, section 6.1); a request needs no more than a few attributes. */
const MAX_REQUEST_BYTES = 1_280;
const PADDED_TO_BYTES = 4;
const BINDING = 0x0001;
/** RFC 8489, section 5: the class lies between the bits of the method. */
const CLASS_BITS = 0x0110;
const CLASS_INDICATION = 0x0010;
const CLASS_REQUEST = 0x0000;
/** RFC 8489, section 14.7: keeps the checksum apart from that of another protocol. */
const FINGERPRINT_XOR = 0x53_54_55_4e;
const FINGERPRINT_BYTES = 4;
/** Attributes below this must be understood (section 14). */
const FIRST_OPTIONAL = 0x8000;
const MESSAGE_INTEGRITY = 0x0008;
const MESSAGE_INTEGRITY_SHA256 = 0x001c;
/**
 * Required ones of RFC 8489 itself. A server without credentials has no use for what they say (section 12), and a
 * response's attribute means nothing in a request.
 */
const KNOWN_REQUIRED: ReadonlySet<number> = new Set([
  0x0001, // MAPPED-ADDRESS
  0x0006, // USERNAME
  MESSAGE_INTEGRITY,
  ATTRIBUTES.errorCode,
  ATTRIBUTES.unknownAttributes,
  0x0014, // REALM
  0x0015, // NONCE
  MESSAGE_INTEGRITY_SHA256,
  0x001d, // PASSWORD-ALGORITHM
  0x001e, // USERHASH
  ATTRIBUTES.xorMappedAddress,
]);

/**
 * Reads one datagram.
 *
 * @returns The request, or why there is nothing to answer. Never throws, whatever the bytes are.
 * @see RFC 8489, section 6.3.
 */
export function parseBindingRequest(bytes: Buffer): BindingRequest | StunDrop {
  if (bytes.length > MAX_REQUEST_BYTES) return 'too-long';
  if (bytes.length < HEADER_BYTES || bytes.readUInt32BE(4) !== MAGIC_COOKIE) return 'not-stun';
  const type = bytes.readUInt16BE(0);
  const isStun = type >>> 14 === 0;
  if (!isStun) return 'not-stun';
  const length = bytes.readUInt16BE(2);
  if (length % PADDED_TO_BYTES !== 0 || HEADER_BYTES + length !== bytes.length) return 'bad-length';
  const messageClass = type & CLASS_BITS;
  if (messageClass === CLASS_INDICATION) return 'indication';
  if (messageClass !== CLASS_REQUEST) return 'response';
  if (type !== BINDING) return 'other-method';
  const unknownAttributes = readAttributes(bytes);
  if (typeof unknownAttributes === 'string') return unknownAttributes;
  return {
    transactionId: bytes.subarray(TRANSACTION_OFFSET, HEADER_BYTES),
    unknownAttributes: [...unknownAttributes],
  };
}

/** @returns The types that are not understood. */
function readAttributes(bytes: Buffer): ReadonlySet<number> | StunDrop {
  const unknown = new Set<number>();
  let isSealed = false;
  for (let offset = HEADER_BYTES; offset < bytes.length;) {
    const type = bytes.readUInt16BE(offset);
    const length = bytes.readUInt16BE(offset + 2);
    const end = offset + ATTRIBUTE_HEADER_BYTES + padded(length);
    if (end > bytes.length) return 'bad-attribute';
    if (type === ATTRIBUTES.fingerprint) {
      // Its checksum covers all that comes before it, so nothing may come behind.
      const isRight = length === FINGERPRINT_BYTES && end === bytes.length;
      if (!isRight || bytes.readUInt32BE(offset + ATTRIBUTE_HEADER_BYTES) !== fingerprintOf(bytes, offset)) {
        return 'bad-fingerprint';
      }
    }
    // What follows the integrity is not covered by it, and is to be ignored (section 14.5).
    if (!isSealed && type < FIRST_OPTIONAL && !KNOWN_REQUIRED.has(type)) unknown.add(type);
    isSealed ||= type === MESSAGE_INTEGRITY || type === MESSAGE_INTEGRITY_SHA256;
    offset = end;
  }
  return unknown;
}

/**
 * The value of FINGERPRINT.
 *
 * @param message - Its header counts the FINGERPRINT attribute in its length already.
 * @param offset - Where that attribute begins, in bytes.
 * @see RFC 8489, section 14.7.
 */
export function fingerprintOf(message: Buffer, offset: number): number {
  return (crc32(message.subarray(0, offset)) ^ FINGERPRINT_XOR) >>> 0;
}

/** @returns The bytes that a value of this length takes up. */
export function padded(lengthBytes: number): number {
  return Math.ceil(lengthBytes / PADDED_TO_BYTES) * PADDED_TO_BYTES;
}
