/** What a forwarded signal carries: messages of one handshake (PROTOCOL.md, K7.5 and K7.6). */

import { bytes, flag, list, tuple } from './fields.ts';
import { linkCodec } from './link-messages.ts';
import { decodeEntries, encodeTuple } from './message-codec.ts';

/** Candidates that travel together: uncompressed they fit into a signal as well. */
export const MAX_SIGNALED_MESSAGES = 8;
/** K7.5: before compression. One message of a handshake, and hardly more. */
export const MAX_SIGNAL_PAYLOAD_BYTES = linkCodec.maxBytes;
export const HANDSHAKE_ID_BYTES = 8;

/** @internal Compared with the table of PROTOCOL.md. */
export const SIGNAL_PAYLOAD_FIELDS = {
  /** Tells the handshakes of two peers apart; drawn by the child. */
  handshake: bytes(HANDSHAKE_ID_BYTES, HANDSHAKE_ID_BYTES),
  /** Whether the writer is the child: two peers may ask each other at the same time. */
  asks: flag,
  /** Messages of section L as bytes; none: the writer has broken off. */
  messages: list(bytes(MAX_SIGNAL_PAYLOAD_BYTES), MAX_SIGNALED_MESSAGES),
} as const;

const signalPayload = tuple(SIGNAL_PAYLOAD_FIELDS);
export type SignalPayload = ReturnType<typeof signalPayload>;

export function encodeSignalPayload(payload: SignalPayload): Uint8Array {
  return encodeTuple(payload, SIGNAL_PAYLOAD_FIELDS);
}

/** @throws {MalformedError} */
export function decodeSignalPayload(input: Uint8Array): SignalPayload {
  return signalPayload(decodeEntries(input, MAX_SIGNAL_PAYLOAD_BYTES));
}
