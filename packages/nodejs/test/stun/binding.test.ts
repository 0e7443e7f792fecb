import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addressBytes } from '../../src/stun/address-bytes.ts';
import { fingerprintOf, parseBindingRequest } from '../../src/stun/binding-request.ts';
import { answerBinding, MAX_GROWTH_BYTES, xorMappedAddress } from '../../src/stun/binding-response.ts';
import {
  hex,
  mappedAddress,
  readMessage,
  sampleMessage,
  VECTOR_IPV4,
  VECTOR_IPV6,
  VECTOR_PORT,
  VECTORS,
} from './stun-samples.ts';

const SOURCE = { address: VECTOR_IPV4, port: VECTOR_PORT };

function answer(bytes: Buffer, source = SOURCE): Buffer {
  const answered = answerBinding(bytes, source);
  if (typeof answered === 'string') throw new Error(`dropped: ${answered}`);
  return answered;
}

describe('the vectors of RFC 5769', () => {
  const transactionId = VECTORS.ipv4Response.subarray(8, 20);

  test.each([
    ['IPv4', VECTORS.ipv4Response, VECTOR_IPV4],
    ['IPv6', VECTORS.ipv6Response, VECTOR_IPV6],
  ])('an %s address is hidden as they have it', (_, response, address) => {
    const { attributes } = readMessage(response);
    const bytes = addressBytes(address) ?? Buffer.alloc(0);
    expect(xorMappedAddress(bytes, VECTOR_PORT, transactionId)).toEqual(attributes.get(0x0020));
  });

  test.each(['request', 'ipv4Response', 'ipv6Response'] as const)(
    'the fingerprint of %s is theirs',
    (name) => {
      const message = VECTORS[name];
      const offset = message.length - 8;
      expect(fingerprintOf(message, offset)).toBe(message.readUInt32BE(offset + 4));
    },
  );

  test('a connectivity check is told which of its attributes is not understood here', () => {
    const { type, transactionId: id, attributes } = readMessage(answer(VECTORS.request));
    expect(type).toBe(0x0111);
    expect(id).toBe('b7e7a701bc34d686fa87dfae');
    expect(attributes.get(0x0009)?.subarray(0, 4)).toEqual(hex('00 00 04 14'));
    expect(attributes.get(0x000a)).toEqual(hex('00 24'));
  });

  test('a request with credentials is answered as if it had none', () => {
    expect(mappedAddress(answer(VECTORS.longTermRequest))).toBe('192.0.2.1 32853');
  });

  test('responses are dropped', () => {
    expect(answerBinding(VECTORS.ipv4Response, SOURCE)).toBe('response');
    expect(answerBinding(VECTORS.ipv6Response, SOURCE)).toBe('response');
  });
});

