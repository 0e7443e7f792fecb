/** Damages to bytes: what line noise, sloppy writers and attackers do to a valid message. */

import type { Random } from '@casto/core';

/** Values at which parsers change their mind. */
const EDGES_8 = [0, 1, 2, 0x0f, 0x10, 0x1f, 0x20, 0x7f, 0x80, 0x81, 0xbf, 0xc0, 0xfe, 0xff];
const EDGES_16 = [0, 1, 2, 0xff, 0x100, 0x7fff, 0x8000, 0xfffe, 0xffff];
const EDGES_32 = [0, 1, 0xff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];
/** Damages done to one input at most. */
const MAX_DAMAGES = 6;

export function pick<T>(random: Random, items: readonly T[]): T {
  const item = items[random.below(items.length)];
  if (item === undefined) throw new RangeError('nothing to pick from');
  return item;
}

export function chance(random: Random, probability: number): boolean {
  return random.next() < probability;
}

export function randomBytes(random: Random, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = random.below(256);
  return bytes;
}

export function joinBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/**
 * Damages bytes one to six times.
 *
 * @param other - Another valid message, to be spliced in.
 * @returns A copy of at most `maxBytes`.
 */
export function mutateBytes(
  bytes: Uint8Array,
  random: Random,
  other: Uint8Array = bytes,
  maxBytes = 65_535,
): Uint8Array {
  let mutated: Uint8Array = new Uint8Array(bytes);
  const damages = 1 + random.below(MAX_DAMAGES);
  for (let i = 0; i < damages; i++) mutated = pick(random, DAMAGES)(mutated, random, other);
  return mutated.subarray(0, maxBytes);
}

type Damage = (bytes: Uint8Array, random: Random, other: Uint8Array) => Uint8Array;

/** More damages near the front, where headers, counts and lengths stand. */
function place(bytes: Uint8Array, random: Random): number {
  const reach = chance(random, 0.5) ? Math.min(bytes.length, 24) : bytes.length;
  return random.below(Math.max(1, reach));
}

function range(bytes: Uint8Array, random: Random): [number, number] {
  const from = place(bytes, random);
  return [from, Math.min(bytes.length, from + 1 + random.below(32))];
}

function poke(width: 1 | 2 | 4, edges: readonly number[]): Damage {
  return (bytes, random) => {
    const at = place(bytes, random);
    if (at + width > bytes.length) return bytes;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const value = chance(random, 0.7) ? pick(random, edges) : random.below(2 ** (8 * width));
    if (width === 1) view.setUint8(at, value);
    else if (width === 2) view.setUint16(at, value);
    else view.setUint32(at, value);
    return bytes;
  };
}

const DAMAGES: readonly Damage[] = [
  function truncate(bytes, random) {
    return bytes.subarray(0, random.below(bytes.length + 1));
  },
  function cutOffFront(bytes, random) {
    return bytes.subarray(Math.min(bytes.length, random.below(16)));
  },
  function flipBit(bytes, random) {
    const at = place(bytes, random);
    const byte = bytes[at];
    if (byte !== undefined) bytes[at] = byte ^ (1 << random.below(8));
    return bytes;
  },
  poke(1, EDGES_8),
  poke(2, EDGES_16),
  poke(4, EDGES_32),
  function addOne(bytes, random) {
    const at = place(bytes, random);
    const byte = bytes[at];
    if (byte !== undefined) bytes[at] = byte + (chance(random, 0.5) ? 1 : 255);
    return bytes;
  },
  function remove(bytes, random) {
    const [from, to] = range(bytes, random);
    return joinBytes(bytes.subarray(0, from), bytes.subarray(to));
  },
  function repeat(bytes, random) {
    const [from, to] = range(bytes, random);
    const copies = Array.from({ length: 1 + random.below(8) }, () => bytes.subarray(from, to));
    return joinBytes(bytes.subarray(0, to), ...copies, bytes.subarray(to));
  },
  function swap(bytes, random) {
    const [from, to] = range(bytes, random);
    const [otherFrom, otherTo] = range(bytes, random);
    if (otherFrom < to) return bytes;
    return joinBytes(
      bytes.subarray(0, from),
      bytes.subarray(otherFrom, otherTo),
      bytes.subarray(to, otherFrom),
      bytes.subarray(from, to),
      bytes.subarray(otherTo),
    );
  },
  function insertNoise(bytes, random) {
    const at = place(bytes, random);
    return joinBytes(bytes.subarray(0, at), randomBytes(random, 1 + random.below(40)), bytes.subarray(at));
  },
  function insertRun(bytes, random) {
    const at = place(bytes, random);
    const run = new Uint8Array(1 + random.below(300)).fill(pick(random, EDGES_8));
    return joinBytes(bytes.subarray(0, at), run, bytes.subarray(at));
  },
  function splice(bytes, random, other) {
    return joinBytes(
      bytes.subarray(0, random.below(bytes.length + 1)),
      other.subarray(random.below(other.length + 1)),
    );
  },
];
