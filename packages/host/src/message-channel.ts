/** Typed messages over one libp2p stream: length-prefixed, size-limited, parsed on arrival. */

import { lpStream } from '@libp2p/utils';
import type { Stream } from '@libp2p/interface';
import { decode as decodeVarint } from 'uint8-varint';
import type { Uint8ArrayList } from 'uint8arraylist';
import { MalformedError, type MessageCodec } from '@casto/core';

export interface MessageChannel<M> {
  /**
   * The next message of a known type.
   *
   * @throws {MalformedError} When the other end wrote what the codec refuses.
   * @throws When the stream ends or `signal` aborts.
   */
  read(signal?: AbortSignal): Promise<M>;
  write(message: M, signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
  abort(reason: Error): void;
}

/** Messages of unknown types tolerated in a row, so that a stream of them cannot spin this peer forever. */
const MAX_UNKNOWN_IN_A_ROW = 16;

/** Three bytes count to two million; no message is longer. */
const MAX_PREFIX_BYTES = 3;
/** The other end's time to close its side as well. After it the stream is reset, so that none is left half open. */
const CLOSE_MS = 2_000;

export function messageChannel<M>(stream: Stream, codec: MessageCodec<M>): MessageChannel<M> {
  const framed = lpStream(stream, {
    maxDataLength: codec.maxBytes,
    maxBufferSize: codec.maxBytes * 4,
    lengthDecoder: decodePrefix,
  });
  return {
    read: async (signal) => {
      for (let unknown = 0; unknown < MAX_UNKNOWN_IN_A_ROW; unknown++) {
        const message = codec.decode(await readFrame(() => framed.read(signal ? { signal } : {})));
        if (message !== null) return message;
      }
      throw new MalformedError('unknown-type', 'nothing but unknown messages');
    },
    write: (message, signal) => framed.write(codec.encode(message), signal ? { signal } : {}),
    close: () => closeStream(stream),
    abort: (reason) => stream.abort(reason),
  };
}

/** The reader's own decoder would wait for the end of a prefix that has none, and keep all of it. */
function decodePrefix(prefix: Uint8ArrayList): number {
  if (prefix.byteLength > MAX_PREFIX_BYTES) throw new MalformedError('too-large', 'length prefix');
  return decodeVarint(prefix);
}

async function closeStream(stream: Stream): Promise<void> {
  const timeout = AbortSignal.timeout(CLOSE_MS);
  timeout.addEventListener('abort', () => {
    if (stream.status === 'open' || stream.status === 'closing')
      stream.abort(new Error('not closed in time'));
  });
  await stream.close({ signal: timeout }).catch((error: unknown) => stream.abort(asError(error)));
}

async function readFrame(read: () => Promise<{ subarray(): Uint8Array }>): Promise<Uint8Array> {
  try {
    return (await read()).subarray();
  } catch (error) {
    if (isFramingError(error)) throw new MalformedError('too-large', 'length prefix', { cause: error });
    throw error;
  }
}

/** libp2p asks to compare names: its classes may be bundled twice. */
function isFramingError(error: unknown): boolean {
  const names = ['InvalidDataLengthError', 'InvalidDataLengthLengthError', 'InvalidMessageLengthError'];
  return error instanceof Error && names.includes(error.name);
}

export function asError(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value));
}