describe('a request', () => {
  test('is answered with its address, the software, and a fingerprint at the end', () => {
    const response = answer(sampleMessage());
    const { type, transactionId, order, attributes } = readMessage(response);
    expect({ type, transactionId, order }).toEqual({
      type: 0x0101,
      transactionId: '07'.repeat(12),
      order: [0x0020, 0x8022, 0x8028],
    });
    expect(mappedAddress(response)).toBe('192.0.2.1 32853');
    expect(attributes.get(0x8022)?.toString()).toBe('casto');
    expect(response).toHaveLength(52);
  });

  test.each([
    ['127.0.0.1', '127.0.0.1'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::', '0000:0000:0000:0000:0000:0000:0000:0000'],
    ['::1', '0000:0000:0000:0000:0000:0000:0000:0001'],
    ['2001:db8::', '2001:0db8:0000:0000:0000:0000:0000:0000'],
    ['64:ff9b::192.0.2.33', '0064:ff9b:0000:0000:0000:0000:c000:0221'],
    ['fe80::1%eth0', 'fe80:0000:0000:0000:0000:0000:0000:0001'],
    ['1:2:3:4:5:6:7:8', '0001:0002:0003:0004:0005:0006:0007:0008'],
  ])('from %s is answered with %s', (address, seen) => {
    expect(mappedAddress(answer(sampleMessage(), { address, port: 4_000 }))).toBe(`${seen} 4000`);
  });

  test('with attributes that may be ignored is answered', () => {
    const attributes = [
      { type: 0x8022, value: Buffer.from('a client') },
      { type: 0xc057, value: Buffer.alloc(4) },
      { type: 0xffff, value: Buffer.alloc(3) },
    ];
    expect(mappedAddress(answer(sampleMessage(attributes, { isFingerprinted: true })))).toBe(
      '192.0.2.1 32853',
    );
  });

  test('names each attribute that is not understood once, in its order', () => {
    const types = [0x0003, 0x7fff, 0x0003, 0x0024];
    const response = answer(sampleMessage(types.map((type) => ({ type, value: Buffer.alloc(4) }))));
    expect(readMessage(response).attributes.get(0x000a)).toEqual(hex('00 03 7f ff 00 24'));
  });

  test('what stands behind its integrity is ignored', () => {
    const attributes = [
      { type: 0x0008, value: Buffer.alloc(20) },
      { type: 0x0024, value: Buffer.alloc(4) },
    ];
    expect(readMessage(answer(sampleMessage(attributes))).type).toBe(0x0101);
  });
});

describe('nothing is answered to', () => {
  const flipped = Buffer.from(VECTORS.request);
  flipped.writeUInt8(flipped.readUInt8(30) ^ 1, 30);
  const uncookied = sampleMessage();
  uncookied.writeUInt32BE(0, 4);
  const early = sampleMessage([
    { type: 0x8028, value: Buffer.alloc(4) },
    { type: 0x8022, value: Buffer.alloc(4) },
  ]);
  const overlong = sampleMessage([{ type: 0x8022, value: Buffer.alloc(4) }]);
  overlong.writeUInt16BE(5, 22);

  test.each([
    ['no bytes', Buffer.alloc(0), 'not-stun'],
    ['a cut header', sampleMessage().subarray(0, 19), 'not-stun'],
    ['a message without the cookie', uncookied, 'not-stun'],
    ['what is not STUN by its first bits', sampleMessage([], { type: 0x4001 }), 'not-stun'],
    ['a cut message', VECTORS.request.subarray(0, -4), 'bad-length'],
    ['bytes behind the message', Buffer.concat([sampleMessage(), Buffer.alloc(4)]), 'bad-length'],
    ['an attribute past the end', overlong, 'bad-attribute'],
    ['a wrong fingerprint', flipped, 'bad-fingerprint'],
    ['a fingerprint that is not the last', early, 'bad-fingerprint'],
    ['a success', sampleMessage([], { type: 0x0101 }), 'response'],
    ['an error', sampleMessage([], { type: 0x0111 }), 'response'],
    ['an indication', sampleMessage([], { type: 0x0011 }), 'indication'],
    ['an allocation of TURN', sampleMessage([], { type: 0x0003 }), 'other-method'],
    ['more than a packet', sampleMessage([{ type: 0x8022, value: Buffer.alloc(1_300) }]), 'too-long'],
  ])('%s', (_, bytes, reason) => {
    expect(answerBinding(bytes, SOURCE)).toBe(reason);
  });

  test.each([
    { address: '192.0.2.1', port: 0 },
    { address: 'nowhere', port: 1 },
    { address: '', port: 1 },
  ])('a sender at $address, port $port', (source) => {
    expect(answerBinding(sampleMessage(), source)).toBe('bad-source');
  });
});

test('only requests are put to the limits, with the address of their sender', () => {
  const asked: string[] = [];
  const refuse = (address: Buffer): 'limit' => {
    asked.push(address.toString('hex'));
    return 'limit';
  };
  expect(answerBinding(Buffer.from('hello'), SOURCE, refuse)).toBe('not-stun');
  expect(answerBinding(VECTORS.ipv4Response, SOURCE, refuse)).toBe('response');
  expect(asked).toEqual([]);
  expect(answerBinding(sampleMessage(), SOURCE, refuse)).toBe('limit');
  expect(asked).toEqual(['c0000201']);
});

describe('whatever comes', () => {
  const someAttributes = fc.array(
    fc.record({
      type: fc.integer({ min: 0, max: 0xffff }).filter((type) => type !== 0x8028),
      value: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    }),
    { maxLength: 60 },
  );
  const someSource = fc.record({
    address: fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()),
    port: fc.integer({ min: 0, max: 65_535 }),
  });

  /** A request with some bytes changed: closer to a right one than any bytes would be. */
  const damaged = fc
    .tuple(
      fc.constantFrom(VECTORS.request, VECTORS.longTermRequest, sampleMessage([], { isFingerprinted: true })),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
      fc.nat(),
    )
    .map(([sample, changes, cut]) => {
      const bytes = Buffer.from(sample);
      for (const [at, byte] of changes) bytes.writeUInt8(byte, at % bytes.length);
      return cut % 3 === 0 ? bytes.subarray(0, cut % bytes.length) : bytes;
    });
  const anyBytes = fc.uint8Array({ maxLength: 1_500 }).map((bytes) => Buffer.from(bytes));

  test('nothing throws, and an answer is a response to the request, and little longer', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          anyBytes,
          damaged,
          someAttributes.map((all) => sampleMessage(all)),
        ),
        someSource,
        (bytes, source) => {
          const before = Buffer.from(bytes);
          const response = answerBinding(bytes, source);
          expect(bytes).toEqual(before);
          if (typeof response === 'string') return;
          const { type, transactionId } = readMessage(response);
          expect([0x0101, 0x0111]).toContain(type);
          expect(transactionId).toBe(bytes.toString('hex', 8, 20));
          expect(response.length - bytes.length).toBeLessThanOrEqual(MAX_GROWTH_BYTES);
          // What is sent back is no request, so that two servers cannot keep each other busy.
          expect(answerBinding(response, SOURCE)).toBe('response');
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test('a well-formed request is understood in full', () => {
    const known = [0x01, 0x06, 0x08, 0x09, 0x0a, 0x14, 0x15, 0x1c, 0x1d, 0x1e, 0x20];
    fc.assert(
      fc.property(someAttributes, fc.boolean(), (attributes, isFingerprinted) => {
        const bytes = sampleMessage(attributes, { isFingerprinted });
        fc.pre(bytes.length <= 1_280);
        const types = attributes.map(({ type }) => type);
        const sealedAt = types.findIndex((type) => type === 0x08 || type === 0x1c);
        const counted = sealedAt === -1 ? types : types.slice(0, sealedAt);
        const unknown = counted.filter((type) => type < 0x8000 && !known.includes(type));
        expect(parseBindingRequest(bytes)).toEqual({
          transactionId: Buffer.alloc(12, 7),
          unknownAttributes: [...new Set(unknown)],
        });
      }),
    );
  });

  test('every address comes back as it is', () => {
    fc.assert(
      fc.property(
        fc.tuple(
          fc.ipV4(),
          fc.integer({ min: 1, max: 65_535 }),
          fc.uint8Array({ minLength: 12, maxLength: 12 }),
        ),
        ([address, port, id]) => {
          const bytes = sampleMessage([], { transactionId: Buffer.from(id) });
          expect(mappedAddress(answer(bytes, { address, port }))).toBe(`${address} ${port}`);
        },
      ),
    );
  });
});
