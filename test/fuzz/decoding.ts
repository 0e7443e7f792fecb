/** What every codec promises: a message, nothing, or a `MalformedError`, and nothing of the input in its text. */

import { MalformedError, type MessageCodec } from '@casto/core';
import { demand } from './fuzz-target.ts';

const MAX_ERROR_TEXT = 160;

/** @returns The message, `null` for an unknown type, or the reason why the bytes are none. */
export function decodeChecked<M extends object>(
  codec: MessageCodec<M>,
  bytes: Uint8Array,
): M | string | null {
  let message: M | null;
  try {
    message = codec.decode(bytes);
  } catch (error) {
    return reasonOf(error);
  }
  if (message === null) return null;
  const written = Uint8Array.from(codec.encode(message));
  demand(written.length <= codec.maxBytes, 'a message that was read is too large to be written');
  const again = codec.decode(written);
  demand(
    again !== null && Buffer.compare(codec.encode(again), written) === 0,
    'a message changed on its way',
  );
  return message;
}

/** @returns The typed reason. @throws {FuzzFailure} When the error is of another class. */
export function reasonOf(error: unknown): string {
  demand(error instanceof MalformedError, `not a MalformedError: ${describe(error)}`);
  demand(error.message.length <= MAX_ERROR_TEXT, 'an error that quotes its input');
  return error.reason;
}

export function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
