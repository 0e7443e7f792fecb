/** Several messages in one input: each behind its length in two bytes, so that damages stay inside one of them. */

import { joinBytes } from './byte-mutations.ts';

const LENGTH_BYTES = 2;

export function packFrames(frames: readonly Uint8Array[]): Uint8Array {
  return joinBytes(
    ...frames.flatMap((frame) => [Uint8Array.of(frame.length >> 8, frame.length & 0xff), frame]),
  );
}

/** Takes whatever bytes a minimiser leaves: the last frame may be cut. */
export function unpackFrames(bytes: Uint8Array): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let at = 0; at + LENGTH_BYTES <= bytes.length;) {
    const length = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
    at += LENGTH_BYTES;
    frames.push(bytes.slice(at, at + length));
    at += length;
  }
  return frames;
}
