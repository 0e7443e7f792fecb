/** Every rule that the core keeps is shown by a test, and every test shows a rule that exists. */

import { expect, test } from 'vitest';
import { rules } from './protocol-document.ts';

const sources = import.meta.glob('./*.test.ts', { query: '?raw', import: 'default', eager: true });

const cited = new Set(
  Object.values(sources).flatMap((source) =>
    [...source.matchAll(/\[([A-Z]\d+\.\d+(?:, [A-Z]\d+\.\d+)*)\] /g)].flatMap(([, ids = '']) =>
      ids.split(', '),
    ),
  ),
);

test('no rule has the number of another', () => {
  expect(rules.length).toBeGreaterThan(60);
  expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length);
});

test('each rule of the core is named by a test', () => {
  const kept = rules.filter(({ keptByHost }) => !keptByHost).map(({ id }) => id);
  expect(kept.filter((id) => !cited.has(id))).toEqual([]);
});

test('each rule that a test names exists', () => {
  const known = new Set(rules.map(({ id }) => id));
  expect([...cited].filter((id) => !known.has(id))).toEqual([]);
});
