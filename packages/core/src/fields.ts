/**
 * Readers of untrusted values: each takes `unknown` and gives a checked value or throws a `MalformedError`.
 * Every reader bounds what it lets through, so a decoded message is never larger than PROTOCOL.md says.
 */

import { MalformedError } from './errors.ts';

export type Reader<T> = (value: unknown) => T;

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
  return (value) => {
    if (!Array.isArray(value)) throw new MalformedError('wrong-shape', 'not a list');
    if (value.length > maxLength) throw new MalformedError('too-large', `list of ${value.length}`);
    return value.map((entry) => item(entry));
  };
}

/** Absent values travel as CBOR null, or not at all at the end of a message. */
export function optional<T>(reader: Reader<T>): Reader<T | null> {
  return (value) => (value === null || value === undefined ? null : reader(value));
}

export function oneOf<const T extends readonly string[]>(...words: T): Reader<T[number]> {
  return (value) => {
    const found = words.find((word) => word === value);
    if (found === undefined) throw new MalformedError('out-of-range', 'not one of the known words');
    return found;
  };
}

/** A value whose shape another parser checks; only the size of the whole message bounds it here. */
export const opaque: Reader<unknown> = (value) => value;

export type Fields = Readonly<Record<string, Reader<unknown>>>;
export type Values<F extends Fields> = { [K in keyof F]: F[K] extends Reader<infer T> ? T : never };

/**
 * A group of fields that travels as a list in the order of declaration: compact, and open at its end, because
 * further entries of a later version are ignored.
 */
export function tuple<F extends Fields>(fields: F): Reader<Values<F>> {
  const entries = Object.entries(fields);
  return (value) => {
    if (!Array.isArray(value)) throw new MalformedError('wrong-shape', 'not a list of fields');
    const read: Record<string, unknown> = {};
    entries.forEach(([name, reader], i) => {
      read[name] = reader(value[i]);
    });
    return read as Values<F>;
  };
}
