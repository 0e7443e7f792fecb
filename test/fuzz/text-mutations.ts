/** Damages to texts of lines: descriptions, requests. */

import type { Random } from '@casto/core';
import { chance, mutateBytes, pick } from './byte-mutations.ts';

const NUMBERS = [
  '0',
  '-1',
  '1',
  '65535',
  '65536',
  '4294967295',
  '4294967296',
  '99999999999999999999',
  '1e9',
  'NaN',
  '0x10',
  '',
];
const MAX_DAMAGES = 5;

/**
 * @param lines - Lines of the text, without their ends.
 * @param dictionary - Lines that mean something to the reader.
 */
export function mutateLines(
  lines: readonly string[],
  random: Random,
  dictionary: readonly string[],
): string[] {
  let mutated = [...lines];
  const damages = 1 + random.below(MAX_DAMAGES);
  for (let i = 0; i < damages; i++) mutated = damageLines(mutated, random, dictionary);
  return mutated;
}

export function latin1(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'));
}

function damageLines(lines: readonly string[], random: Random, dictionary: readonly string[]): string[] {
  const at = random.below(lines.length + 1);
  const to = random.below(lines.length + 1);
  switch (random.below(9)) {
    case 0:
      return lines.toSpliced(at, 1 + random.below(3));
    case 1:
      return lines.toSpliced(at, 0, lines[to] ?? '');
    case 2:
      return lines.toSpliced(at, 0, pick(random, dictionary));
    case 3: {
      const swapped = [...lines];
      [swapped[at], swapped[to]] = [lines[to] ?? '', lines[at] ?? ''];
      return swapped;
    }
    case 4:
      return lines.slice(0, at);
    case 5:
      return [...lines, ...lines.slice(at)];
    case 6: {
      const copies = chance(random, 0.1) ? 3_000 : 12;
      return lines.toSpliced(at, 0, ...Array.from({ length: random.below(copies) }, () => lines[to] ?? ''));
    }
    default:
      return lines.map((line, i) => (i === at ? damageLine(line, random) : line));
  }
}

function damageLine(line: string, random: Random): string {
  const at = random.below(line.length + 1);
  switch (random.below(7)) {
    case 0:
      return line.slice(0, at);
    case 1:
      return line.replaceAll(/\d+/g, (digits) => (chance(random, 0.5) ? pick(random, NUMBERS) : digits));
    case 2:
      return line.slice(0, at) + line.slice(at).repeat(1 + random.below(chance(random, 0.1) ? 400 : 4));
    case 3: {
      const words = line.split(' ');
      return words.toSpliced(random.below(words.length), 1).join(' ');
    }
    case 4:
      return (
        line.slice(0, at) +
        pick(random, ['\r', '\n', '\0', '\t', ' ', '%0d%0a', '\xff', ':', '/', ';']) +
        line.slice(at)
      );
    case 5:
      return line.replace(/[^:=/ ;]+$/, (word) => word.repeat(1 + random.below(100)));
    default:
      return Buffer.from(mutateBytes(latin1(line), random)).toString('latin1');
  }
}
