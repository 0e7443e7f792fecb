/**
 * Messages as bytes: a CBOR list whose first entry is the type's number, the fields after it in the order of
 * declaration. Fields may be added at the end; a type that a peer does not know is ignored (PROTOCOL.md, W2).
 */

import { decode as decodeCbor, encode as encodeCbor } from 'cborg';
import { MalformedError } from './errors.ts';
import { integer, tuple, tupleEntries, type Fields, type Reader, type Values } from './fields.ts';

export interface MessageShape<F extends Fields = Fields> {
  readonly code: number;
  readonly fields: F;
}

export type MessageTable = Readonly<Record<string, MessageShape>>;

/** The union of a table's messages, told apart by `type`. */
export type MessageOf<T extends MessageTable> = {
  [K in keyof T & string]: { type: K } & Values<T[K]['fields']>;
}[keyof T & string];

export interface MessageCodec<M> {
  readonly maxBytes: number;
  encode(message: M): Uint8Array;
  /**
   * @returns The message, or `null` when its type is not known here.
   * @throws {MalformedError} When the bytes are too many, no CBOR, or not of the type's shape.
   */
  decode(bytes: Uint8Array): M | null;
}

/** What CBOR allows and no message of ours needs is refused before it becomes a value. */
const STRICT_CBOR = {
  allowIndefinite: false,
  allowUndefined: false,
  allowInfinity: false,
  allowNaN: false,
  allowBigInt: false,
  rejectDuplicateMapKeys: true,
};

const typeNumber = integer(0, Number.MAX_SAFE_INTEGER);

export function messageCodec<T extends MessageTable>(table: T, maxBytes: number): MessageCodec<MessageOf<T>> {
  const readers = new Map<number, { type: string; read: Reader<object> }>();
  for (const [type, shape] of Object.entries(table)) {
    readers.set(shape.code, { type, read: tuple(shape.fields) });
  }
  return {
    maxBytes,
    encode: (message) => encodeMessage(table, message),
    decode: (input) => {
      const entries = decodeEntries(input, maxBytes);
      const reader = readers.get(typeNumber(entries[0]));
      if (reader === undefined) return null;
      // The table that gave the type gave the reader too; the compiler cannot follow that through the map.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      return { type: reader.type, ...reader.read(entries.slice(1)) } as MessageOf<T>;
    },
  };
}

function encodeMessage(table: MessageTable, message: { type: string }): Uint8Array {
  const shape = table[message.type];
  if (shape === undefined) throw new TypeError(`no such message: ${message.type}`);
  return encodeTuple(message, shape.fields, [shape.code]);
}

/** Encodes a group of fields as the list that `tuple` reads. */
export function encodeTuple(values: object, fields: Fields, head: unknown[] = []): Uint8Array {
  return encodeCbor([...head, ...tupleEntries(fields, values)]);
}

/** Decodes one CBOR list of bounded size. @throws {MalformedError} */
export function decodeEntries(input: Uint8Array, maxBytes: number): unknown[] {
  if (input.length > maxBytes) throw new MalformedError('too-large', `${input.length} bytes`);
  let value: unknown;
  try {
    value = decodeCbor(input, STRICT_CBOR);
  } catch (cause) {
    throw new MalformedError('not-decodable', 'not one CBOR value', { cause });
  }
  if (!Array.isArray(value)) throw new MalformedError('wrong-shape', 'not a list');
  return value;
}
