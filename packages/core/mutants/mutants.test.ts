/** The table of `npm run mutants`: all rules are in it, and each mutant says which text it changes. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { rules } from '../test/protocol-document.ts';
import { MisplacedError, mutate, type Mutant } from './mutant.ts';
import { parseOptions, UsageError } from './options.ts';
import { ruleLines, totalLine } from './report.ts';
import { MUTANTS, UNREMOVABLE } from './table.ts';

const FOLDER = join(import.meta.dirname, '..');

describe('the table', () => {
  const kept = rules.filter(({ keptByHost }) => !keptByHost).map(({ id }) => id);
  const mutated = new Set(MUTANTS.map(({ rule }) => rule));

  test('has a mutant of each rule that the core keeps, or the reason why there is none', () => {
    expect(kept.filter((id) => !mutated.has(id) && !UNREMOVABLE.has(id))).toEqual([]);
    expect([...UNREMOVABLE.keys()].filter((id) => mutated.has(id))).toEqual([]);
  });

  test('has no other rules', () => {
    const known = new Set(kept);
    expect([...mutated, ...UNREMOVABLE.keys()].filter((id) => !known.has(id))).toEqual([]);
  });

  test('has no mutant twice', () => {
    const keys = MUTANTS.map(({ rule, file, find, replace }) => [rule, file, find, replace].join('\n'));
    expect(keys.filter((key, i) => keys.indexOf(key) < i)).toEqual([]);
  });

  test.each([...Map.groupBy(MUTANTS, ({ file }) => file)])(
    'changes one place of %s each time',
    (file, its) => {
      const source = readFileSync(join(FOLDER, file), 'utf8');
      for (const mutant of its) expect(mutate(source, mutant)).not.toBe(source);
    },
  );
});

const mutant: Mutant = { rule: 'J1.1', file: 'src/a.ts', find: 'b', replace: '' };

test('a text that is not there once is misplaced', () => {
  expect(mutate('abc', mutant)).toBe('ac');
  for (const source of ['ac', 'abcb']) expect(() => mutate(source, mutant)).toThrow(MisplacedError);
});

test('a replacement is taken as it is', () => {
  expect(mutate('abc', { ...mutant, replace: '$&$&' })).toBe('a$&$&c');
});

describe('the command line', () => {
  const known = new Set(['J1.1', 'J1.2']);

  test('names no rule, or some', () => {
    expect(parseOptions([], known)).toEqual({ rules: null });
    expect(parseOptions(['--rule', 'J1.2'], known)).toEqual({ rules: new Set(['J1.2']) });
    expect(parseOptions(['--rule', 'J1.2', '--rule', 'J1.1'], known)).toEqual({ rules: known });
    expect(parseOptions(['--help'], known)).toBe('help');
  });

  test.each([['--rule', 'Z9.9'], ['--rule'], ['--rules', 'J1.1'], ['J1.1']])('is not %s %s', (...args) => {
    expect(() => parseOptions(args, known)).toThrow(UsageError);
  });
});

test('the report spells out what survived', () => {
  const verdicts = [
    { mutant, killedBy: 'a test > [J1.1] of it' },
    { mutant: { ...mutant, find: 'two\n  lines' }, killedBy: null },
  ];
  expect(ruleLines('J1.1', verdicts)).toEqual([
    'J1.1    killed by a test > [J1.1] of it',
    '        SURVIVED src/a.ts: two lines -> (nothing)',
  ]);
  expect(ruleLines('J1.1', verdicts.slice(1))).toEqual(['J1.1    SURVIVED src/a.ts: two lines -> (nothing)']);
  expect(totalLine(verdicts)).toBe('1 rules, 2 mutants: 1 killed, 1 survived (1 rules)');
});
