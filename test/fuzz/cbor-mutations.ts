/**
 * Messages that are CBOR lists, damaged where they mean something: fields of another type, at and beyond their
 * limits, missing, repeated or swapped, lists far too long, nests far too deep, and lengths that lie.
 */

import { decode, encode } from 'cborg';
import type { Random } from '@casto/core';
import { chance, mutateBytes, pick, randomBytes } from './byte-mutations.ts';

const NUMBERS = [
  0,
  -1,
  1,
  0.5,
  -0.5,
  23,
  24,
  255,
  256,
  65_535,
  65_536,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  Number.MAX_SAFE_INTEGER,
  -Number.MAX_SAFE_INTEGER,
  1e15,
  1e300,
  5e-324,
];
const WORDS = [
  '',
  '__proto__',
  'constructor',
  'toString',
  'leaving',
  'browser',
  'vp8',
  '\0',
  '\ud800',
  '12D3KooW',
];

/** Bytes that start CBOR items which promise more than there is, or are not allowed. */
const LYING_HEADS = [
  [0x9a, 0xff, 0xff, 0xff, 0xff],
  [0x9b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
  [0xba, 0xff, 0xff, 0xff, 0xff],
  [0x5a, 0x7f, 0xff, 0xff, 0xff],
  [0x7b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  [0x9f],
  [0xbf],
  [0x5f],
  [0xfb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0],
  [0xf9, 0x7e, 0],
  [0xf7],
  [0xc2, 0x42, 1, 0],
  [0xd8, 0x2a, 0],
];

/** Twice what any codec takes. */
const MAX_BYTES = 65_535;

/** @param message - One valid CBOR list. */
export function mutateCbor(message: Uint8Array, random: Random, other: Uint8Array): Uint8Array {
  const way = random.below(10);
  if (way < 3) return mutateBytes(message, random, other);
  if (way === 3) return lie(message, random);
  if (way === 4) return nest(random);
  let value: unknown = decode(message);
  const damages = 1 + random.below(3);
  for (let i = 0; i < damages; i++) value = damage(value, random, 0);
  try {
    return encode(value).subarray(0, MAX_BYTES);
  } catch {
    // What CBOR does not carry, such as a lone surrogate: bytes do.
    return mutateBytes(message, random, other);
  }
}

function lie(message: Uint8Array, random: Random): Uint8Array {
  const at = random.below(message.length + 1);
  return Uint8Array.from([...message.subarray(0, at), ...pick(random, LYING_HEADS), ...message.subarray(at)]);
}

function nest(random: Random): Uint8Array {
  const depth = 1 + random.below(chance(random, 0.2) ? 30_000 : 200);
  const bytes = new Uint8Array(depth + 2);
  bytes.fill(pick(random, [0x81, 0x82, 0xc1]), 2);
  // A join with its capabilities first to come: a field that takes any value.
  bytes.set([0x82, random.below(20)]);
  return bytes;
}

function damage(value: unknown, random: Random, depth: number): unknown {
  if (Array.isArray(value)) return damageList(value, random, depth);
  if (isMap(value) && chance(random, 0.8)) return damageMap(value, random, depth);
  return chance(random, 0.5) ? alike(value, random) : anything(random, 0);
}

function damageList(list: readonly unknown[], random: Random, depth: number): unknown {
  const at = random.below(list.length + 1);
  const to = random.below(list.length + 1);
  switch (random.below(depth === 0 ? 9 : 12)) {
    case 0:
      return list.toSpliced(at, 1);
    case 1:
      return list.toSpliced(at, 0, list[to]);
    case 2: {
      const swapped = [...list];
      [swapped[at], swapped[to]] = [list[to] ?? null, list[at] ?? null];
      return swapped;
    }
    case 3:
      return list.slice(0, at);
    case 4:
      return [...list, anything(random, 0)];
    case 9:
      return Array.from({ length: random.below(isMap(list[0]) ? 40 : 3_000) }, () => list[0] ?? 0);
    case 10:
      return anything(random, 0);
    default:
      return list.map((entry, i) => (i === at ? damage(entry, random, depth + 1) : entry));
  }
}

function damageMap(map: Record<string, unknown>, random: Random, depth: number): unknown {
  const entries = Object.entries(map);
  const [name] = entries[random.below(Math.max(1, entries.length))] ?? [pick(random, WORDS)];
  if (chance(random, 0.2)) return Object.fromEntries(entries.filter(([other]) => other !== name));
  if (chance(random, 0.2))
    return Object.fromEntries([...entries, [pick(random, WORDS), anything(random, 0)]]);
  return Object.fromEntries(
    entries.map(([other, value]) => [other, other === name ? damage(value, random, depth + 1) : value]),
  );
}

/** A value of the same type, at or beyond some limit. */
function alike(value: unknown, random: Random): unknown {
  if (typeof value === 'number') return pick(random, NUMBERS);
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'string') {
    const at = random.below(value.length + 1);
    if (chance(random, 0.3)) return value.slice(0, at);
    if (chance(random, 0.3)) return value.repeat(1 + random.below(6));
    return value.slice(0, at) + pick(random, WORDS) + value.slice(at + random.below(4));
  }
  if (value instanceof Uint8Array) {
    return chance(random, 0.5) ? mutateBytes(value, random) : randomBytes(random, random.below(5_000));
  }
  return anything(random, 0);
}

function anything(random: Random, depth: number): unknown {
  switch (random.below(depth > 3 ? 6 : 8)) {
    case 0:
      return null;
    case 1:
      return chance(random, 0.5);
    case 2:
      return pick(random, NUMBERS);
    case 3:
      return pick(random, WORDS);
    case 4:
      return 'x'.repeat(random.below(3_000));
    case 5:
      return randomBytes(random, random.below(100));
    case 6:
      return Array.from({ length: random.below(20) }, () => anything(random, depth + 1));
    default:
      return Object.fromEntries([
        [pick(random, WORDS), anything(random, depth + 1)],
        ['codecs', anything(random, depth + 1)],
      ]);
  }
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !(value instanceof Uint8Array);
}
