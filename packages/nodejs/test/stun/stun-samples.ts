/** STUN messages as clients send them, and a reading of responses that shares no code with what writes them. */

/** RFC 5769, sections 2.1 to 2.4. */
export const VECTORS = {
  request: hex(`
    00 01 00 58 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae
    80 22 00 10 53 54 55 4e 20 74 65 73 74 20 63 6c 69 65 6e 74
    00 24 00 04 6e 00 01 ff
    80 29 00 08 93 2f f9 b1 51 26 3b 36
    00 06 00 09 65 76 74 6a 3a 68 36 76 59 20 20 20
    00 08 00 14 9a ea a7 0c bf d8 cb 56 78 1e f2 b5 b2 d3 f2 49 c1 b5 71 a2
    80 28 00 04 e5 7a 3b cf`),
  ipv4Response: hex(`
    01 01 00 3c 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae
    80 22 00 0b 74 65 73 74 20 76 65 63 74 6f 72 20
    00 20 00 08 00 01 a1 47 e1 12 a6 43
    00 08 00 14 2b 91 f5 99 fd 9e 90 c3 8c 74 89 f9 2a f9 ba 53 f0 6b e7 d7
    80 28 00 04 c0 7d 4c 96`),
  ipv6Response: hex(`
    01 01 00 48 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae
    80 22 00 0b 74 65 73 74 20 76 65 63 74 6f 72 20
    00 20 00 14 00 02 a1 47 01 13 a9 fa a5 d3 f1 79 bc 25 f4 b5 be d2 b9 d9
    00 08 00 14 a3 82 95 4e 4b e6 7b f1 17 84 c9 7c 82 92 c2 75 bf e3 ed 41
    80 28 00 04 c8 fb 0b 4c`),
  longTermRequest: hex(`
    00 01 00 60 21 12 a4 42 78 ad 34 33 c6 ad 72 c0 29 da 41 2e
    00 06 00 12 e3 83 9e e3 83 88 e3 83 aa e3 83 83 e3 82 af e3 82 b9 00 00
    00 15 00 1c 66 2f 2f 34 39 39 6b 39 35 34 64 36 4f 4c 33 34 6f 4c 39 46 53 54 76 79 36 34 73 41
    00 14 00 0b 65 78 61 6d 70 6c 65 2e 6f 72 67 00
    00 08 00 14 f6 70 24 65 6d d6 4a 3e 02 b8 e0 71 2e 85 c9 a2 8c a8 96 66`),
};

/** What the vectors say that the senders of the responses saw. */
export const VECTOR_PORT = 32_853;
export const VECTOR_IPV4 = '192.0.2.1';
export const VECTOR_IPV6 = '2001:db8:1234:5678:11:2233:4455:6677';

export const BINDING = 0x0001;
export const FINGERPRINT = 0x8028;

export interface SampleAttribute {
  readonly type: number;
  readonly value: Buffer;
}

export function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(/\s/g, ''), 'hex');
}

/** A message with these attributes, and a right FINGERPRINT when asked for. */
export function sampleMessage(
  attributes: readonly SampleAttribute[] = [],
  { type = BINDING, transactionId = Buffer.alloc(12, 7), isFingerprinted = false } = {},
): Buffer {
  const header = Buffer.alloc(20);
  header.writeUInt16BE(type, 0);
  header.write('2112a442', 4, 'hex');
  transactionId.copy(header, 8);
  const body = Buffer.concat(attributes.map(rendered));
  header.writeUInt16BE(body.length + (isFingerprinted ? 8 : 0), 2);
  const message = Buffer.concat([header, body]);
  if (!isFingerprinted) return message;
  const value = Buffer.alloc(4);
  value.writeUInt32BE((checksum(message) ^ 0x53_54_55_4e) >>> 0);
  return Buffer.concat([message, rendered({ type: FINGERPRINT, value })]);
}

function rendered({ type, value }: SampleAttribute): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt16BE(type, 0);
  header.writeUInt16BE(value.length, 2);
  return Buffer.concat([header, value, Buffer.alloc((4 - (value.length % 4)) % 4)]);
}

export interface ReadMessage {
  readonly type: number;
  readonly transactionId: string;
  readonly attributes: ReadonlyMap<number, Buffer>;
  /** As in the message. */
  readonly order: readonly number[];
}

/** @throws When it is not well-formed down to the last byte, or its fingerprint is wrong. */
export function readMessage(message: Buffer): ReadMessage {
  if (message.toString('hex', 4, 8) !== '2112a442') throw new Error('no cookie');
  if (message.readUInt16BE(2) !== message.length - 20) throw new Error('wrong length');
  const attributes = new Map<number, Buffer>();
  const order: number[] = [];
  let at = 20;
  while (at < message.length) {
    const type = message.readUInt16BE(at);
    const length = message.readUInt16BE(at + 2);
    const value = message.subarray(at + 4, at + 4 + length);
    if (value.length !== length) throw new Error('cut off');
    if (type === FINGERPRINT) {
      const expected = (checksum(message.subarray(0, at)) ^ 0x53_54_55_4e) >>> 0;
      if (value.readUInt32BE(0) !== expected) throw new Error('wrong fingerprint');
    }
    attributes.set(type, value);
    order.push(type);
    at += 4 + length + ((4 - (length % 4)) % 4);
  }
  if (at !== message.length) throw new Error('wrong padding');
  return {
    type: message.readUInt16BE(0),
    transactionId: message.toString('hex', 8, 20),
    attributes,
    order,
  };
}

/** The mapped address of a success, `ADDRESS port`, IPv6 in full. */
export function mappedAddress(message: Buffer): string {
  const value = readMessage(message).attributes.get(0x0020);
  if (value === undefined) throw new Error('no XOR-MAPPED-ADDRESS');
  const mask = message.subarray(4, 20);
  const port = value.readUInt16BE(2) ^ 0x2112;
  const address = Buffer.from(value.subarray(4).map((byte, i) => byte ^ (mask[i] ?? 0)));
  if (value[1] === 1 && address.length === 4) return `${address.join('.')} ${port}`;
  if (value[1] !== 2 || address.length !== 16) throw new Error('wrong family');
  return `${address.toString('hex').match(/.{4}/g)?.join(':')} ${port}`;
}

/** CRC-32 of ISO 3309, bit by bit. */
function checksum(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
