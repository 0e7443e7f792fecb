/**
 * A channel for typed messages, and its kind over one libp2p stream: length-prefixed, size-limited, parsed on arrival.
 */

import { lpStream } from '@libp2p/utils';
import type { Stream } from '@libp2p/interface';
import { decode as decodeVarint } from 'uint8-varint';
import type { Uint8ArrayList } from 'uint8arraylist';
import { MalformedError, type MessageCodec } from '@casto/core';
import { processClock, type Clock } from './clock.ts';

export interface MessageChannel<M> {
  /**
   * The next message of a known type.
   *
   * @throws {MalformedError} When the other end wrote what the codec refuses, or faster than it was read.
   * @throws When the channel ends or `signal` aborts.
   */
  read(signal?: AbortSignal): Promise<M>;
  /** @throws {MalformedError} `too-large`, when the other end has left too much unread. The channel is then reset. */
  write(message: M, signal?: AbortSignal): Promise<void>;
  /** Ends the own side, and the whole channel when the other end does not follow. Never throws. */
  close(): Promise<void>;
  abort(reason: Error): void;
  /** Whether the other end has broken off, rather than ended, the channel. */
  readonly isReset: boolean;
}

/** Messages of unknown types tolerated in a row, so that a stream of them cannot spin this peer forever. */
export const MAX_UNKNOWN_IN_A_ROW = 16;

/** Three bytes count to two million; no message is longer. */
const MAX_PREFIX_BYTES = 3;
/** The other end's time to close its side as well. After it the stream is reset, so that none is left half open. */
const CLOSE_MS = 2_000;
/** Largest messages that wait on either side: to be read here, or for room in the window of the other end. */
const MAX_WAITING_MESSAGES = 4;

export function messageChannel<M>(
  stream: Stream,
  codec: MessageCodec<M>,
  clock: Clock = processClock,
): MessageChannel<M> {
  const maxWaitingBytes = codec.maxBytes * MAX_WAITING_MESSAGES;
  const framed = lpStream(stream, {
    maxDataLength: codec.maxBytes,
    maxBufferSize: maxWaitingBytes,
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
    write: async (message, signal) => {
      if (stream.writeBufferLength > maxWaitingBytes) {
        const unread = new MalformedError('too-large', 'messages left unread');
        stream.abort(unread);
        throw unread;
      }
      await framed.write(codec.encode(message), signal ? { signal } : {});
    },
    close: () => closeStream(stream, clock),
    abort: (reason) => stream.abort(reason),
    get isReset() {
      return stream.status === 'reset';
    },
  };
}

/** The reader's own decoder would wait for the end of a prefix that has none, and keep all of it. */
function decodePrefix(prefix: Uint8ArrayList): number {
  if (prefix.byteLength > MAX_PREFIX_BYTES) throw new MalformedError('too-large', 'length prefix');
  return decodeVarint(prefix);
}

async function closeStream(stream: Stream, clock: Clock): Promise<void> {
  if (stream.status !== 'open') return;
  const cancel = clock.setTimer(() => stream.abort(new Error('not closed in time')), CLOSE_MS);
  stream.addEventListener('close', cancel, { once: true });
  await stream.close().catch((error: unknown) => stream.abort(asError(error)));
}

async function readFrame(read: () => Promise<{ subarray(): Uint8Array }>): Promise<Uint8Array> {
  try {
    return (await read()).subarray();
  } catch (error) {
    if (isFramingError(error)) throw new MalformedError('too-large', 'framing', { cause: error });
    throw error;
  }
}

/** libp2p asks to compare names: its classes may be bundled twice. */
const FRAMING_ERRORS = [
  'InvalidDataLengthError',
  'InvalidDataLengthLengthError',
  'InvalidMessageLengthError',
  'StreamBufferError',
];

function isFramingError(error: unknown): boolean {
  return error instanceof Error && FRAMING_ERRORS.includes(error.name);
}

export function asError(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value));
}
