import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { controlCodec } from '../src/control-messages.ts';
import { flag, list, optional } from '../src/fields.ts';
import { linkCodec } from '../src/link-messages.ts';
import { encodeTuple } from '../src/message-codec.ts';
import { isPeerId } from '../src/peer-id.ts';
import { rendezvousCodec } from '../src/rendezvous-messages.ts';
import { namesKey, peerIdOfKey } from './base58.ts';
import { cbor, codecs, fieldValues, namedFields, validMessages } from './codecs.ts';
import { limitsOf, nested, peerIds, withPrototypeKey } from './value-grammar.ts';

const CHANNEL = peerIdOfKey(new Uint8Array(32).fill(5));
const UNKNOWN_TYPE = 9_999;

function joinWith(capabilities: unknown): Uint8Array {
  const fields = [1, CHANNEL, 'browser', [0], true, capabilities, 'v=0', new Uint8Array(0), false, 0, 0];
  return cbor([1, ...fields]);
}

function hex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

describe.each(codecs)('the $name codec', (codec) => {
  test.each(codec.documented.map((message) => [message.name, message] as const))(
    '[W2.1] reads and writes %s as a list of its number and fields',
    (type, message) => {
      fc.assert(
        fc.property(fieldValues(message), (values) => {
          const bytes = cbor([message.code, ...values]);
          expect(codec.roundTrip(bytes)).toEqual({
            message: { type, ...namedFields(message, values) },
            bytes,
          });
        }),
      );
    },
  );

  test('[W2.2] gives nothing for a type that it does not know', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 100, max: Number.MAX_SAFE_INTEGER }),
        fc.array(fc.jsonValue()),
        (type, fields) => {
          expect(codec.parse(cbor([type, ...fields]))).toBeNull();
        },
      ),
    );
  });

  test('[W2.2] refuses a list that does not begin with a type number', () => {
    for (const head of [[], ['1'], [null], [true], [1.5], [-1], [[1]], [{ 1: 1 }], [new Uint8Array([1])]]) {
      expect(() => codec.parse(cbor(head))).toThrow(/wrong-shape|out-of-range/);
    }
    for (const other of [1, 'join', {}, null, new Uint8Array(3)]) {
      expect(() => codec.parse(cbor(other))).toThrow('(wrong-shape)');
    }
  });

  test('[W2.3] ignores entries behind the last field', () => {
    fc.assert(
      fc.property(
        documentedWith(codec),
        fc.array(fc.jsonValue(), { minLength: 1 }),
        ({ head, values }, more) => {
          const known = codec.parse(cbor([head, ...values]));
          expect(codec.parse(cbor([head, ...values, ...more]))).toEqual(known);
        },
      ),
    );
  });

  test('[W3.1] refuses more bytes than it allows before it looks at them', () => {
    expect(() => codec.parse(new Uint8Array(codec.maxBytes + 1))).toThrow('(too-large)');
    const fitting = cbor([UNKNOWN_TYPE, 'x'.repeat(codec.maxBytes - 7)]);
    expect(fitting).toHaveLength(codec.maxBytes);
    expect(codec.parse(fitting)).toBeNull();
  });

  test.each(codec.documented.map((message) => [message.name, message] as const))(
    '[W3.2] has room for %s with every field at its limit',
    (_, message) => {
      const largest = message.fields.map(({ value }) =>
        value === 'any' ? 'x'.repeat(14_000 - 3) : limitsOf(value).accepted.reduce(larger),
      );
      const bytes = cbor([message.code, ...largest]);
      expect(bytes.length).toBeLessThanOrEqual(codec.maxBytes);
      expect(codec.parse(bytes)).not.toBeNull();
    },
  );

  test('[W4.4] gives bytes that do not change with the buffer they came in', () => {
    fc.assert(
      fc.property(validMessages(codec), ({ bytes }) => {
        const buffer = Uint8Array.from(bytes);
        const message = codec.parse(buffer);
        buffer.fill(0xaa);
        expect(message).toEqual(codec.parse(bytes));
      }),
    );
  });
});

test('[W2.4] an optional field may be null, or left out at the end', () => {
  const record = new Uint8Array(10);
  const absent = { type: 'announce', record, token: null };
  expect(rendezvousCodec.decode(cbor([1, record, null]))).toEqual(absent);
  expect(rendezvousCodec.decode(cbor([1, record]))).toEqual(absent);
});

test('[W2.4] what is absent is written as null', () => {
  const fields = { first: optional(flag), second: optional(list(flag, 2)) };
  expect(Uint8Array.from(encodeTuple({}, fields))).toEqual(cbor([null, null]));
  expect(Uint8Array.from(encodeTuple({ second: [true] }, fields, [7]))).toEqual(cbor([7, null, [true]]));
});

test('[W2.4] any other field must be there', () => {
  expect(() => rendezvousCodec.decode(cbor([1]))).toThrow('(wrong-shape)');
  expect(() => controlCodec.decode(cbor([5]))).toThrow('(wrong-shape)');
  expect(() => controlCodec.decode(cbor([5, null]))).toThrow('(wrong-shape)');
});

test('[W2.5] a word that is not in the list makes the message malformed', () => {
  expect(() => controlCodec.decode(cbor([10, 'bored']))).toThrow('(out-of-range)');
  expect(() => linkCodec.decode(cbor([3, 'toString', 0]))).toThrow('(out-of-range)');
});

