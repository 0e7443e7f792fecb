/** Answers STUN Binding requests, RFC 8489, section 6.3: bytes in, bytes or the reason for silence out. */

import { addressBytes } from './address-bytes.ts';
import {
  ATTRIBUTE_HEADER_BYTES,
  ATTRIBUTES,
  fingerprintOf,
  HEADER_BYTES,
  MAGIC_COOKIE,
  padded,
  parseBindingRequest,
  TRANSACTION_OFFSET,
  type StunDrop,
} from './binding-request.ts';

/** Where a datagram came from, as the socket tells it. */
export interface UdpSource {
  readonly address: string;
  readonly port: number;
}

/**
 * By how many bytes a response is longer than its request, at most: an attacker who forges the sender gains no more. The
 * worst is a request with nothing but one unknown attribute.
 */
export const MAX_GROWTH_BYTES = 52;

const BINDING_SUCCESS = 0x0101;
const BINDING_ERROR = 0x0111;
const SOFTWARE = Buffer.from('casto');
/** RFC 8489, section 14.8: the hundreds of the code stand in a byte of their own. */
const UNKNOWN_ATTRIBUTE = Buffer.concat([Buffer.from([0, 0, 4, 20]), Buffer.from('Unknown Attribute')]);
const FAMILY_IPV4 = 0x01;
const FAMILY_IPV6 = 0x02;
const IPV4_BYTES = 4;
const TYPE_BYTES = 2;
const FINGERPRINT_BYTES = 4;

interface Attribute {
  readonly type: number;
  readonly value: Buffer;
}

/** Why a request gets no answer, apart from what it is. */
export type SourceRefusal = 'bad-source' | 'network-limit' | 'limit';

/**
 * What a datagram is answered with.
 *
 * @param refuse - Asked once for each request, before an answer is made: why the sender (4 or 16 bytes) gets none.
 * @returns The response to send back, or why there is none. Never throws, whatever the bytes are.
 */
export function answerBinding(
  bytes: Buffer,
  { address, port }: UdpSource,
  refuse: (address: Buffer) => SourceRefusal | null = () => null,
): Buffer | StunDrop | SourceRefusal {
  const request = parseBindingRequest(bytes);
  if (typeof request === 'string') return request;
  const sender = addressBytes(address);
  if (sender === null || port === 0) return 'bad-source';
  const refusal = refuse(sender);
  if (refusal !== null) return refusal;
  const { transactionId, unknownAttributes } = request;
  if (unknownAttributes.length === 0) {
    const value = xorMappedAddress(sender, port, transactionId);
    return writeMessage(BINDING_SUCCESS, transactionId, [{ type: ATTRIBUTES.xorMappedAddress, value }]);
  }
  return writeMessage(BINDING_ERROR, transactionId, [
    { type: ATTRIBUTES.errorCode, value: UNKNOWN_ATTRIBUTE },
    { type: ATTRIBUTES.unknownAttributes, value: typesValue(unknownAttributes) },
  ]);
}

/**
 * The value of XOR-MAPPED-ADDRESS: 8 bytes for IPv4, 20 for IPv6.
 *
 * @param address - 4 or 16 bytes.
 * @param transactionId - 12 bytes.
 * @see RFC 8489, section 14.2.
 */
export function xorMappedAddress(address: Buffer, port: number, transactionId: Buffer): Buffer {
  const mask = Buffer.alloc(4 + transactionId.length);
  mask.writeUInt32BE(MAGIC_COOKIE);
  transactionId.copy(mask, 4);
  const value = Buffer.alloc(4 + address.length);
  value.writeUInt8(address.length === IPV4_BYTES ? FAMILY_IPV4 : FAMILY_IPV6, 1);
  value.writeUInt16BE(port ^ mask.readUInt16BE(0), 2);
  for (const [i, byte] of address.entries()) value.writeUInt8(byte ^ mask.readUInt8(i), 4 + i);
  return value;
}

function typesValue(types: readonly number[]): Buffer {
  const value = Buffer.alloc(types.length * TYPE_BYTES);
  for (const [i, type] of types.entries()) value.writeUInt16BE(type, i * TYPE_BYTES);
  return value;
}

/** Adds SOFTWARE and FINGERPRINT. */
function writeMessage(type: number, transactionId: Buffer, attributes: readonly Attribute[]): Buffer {
  const named = [...attributes, { type: ATTRIBUTES.software, value: SOFTWARE }];
  const sizes = named.map(({ value }) => ATTRIBUTE_HEADER_BYTES + padded(value.length));
  const fingerprintOffset = sizes.reduce((sum, size) => sum + size, HEADER_BYTES);
  const message = Buffer.alloc(fingerprintOffset + ATTRIBUTE_HEADER_BYTES + FINGERPRINT_BYTES);
  message.writeUInt16BE(type, 0);
  message.writeUInt16BE(message.length - HEADER_BYTES, 2);
  message.writeUInt32BE(MAGIC_COOKIE, 4);
  transactionId.copy(message, TRANSACTION_OFFSET);
  let offset = HEADER_BYTES;
  for (const { type: attributeType, value } of named) {
    offset = writeAttribute(message, offset, { type: attributeType, value });
  }
  const fingerprint = Buffer.alloc(FINGERPRINT_BYTES);
  fingerprint.writeUInt32BE(fingerprintOf(message, offset));
  writeAttribute(message, offset, { type: ATTRIBUTES.fingerprint, value: fingerprint });
  return message;
}

/** @returns Where the next one begins. */
function writeAttribute(message: Buffer, offset: number, { type, value }: Attribute): number {
  message.writeUInt16BE(type, offset);
  message.writeUInt16BE(value.length, offset + 2);
  value.copy(message, offset + ATTRIBUTE_HEADER_BYTES);
  return offset + ATTRIBUTE_HEADER_BYTES + padded(value.length);
}
