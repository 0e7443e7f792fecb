import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MalformedError, type MalformedReason } from '../src/errors.ts';
import { cbor, codecs, fieldValues, parsers, validMessages, type Parser } from './codecs.ts';

const REASONS: readonly MalformedReason[] = ['too-large', 'not-decodable', 'wrong-shape', 'out-of-range'];
/** Letters and punctuation of our own, and numbers of the other peer; never its text. */
const OUR_TEXT = /^malformed input: [a-z0-9 ,.+Ee'-]{1,120} \([a-z-]+\)$/i;
const MARK = 'text of the other peer';

/** Everything that CBOR can say and much that no message says. */
const values: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 6 },
    fc.oneof(
      fc.constantFrom(null, undefined, true, false, Number.NaN, Infinity, -0, 2 ** 53, -1, 0, 1, MARK),
      fc.double(),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
      fc.string(),
      fc.uint8Array({ maxLength: 80 }),
    ),
    fc.array(tie('value'), { maxLength: 12 }),
    fc.dictionary(
      fc.oneof(fc.constantFrom('__proto__', 'constructor', 'toString', MARK), fc.string()),
      tie('value'),
    ),
  ),
})).value;

/** Such values where messages have their fields, mostly behind a type number that some message has. */
const lists: fc.Arbitrary<unknown> = fc
  .tuple(fc.option(fc.nat({ max: 16 })), fc.array(values, { maxLength: 16 }))
  .map(([type, fields]) => (type === null ? fields : [type, ...fields]));

describe.each(parsers)('the parser of a $name', (parser) => {
  test('[X2.1] takes any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: parser.maxBytes + 8, size: 'max' }), (bytes) => {
        expect(complaint(parser, bytes)).toBeNull();
      }),
      { numRuns: 100 },
    );
  });

  test.each([null, true, 7, 'text', {}, new Uint8Array(8)])('[X2.1] takes what is no list: %j', (value) => {
    expect(complaint(parser, cbor(value))).toBeNull();
  });

  test('[X1.1, X2.1] takes any value', () => {
    fc.assert(
      fc.property(fc.oneof({ arbitrary: lists, weight: 9 }, values), (value) => {
        expect(complaint(parser, cbor(value))).toBeNull();
      }),
      { numRuns: 200 },
    );
  });
});

describe.each(codecs)('the $name codec', (codec) => {
  test('[X2.1] takes a damaged message', () => {
    fc.assert(
      fc.property(validMessages(codec), damages(), ({ bytes }, damage) => {
        expect(complaint(codec, damage(bytes))).toBeNull();
      }),
      { numRuns: 200 },
    );
  });
});

test('[X1.1] a refusal does not repeat text of the other peer', () => {
  for (const parser of parsers) {
    expect(complaint(parser, cbor([1, MARK, MARK, MARK, MARK]))).toBeNull();
    expect(complaint(parser, cbor([MARK]))).toBeNull();
    expect(complaint(parser, cbor({ [MARK]: 1 }))).toBeNull();
  }
});

test.each(codecs)(
  '[X1.1] a refusal of the $name codec does not repeat what stands in place of a field',
  (codec) => {
    for (const message of codec.documented) {
      const [values = []] = fc.sample(fieldValues(message), { numRuns: 1, seed: 1 });
      for (let i = 0; i < values.length; i++) {
        expect(complaint(codec, cbor([message.code, ...values.with(i, MARK)]))).toBeNull();
      }
    }
  },
);

test.each(REASONS)('[X1.1] a refusal names its reason and keeps its cause: %s', (reason) => {
  const cause = new Error('below');
  const error = new MalformedError(reason, 'not a list', { cause });
  expect(error).toMatchObject({ name: 'MalformedError', reason, cause });
  expect(error.message).toBe(`malformed input: not a list (${reason})`);
});

/** One bit turned, a piece cut out, or a piece put in twice. */
function damages(): fc.Arbitrary<(bytes: Uint8Array) => Uint8Array> {
  return fc
    .record({
      place: fc.double({ min: 0, max: 1, noNaN: true }),
      bit: fc.nat({ max: 7 }),
      kind: fc.nat({ max: 3 }),
      piece: fc.nat({ max: 9 }),
    })
    .map(({ place, bit, kind, piece }) => (bytes) => {
      const at = Math.min(bytes.length - 1, Math.floor(place * bytes.length));
      if (kind === 0) return bytes.map((byte, i) => (i === at ? byte ^ (1 << bit) : byte));
      if (kind === 1) return bytes.slice(0, at);
      const end = kind === 2 ? at + piece : Math.max(0, at - piece);
      return Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(end)]);
    });
}

/** What is wrong with a parser's verdict on some bytes, or `null`. */
function complaint(parser: Parser, bytes: Uint8Array): string | null {
  try {
    const result = parser.parse(bytes);
    const isMessage = typeof result === 'object' && (result === null || isPlain(result));
    return isMessage ? null : 'neither a message nor nothing';
  } catch (error) {
    if (!(error instanceof MalformedError)) return `another error: ${String(error)}`;
    if (!REASONS.includes(error.reason)) return `another reason: ${error.reason}`;
    return OUR_TEXT.test(error.message) && !error.message.includes(MARK) ? null : `text: ${error.message}`;
  }
}

function isPlain(value: object): boolean {
  return Object.getPrototypeOf(value) === Object.prototype;
}
