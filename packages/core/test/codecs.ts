/** Every parser of the core for bytes of another peer, with what PROTOCOL.md says of it. */

import * as fc from 'fast-check';
import { encode as encodeCbor } from 'cborg';
import {
  decodeSignedRecord,
  encodeSignedRecord,
  MAX_SIGNED_RECORD_BYTES,
  RECORD_FIELDS,
  SIGNED_FIELDS,
} from '../src/channel-record.ts';
import { CONTROL_MESSAGES, controlCodec } from '../src/control-messages.ts';
import type { Fields } from '../src/fields.ts';
import { LINK_MESSAGES, linkCodec } from '../src/link-messages.ts';
import { LISTING_MESSAGES, listingCodec } from '../src/listing-messages.ts';
import type { MessageCodec, MessageTable } from '../src/message-codec.ts';
import { RENDEZVOUS_MESSAGES, rendezvousCodec } from '../src/rendezvous-messages.ts';
import {
  decodeSignalPayload,
  MAX_SIGNAL_PAYLOAD_BYTES,
  SIGNAL_PAYLOAD_FIELDS,
} from '../src/signal-payload.ts';
import {
  decodeSignedSnapshot,
  encodeSignedSnapshot,
  MAX_SIGNED_SNAPSHOT_BYTES,
  SIGNED_SNAPSHOT_FIELDS,
  SNAPSHOT_FIELDS,
} from '../src/snapshot.ts';
import { listTable, messageTable, type DocumentedMessage } from './protocol-document.ts';
import { arbitraryOf, readAs } from './value-grammar.ts';

export interface Parser {
  readonly name: string;
  readonly maxBytes: number;
  parse(bytes: Uint8Array): unknown;
}

export interface CodecUnderTest extends Parser {
  readonly table: MessageTable;
  readonly documented: readonly DocumentedMessage[];
  /** Decodes and encodes again. */
  roundTrip(bytes: Uint8Array): { message: unknown; bytes: Uint8Array } | null;
}

export const codecs: readonly CodecUnderTest[] = [
  codecUnderTest('link', linkCodec, LINK_MESSAGES, messageTable('L:')),
  codecUnderTest('control', controlCodec, CONTROL_MESSAGES, messageTable('K:')),
  codecUnderTest('rendezvous', rendezvousCodec, RENDEZVOUS_MESSAGES, messageTable('D:')),
  codecUnderTest('listing', listingCodec, LISTING_MESSAGES, messageTable('V:')),
];

export const parsers: readonly Parser[] = [
  ...codecs,
  { name: 'signed record', maxBytes: MAX_SIGNED_RECORD_BYTES, parse: decodeSignedRecord },
  {
    name: 'record',
    maxBytes: MAX_SIGNED_RECORD_BYTES - 100,
    parse: (content) => decodeSignedRecord(encodeSignedRecord(content, new Uint8Array(64))).record,
  },
  { name: 'signed snapshot', maxBytes: MAX_SIGNED_SNAPSHOT_BYTES, parse: decodeSignedSnapshot },
  {
    name: 'snapshot',
    maxBytes: MAX_SIGNED_SNAPSHOT_BYTES - 200,
    parse: (content) => decodeSignedSnapshot(encodeSignedSnapshot(content, new Uint8Array(64))).snapshot,
  },
  { name: 'signal payload', maxBytes: MAX_SIGNAL_PAYLOAD_BYTES, parse: decodeSignalPayload },
];

/** The lists that are no messages. */
export const lists: readonly { name: string; fields: Fields; documented: DocumentedMessage | undefined }[] = [
  {
    name: 'record',
    fields: RECORD_FIELDS,
    documented: listTable('D:').find(({ name }) => name === 'record'),
  },
  {
    name: 'signed record',
    fields: SIGNED_FIELDS,
    documented: listTable('D:').find(({ name }) => name === 'signed record'),
  },
  {
    name: 'snapshot',
    fields: SNAPSHOT_FIELDS,
    documented: listTable('V:').find(({ name }) => name === 'snapshot'),
  },
  {
    name: 'signed snapshot',
    fields: SIGNED_SNAPSHOT_FIELDS,
    documented: listTable('V:').find(({ name }) => name === 'signed snapshot'),
  },
  {
    name: 'signal payload',
    fields: SIGNAL_PAYLOAD_FIELDS,
    documented: listTable('K:').find(({ name }) => name === 'signal payload'),
  },
];

/** CBOR as a plain array: in Node the encoder may give a Buffer, which compares as another class. */
export function cbor(value: unknown): Uint8Array {
  return Uint8Array.from(encodeCbor(value));
}

/** Values of a message's fields in their order, drawn within the limits that PROTOCOL.md gives. */
export function fieldValues(message: DocumentedMessage): fc.Arbitrary<unknown[]> {
  return fc.tuple(...message.fields.map(({ value }) => arbitraryOf(value)));
}

/** Any valid message of a codec, as bytes that the codec had no part in. */
export function validMessages(codec: CodecUnderTest): fc.Arbitrary<{ name: string; bytes: Uint8Array }> {
  return fc.oneof(
    ...codec.documented.map((message) =>
      fieldValues(message).map((values) => ({
        name: message.name,
        bytes: cbor([message.code, ...values]),
      })),
    ),
  );
}

/** Field names with their values, as readers give them. */
export function namedFields(message: DocumentedMessage, values: readonly unknown[]): Record<string, unknown> {
  return Object.fromEntries(message.fields.map(({ name, value }, i) => [name, readAs(value, values[i])]));
}

function codecUnderTest<M extends object>(
  name: string,
  codec: MessageCodec<M>,
  table: MessageTable,
  documented: readonly DocumentedMessage[],
): CodecUnderTest {
  return {
    name,
    maxBytes: codec.maxBytes,
    table,
    documented,
    parse: (bytes) => codec.decode(bytes),
    roundTrip: (bytes) => {
      const message = codec.decode(bytes);
      return message && { message, bytes: Uint8Array.from(codec.encode(message)) };
    },
  };
}
