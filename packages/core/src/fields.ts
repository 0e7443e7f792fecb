/**
 * Readers of untrusted values: each takes `unknown` and gives a checked value or throws a `MalformedError`.
 * Every reader bounds what it lets through, so a decoded message is never larger than PROTOCOL.md says.
 */

import { MalformedError } from './errors.ts';

export interface Reader<T> {
  (value: unknown): T;
  /** What a value is written as, where that is not the value itself. */
  readonly toWire?: (value: unknown) => unknown;
}

export function integer(min: number, max: number): Reader<number> {
  return (value) => {
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
      throw new MalformedError('wrong-shape', 'not a whole number');
    }
    if (value < min || value > max)
      throw new MalformedError('out-of-range', `${value} not in ${min}..${max}`);
    return value;
  };
}

/** A finite number, whole or not, e.g. a time in milliseconds. */
export function real(min: number, max: number): Reader<number> {
  return (value) => {
    if (typeof value !== 'number' || !Number.isFinite(value))
      throw new MalformedError('wrong-shape', 'not a number');
    if (value < min || value > max)
      throw new MalformedError('out-of-range', `${value} not in ${min}..${max}`);
    return value;
  };
}

/** Text of at most `maxLength` UTF-16 units. */
export function text(maxLength: number): Reader<string> {
  return (value) => {
    if (typeof value !== 'string') throw new MalformedError('wrong-shape', 'not text');
    if (value.length > maxLength) throw new MalformedError('too-large', `text of ${value.length}`);
    return value;
  };
}

export function bytes(maxLength: number, minLength = 0): Reader<Uint8Array> {
  return (value) => {
    if (!(value instanceof Uint8Array)) throw new MalformedError('wrong-shape', 'not bytes');
    if (value.length > maxLength) throw new MalformedError('too-large', `${value.length} bytes`);
    if (value.length < minLength) throw new MalformedError('out-of-range', `only ${value.length} bytes`);
    return value;
  };
}

export const flag: Reader<boolean> = (value) => {
  if (typeof value !== 'boolean') throw new MalformedError('wrong-shape', 'not a boolean');
  return value;
};

export function list<T>(item: Reader<T>, maxLength: number): Reader<T[]> {
  const read = (value: unknown): T[] => {
    if (!Array.isArray(value)) throw new MalformedError('wrong-shape', 'not a list');
    if (value.length > maxLength) throw new MalformedError('too-large', `list of ${value.length}`);
    return value.map((entry) => item(entry));
  };
  const toWire = (value: unknown): unknown =>
    Array.isArray(value) ? value.map((entry) => writtenBy(item, entry)) : value;
  return Object.assign(read, { toWire });
}

/** Absent values travel as CBOR null, or not at all at the end of a message. */
export function optional<T>(reader: Reader<T>): Reader<T | null> {
  const read = (value: unknown): T | null => (value === null || value === undefined ? null : reader(value));
  return Object.assign(read, { toWire: (value: unknown) => writtenBy(reader, value) });
}

export function oneOf<const T extends readonly string[]>(...words: T): Reader<T[number]> {
  return (value) => {
    const found = words.find((word) => word === value);
    if (found === undefined) throw new MalformedError('out-of-range', 'not one of the known words');
    return found;
  };
}

/** RtpCapabilities are five levels deep. */
const MAX_NESTING = 16;

/**
 * A value whose shape another parser checks. Its size is bounded by the whole message, and here its depth, so that
 * parsers may recurse; a key that would change the prototype of a copy is refused.
 */
export const opaque: Reader<unknown> = (value) => {
  assertPlain(value, MAX_NESTING);
  return value;
};

export type Fields = Readonly<Record<string, Reader<unknown>>>;
export type Values<F extends Fields> = { [K in keyof F]: F[K] extends Reader<infer T> ? T : never };

/**
 * A group of fields that travels as a list in the order of declaration: compact, and open at its end, because
 * further entries of a later version are ignored.
 */
export function tuple<F extends Fields>(fields: F): Reader<Values<F>> {
  const entries = Object.entries(fields);
  const read = (value: unknown): Values<F> => {
    if (!Array.isArray(value)) throw new MalformedError('wrong-shape', 'not a list of fields');
    const values: Record<string, unknown> = {};
    entries.forEach(([name, reader], i) => {
      values[name] = reader(value[i]);
    });
    // Each field was read by its own reader; the compiler cannot follow that through `entries`.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return values as Values<F>;
  };
  return Object.assign(read, { toWire: (value: unknown) => tupleEntries(fields, value) });
}

/** The list that `tuple` reads: the fields in their order, null for those that are absent. */
export function tupleEntries(fields: Fields, values: unknown): unknown[] {
  const named = new Map(typeof values === 'object' && values !== null ? Object.entries(values) : []);
  return Object.entries(fields).map(([name, reader]) => writtenBy(reader, named.get(name) ?? null));
}

function writtenBy(reader: Reader<unknown>, value: unknown): unknown {
  return reader.toWire === undefined || value === null ? value : reader.toWire(value);
}

function assertPlain(value: unknown, levelsLeft: number): void {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return;
  if (levelsLeft === 0) throw new MalformedError('too-large', 'nested too deep');
  if (Object.hasOwn(value, '__proto__')) throw new MalformedError('wrong-shape', 'a key that is not allowed');
  for (const entry of Object.values(value)) assertPlain(entry, levelsLeft - 1);
}
