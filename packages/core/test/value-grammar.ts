/**
 * The words in which PROTOCOL.md writes a field's values, as three things: values at the limits that a reader must
 * take, values just beyond that it must refuse, and an arbitrary for everything between.
 */

import * as fc from 'fast-check';
import { peerIdOfKey } from './base58.ts';
import { listTable, type DocumentedField, type DocumentedMessage } from './protocol-document.ts';

export interface Limits {
  readonly accepted: readonly unknown[];
  readonly refused: readonly unknown[];
}

interface ValueKind extends Limits {
  readonly arbitrary: fc.Arbitrary<unknown>;
  /** What a reader makes of an accepted value, where that is not the value itself. */
  readonly read?: (value: unknown) => unknown;
}

/** The lists of fields that stand in other messages. */
const namedLists: readonly DocumentedMessage[] = [...listTable('W:'), ...listTable('V:')];

export function limitsOf(value: string): Limits {
  return readKind(value);
}

export function arbitraryOf(value: string): fc.Arbitrary<unknown> {
  return readKind(value).arbitrary;
}

/** What a reader makes of an accepted value: an object of each list of fields. */
export function readAs(value: string, accepted: unknown): unknown {
  return asRead(readKind(value), accepted);
}

/** Words that a value may be, e.g. of `leaving` or `ended`. */
export function wordsOf(value: string): string[] {
  return [...value.matchAll(/`([a-z0-9-]+)`/g)].map(([, word = '']) => word);
}

export const peerIds: fc.Arbitrary<string> = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(peerIdOfKey);

export function nested(levels: number): unknown {
  return levels === 0 ? 1 : levels % 2 === 0 ? [nested(levels - 1)] : { inner: nested(levels - 1) };
}

/** An object that has the key `__proto__` itself, as `JSON.parse` and CBOR decoders make it. */
export function withPrototypeKey(): unknown {
  return Object.defineProperty({}, '__proto__', { value: { polluted: true }, enumerable: true });
}

const OTHER_KINDS: readonly unknown[] = [{}, [[]], Number.NaN, Infinity, -Infinity, 1n];

function readKind(value: string): ValueKind {
  const optional = / or null$/.exec(value);
  if (optional === null) {
    const kind = readRequired(value);
    return value === 'any' ? kind : { ...kind, refused: [...kind.refused, null, undefined, ...OTHER_KINDS] };
  }
  const kind = readRequired(value.slice(0, optional.index));
  return {
    accepted: [...kind.accepted, null],
    refused: [...kind.refused, ...OTHER_KINDS],
    arbitrary: fc.option(kind.arbitrary, { nil: null }),
    read: (given) => asRead(kind, given),
  };
}

function readRequired(value: string): ValueKind {
  const [, listMax, item] = /^list ≤ (\d+) of (.+)$/.exec(value) ?? [];
  if (item !== undefined) return listKind(Number(listMax), readRequired(item));
  const [, real, min, max] = /^(number )?(-?[\de]+)\.\.(-?[\de]+)$/.exec(value) ?? [];
  if (min !== undefined) {
    return real === undefined ? integerKind(Number(min), Number(max)) : realKind(Number(min), Number(max));
  }
  const [, unit, most, length] = /^(text|bytes) (≤ )?(\d+)$/.exec(value) ?? [];
  if (unit === 'text') return textKind(Number(length));
  if (unit === 'bytes') return bytesKind(most === undefined ? Number(length) : 0, Number(length));
  return readNamed(value);
}

function readNamed(value: string): ValueKind {
  switch (value) {
    case 'flag':
      return { accepted: [true, false], refused: [0, 1, 'true'], arbitrary: fc.boolean() };
    case 'peer id':
      return peerIdKind();
    case 'path':
      return pathKind();
    case 'layer set':
      return integerKind(0, 7);
    case 'any':
      return anyKind();
    default: {
      const list = namedLists.find(({ name }) => name === value);
      return list ? fieldsKind(list.fields) : wordKind(wordsOf(value));
    }
  }
}

function integerKind(min: number, max: number): ValueKind {
  const tooFar = max === Number.MAX_SAFE_INTEGER ? [] : [max + 1];
  return {
    accepted: [min, max],
    refused: [min - 1, ...tooFar, min + 0.5, String(min), true, -0.1],
    arbitrary: fc.integer({ min, max }),
  };
}

function realKind(min: number, max: number): ValueKind {
  return {
    accepted: [min, max, 0.25],
    refused: [min - 1, max + 1, String(min), true],
    // Adding zero turns -0, which CBOR does not carry as a whole number, into 0.
    arbitrary: fc.double({ min, max, noNaN: true }).map((number) => number + 0),
  };
}

