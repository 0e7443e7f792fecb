/** Raw DEFLATE (RFC 1951) by what browsers and Node have built in. */

import { MalformedError } from '@casto/core';
import { joinBytes } from './channel-signature.ts';

export async function deflate(bytes: Uint8Array): Promise<Uint8Array> {
  return joinBytes(...(await readAll(through(bytes, new CompressionStream('deflate-raw')), Infinity)));
}

/**
 * @param maxBytes - Inflating ends there: a kilobyte can stand for a megabyte.
 * @throws {MalformedError} `too-large`, or `not-decodable` when the bytes are not exactly one deflated piece.
 */
export async function inflate(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  try {
    return joinBytes(...(await readAll(through(bytes, new DecompressionStream('deflate-raw')), maxBytes)));
  } catch (cause) {
    if (cause instanceof MalformedError) throw cause;
    throw new MalformedError('not-decodable', 'not deflated', { cause });
  }
}

type Codec = ReadableWritablePair<Uint8Array, BufferSource>;

function through(bytes: Uint8Array, codec: Codec): ReadableStream<Uint8Array> {
  const source = new ReadableStream<BufferSource>({
    start: (controller) => {
      controller.enqueue(bytes.slice());
      controller.close();
    },
  });
  return source.pipeThrough(codec);
}

async function readAll(stream: ReadableStream<Uint8Array>, maxBytes: number): Promise<Uint8Array[]> {
  const reader = stream.getReader();
  const pieces: Uint8Array[] = [];
  for (let length = 0; ;) {
    const { done, value } = await reader.read();
    if (done) return pieces;
    length += value.length;
    if (length > maxBytes) {
      reader.cancel().catch(() => {});
      throw new MalformedError('too-large', 'inflated');
    }
    pieces.push(value);
  }
}