describe('[W4.1] strict CBOR', () => {
  // Each stands in a message of an unknown type, which would be ignored if the value were let through.
  test.each([
    ['a list of indefinite length', '9f01ff'],
    ['a map of indefinite length', 'bf616101ff'],
    ['bytes of indefinite length', '5f4101ff'],
    ['text of indefinite length', '7f6161ff'],
    ['a lone break', 'ff'],
    ['undefined', 'f7'],
    ['NaN of two bytes', 'f97e00'],
    ['NaN of four bytes', 'fa7fc00000'],
    ['NaN of eight bytes', 'fb7ff8000000000000'],
    ['infinity of two bytes', 'f97c00'],
    ['minus infinity of eight bytes', 'fbfff0000000000000'],
    ['a whole number beyond 2^53', '1b0020000000000000'],
    ['the largest whole number', '1bffffffffffffffff'],
    ['the least whole number', '3bffffffffffffffff'],
    ['a tagged date', 'c11a514b67b0'],
    ['a tagged big number', 'c2420100'],
    ['a self-described value', 'd9d9f701'],
    ['an unassigned simple value', 'e0'],
    ['a simple value of two bytes', 'f820'],
    ['a reserved length', '1c'],
    ['a repeated key', 'a2616101616102'],
    ['a key that is a number', 'a10101'],
    ['a key that is a list', 'a18001'],
  ])('refuses %s', (_, value) => {
    const bytes = hex(`8219270f${value}`);
    for (const codec of codecs) expect(() => codec.parse(bytes)).toThrow('(not-decodable)');
  });

  test('refuses bytes behind the value, and no bytes at all', () => {
    for (const codec of codecs) {
      expect(codec.parse(hex('8119270f'))).toBeNull();
      expect(() => codec.parse(hex('8119270f00'))).toThrow('(not-decodable)');
      expect(() => codec.parse(hex(''))).toThrow('(not-decodable)');
    }
  });
});

describe('[W4.2] bombs', () => {
  test.each([
    ['lists in lists', '81'],
    ['maps in maps', 'a16161'],
    ['lists of many lists', '9818'],
  ])('%s to the largest size are refused', (_, level) => {
    for (const codec of codecs) {
      const levels = Math.floor((codec.maxBytes - 4) / (level.length / 2));
      expect(() => codec.parse(hex(`8219270f${level.repeat(levels)}`))).toThrow('(not-decodable)');
    }
  });

  test.each([
    ['list', '9affffffff'],
    ['list of 2^53 - 1 entries', '9b001fffffffffffff'],
    ['list of 2^64 - 1 entries', '9bffffffffffffffff'],
    ['map', 'baffffffff'],
    ['map of 2^53 - 1 entries', 'bb001fffffffffffff'],
    ['bytes', '5affffffff'],
    ['bytes of 2^53 - 1', '5b001fffffffffffff'],
    ['text', '7affffffff'],
    ['text of 2^53 - 1', '7b001fffffffffffff'],
  ])('a declared length that is not there is refused: %s', (_, head) => {
    for (const codec of codecs) {
      expect(() => codec.parse(hex(head))).toThrow('(not-decodable)');
      expect(() => codec.parse(hex(`8219270f${head}00`))).toThrow('(not-decodable)');
    }
  });
});

test('[W4.3] a value of any shape is at most 16 levels deep', () => {
  expect(linkCodec.decode(joinWith(nested(16)))).toMatchObject({ capabilities: nested(16) });
  expect(() => linkCodec.decode(joinWith(nested(17)))).toThrow('(too-large)');
  expect(() => linkCodec.decode(joinWith(nested(2_000)))).toThrow('(too-large)');
});

test('[W4.3] a key that would change a prototype is refused', () => {
  for (const trap of [withPrototypeKey(), { codecs: [withPrototypeKey()] }]) {
    expect(() => linkCodec.decode(joinWith(trap))).toThrow('(wrong-shape)');
  }
  expect(linkCodec.decode(joinWith({ constructor: 1 }))).toMatchObject({ capabilities: { constructor: 1 } });
});

test('[W4.5] the id of every key is a peer id', () => {
  fc.assert(
    fc.property(peerIds, (id) => {
      expect(isPeerId(id)).toBe(true);
    }),
  );
});

test('[W4.5] the ids of the first and the last key are peer ids', () => {
  expect(isPeerId(peerIdOfKey(new Uint8Array(32)))).toBe(true);
  expect(isPeerId(peerIdOfKey(new Uint8Array(32).fill(0xff)))).toBe(true);
});

test('[W4.5] text is a peer id only if it is the id of a key', () => {
  const digits = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
  const tails = fc.string({ unit: fc.constantFrom(...digits.split('')), minLength: 44, maxLength: 44 });
  fc.assert(
    fc.property(tails, (tail) => {
      const text = `12D3KooW${tail}`;
      expect(isPeerId(text)).toBe(namesKey(text));
    }),
    { numRuns: 500 },
  );
});

test('[W4.5] nothing else is a peer id', () => {
  const others = [
    undefined,
    null,
    1,
    {},
    [CHANNEL],
    `${CHANNEL}\n`,
    ` ${CHANNEL}`,
    CHANNEL.replace('K', '0'),
  ];
  expect(others.filter((other) => isPeerId(other))).toEqual([]);
});

function documentedWith(
  codec: (typeof codecs)[number],
): fc.Arbitrary<{ head: number | null; values: unknown[] }> {
  return fc.oneof(
    ...codec.documented.map((message) =>
      fieldValues(message).map((values) => ({ head: message.code, values })),
    ),
  );
}

/** The value that takes more bytes. */
function larger(a: unknown, b: unknown): unknown {
  return cbor(b).length > cbor(a).length ? b : a;
}
