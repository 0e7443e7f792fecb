import type { Mutant } from './mutant.ts';

/** Sections W and X: the wire, and what is not worth reading. */
export const wire: readonly Mutant[] = [
  {
    rule: 'W1.1',
    file: 'src/config.ts',
    find: 'PROTOCOL_VERSION = 1;',
    replace: 'PROTOCOL_VERSION = 2;',
  },
  {
    rule: 'W2.1',
    file: 'src/message-codec.ts',
    find: 'shape.fields, [shape.code]',
    replace: 'shape.fields',
  },
  {
    rule: 'W2.1',
    file: 'src/fields.ts',
    find: 'return Object.entries(fields).map(',
    replace: 'return Object.entries(fields).reverse().map(',
  },
  {
    rule: 'W2.2',
    file: 'src/message-codec.ts',
    find: 'if (reader === undefined) return null;',
    replace: "if (reader === undefined) throw new MalformedError('unknown-type', 'unknown');",
  },
  {
    rule: 'W2.2',
    file: 'src/message-codec.ts',
    find: 'const typeNumber = integer(0, Number.MAX_SAFE_INTEGER);',
    replace: 'const typeNumber = Number;',
  },
  {
    rule: 'W2.3',
    file: 'src/fields.ts',
    find: "'not a list of fields');",
    replace:
      "'not a list of fields'); if (value.length > entries.length) throw new MalformedError('too-large', '');",
  },
  {
    rule: 'W2.4',
    file: 'src/fields.ts',
    find: 'value === null || value === undefined ? null',
    replace: 'value === null ? null',
  },
  {
    rule: 'W2.4',
    file: 'src/fields.ts',
    find: 'named.get(name) ?? null',
    replace: 'named.get(name)',
  },
  {
    rule: 'W2.4',
    file: 'src/fields.ts',
    find: 'values[name] = reader(value[i]);',
    replace: 'if (i < value.length) values[name] = reader(value[i]);',
  },
  {
    rule: 'W2.5',
    file: 'src/fields.ts',
    find: "throw new MalformedError('out-of-range', 'not one of the known words');",
    replace: 'return words[0];',
  },
  {
    rule: 'W3.1',
    file: 'src/message-codec.ts',
    find: 'if (input.length > maxBytes) throw',
    replace: 'if (input.length > 2 * maxBytes) throw',
  },
  {
    rule: 'W3.2',
    file: 'src/link-messages.ts',
    find: 'messageCodec(LINK_MESSAGES, 32_768)',
    replace: 'messageCodec(LINK_MESSAGES, 30_000)',
  },
  {
    rule: 'W3.2',
    file: 'src/listing-messages.ts',
    find: 'messageCodec(LISTING_MESSAGES, 32_768)',
    replace: 'messageCodec(LISTING_MESSAGES, 28_000)',
  },
  {
    rule: 'W4.1',
    file: 'src/message-codec.ts',
    find: 'allowIndefinite: false',
    replace: 'allowIndefinite: true',
  },
  {
    rule: 'W4.1',
    file: 'src/message-codec.ts',
    find: 'allowUndefined: false',
    replace: 'allowUndefined: true',
  },
  {
    rule: 'W4.1',
    file: 'src/message-codec.ts',
    find: 'allowInfinity: false',
    replace: 'allowInfinity: true',
  },
  {
    rule: 'W4.1',
    file: 'src/message-codec.ts',
    find: 'allowNaN: false',
    replace: 'allowNaN: true',
  },
  {
    rule: 'W4.1',
    file: 'src/message-codec.ts',
    find: 'allowBigInt: false',
    replace: 'allowBigInt: true',
  },
  {
    rule: 'W4.1',
    file: 'src/message-codec.ts',
    find: 'rejectDuplicateMapKeys: true',
    replace: 'rejectDuplicateMapKeys: false',
  },
  {
    rule: 'W4.2',
    file: 'src/message-codec.ts',
    find: "throw new MalformedError('not-decodable', 'not one CBOR value', { cause });",
    replace: 'throw cause;',
  },
  {
    rule: 'W4.3',
    file: 'src/fields.ts',
    find: 'if (levelsLeft === 0) throw',
    replace: 'if (levelsLeft < 0) throw',
  },
  {
    rule: 'W4.3',
    file: 'src/fields.ts',
    find: "if (Object.hasOwn(value, '__proto__')) throw",
    replace: 'if (false) throw',
  },
  {
    rule: 'W4.5',
    file: 'src/peer-id.ts',
    find: 'return value >= LOWEST_PEER_ID && value <= HIGHEST_PEER_ID;',
    replace: 'return true;',
  },
  {
    rule: 'X1.1',
    file: 'src/fields.ts',
    find: "'not one of the known words'",
    replace: 'String(value)',
  },
  {
    rule: 'X1.1',
    file: 'src/errors.ts',
    find: 'this.reason = reason;',
    replace: "this.reason = 'wrong-shape';",
  },
  {
    rule: 'X2.1',
    file: 'src/message-codec.ts',
    find: "throw new MalformedError('not-decodable', 'not one CBOR value', { cause });",
    replace: 'throw cause;',
  },
  {
    rule: 'X2.1',
    file: 'src/message-codec.ts',
    find: "if (!Array.isArray(value)) throw new MalformedError('wrong-shape', 'not a list');",
    replace: '',
  },
  {
    rule: 'X2.2',
    file: 'src/link-control.ts',
    find: 'Math.min(ageS, MAX_AGE_S)',
    replace: 'ageS',
  },
];