function textKind(max: number): ValueKind {
  return {
    accepted: ['', 'x'.repeat(max)],
    refused: ['x'.repeat(max + 1), 1, new Uint8Array(1)],
    arbitrary: fc.string({ maxLength: Math.min(max, 200) }),
  };
}

function bytesKind(min: number, max: number): ValueKind {
  return {
    accepted: [new Uint8Array(min), new Uint8Array(max)],
    refused: [...(min > 0 ? [new Uint8Array(min - 1)] : []), new Uint8Array(max + 1), 'text', [1]],
    arbitrary: fc.uint8Array({ minLength: min, maxLength: Math.min(max, Math.max(min, 200)) }),
  };
}

function pathKind(): ValueKind {
  return {
    accepted: [new Uint8Array(0), new Uint8Array(4 * 13)],
    refused: [new Uint8Array(3), new Uint8Array(4 * 14), 'path'],
    arbitrary: fc
      .array(fc.uint8Array({ minLength: 4, maxLength: 4 }), { maxLength: 13 })
      .map((ids) => Uint8Array.from(ids.flatMap((id) => [...id]))),
  };
}

function peerIdKind(): ValueKind {
  const lowest = peerIdOfKey(new Uint8Array(32));
  const highest = peerIdOfKey(new Uint8Array(32).fill(0xff));
  return {
    accepted: [lowest, highest],
    refused: [
      '',
      `12D3KooW${'z'.repeat(44)}`,
      `12D3KooW${'1'.repeat(44)}`,
      `${highest}1`,
      highest.slice(0, -1),
    ],
    arbitrary: peerIds,
  };
}

/** A list of fields: each in turn at its limits and beyond, between others that are as large as they may be. */
function fieldsKind(fields: readonly DocumentedField[]): ValueKind {
  const kinds = fields.map(({ name, value }) => ({ name, kind: readKind(value) }));
  const largest = kinds.map(({ kind }) => kind.accepted.at(-1));
  const variants = (limit: 'accepted' | 'refused'): unknown[][] =>
    kinds.flatMap(({ kind }, i) => kind[limit].map((value) => largest.with(i, value)));
  return {
    accepted: [...variants('accepted'), [...largest, 'of a later version'], largest],
    refused: [
      ...variants('refused'),
      largest.slice(0, -1),
      [],
      Object.fromEntries(largest.entries()),
      'list',
    ],
    arbitrary: fc.tuple(...kinds.map(({ kind }) => kind.arbitrary)),
    read: (value) =>
      Array.isArray(value)
        ? Object.fromEntries(kinds.map(({ name, kind }, i) => [name, asRead(kind, value[i])]))
        : value,
  };
}

function listKind(max: number, item: ValueKind): ValueKind {
  const entry = item.accepted.at(-1);
  return {
    accepted: [[], Array.from({ length: max }, () => entry), ...item.accepted.map((value) => [value])],
    refused: [Array.from({ length: max + 1 }, () => entry), ...item.refused.map((value) => [value]), 'list'],
    arbitrary: fc.array(item.arbitrary, { maxLength: max }),
    read: (value) => (Array.isArray(value) ? value.map((each) => asRead(item, each)) : value),
  };
}

function asRead(kind: ValueKind, value: unknown): unknown {
  return kind.read === undefined || value === null ? value : kind.read(value);
}

function wordKind(words: readonly string[]): ValueKind {
  if (words.length === 0) throw new Error('a value that the grammar does not know');
  return {
    accepted: words,
    refused: ['', 'constructor', `${words[0]} `, 1],
    arbitrary: fc.constantFrom(...words),
  };
}

function anyKind(): ValueKind {
  return {
    accepted: [null, 1, 'text', nested(16), { codecs: [{ mimeType: 'video/VP8' }] }],
    refused: [nested(17), withPrototypeKey(), [{ deep: withPrototypeKey() }]],
    arbitrary: fc.jsonValue({ maxDepth: 4 }).map(withoutTraps),
  };
}

/** `fc.jsonValue` also draws `__proto__` keys and -0, which a test of the round trip has no use for. */
function withoutTraps(value: unknown): unknown {
  if (typeof value === 'number') return value + 0;
  if (Array.isArray(value)) return value.map(withoutTraps);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([key]) => key !== '__proto__');
  return Object.fromEntries(entries.map(([key, entry]) => [key, withoutTraps(entry)]));
}
