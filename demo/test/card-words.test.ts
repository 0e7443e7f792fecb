import { expect, test } from 'vitest';

import { ageWords, countWords, viewersWords } from '../src/home/card-words.ts';
import { titleWords } from '../src/words/title-words.ts';

const MINUTE_MS = 60_000;
const NOW = Date.UTC(2027, 0, 31, 18, 0, 0);

test('ages are told as people would', () => {
  const age = (minutes: number) => ageWords(NOW - minutes * MINUTE_MS, NOW);
  expect([0, 0.9, 1, 59.9].map(age)).toEqual(['just started', 'just started', 'for 1 min', 'for 59 min']);
  expect([60, 61, 150, 1439].map(age)).toEqual([
    'for 1 h',
    'for 1 h 1 min',
    'for 2 h 30 min',
    'for 23 h 59 min',
  ]);
  expect([1440, 2879, 2880].map(age)).toEqual(['for a day', 'for a day', 'for 2 days']);
});

test('a streamer whose clock is ahead, or who sends nonsense, has just started', () => {
  expect(ageWords(NOW + 5 * MINUTE_MS, NOW)).toBe('just started');
  expect(ageWords(Number.NaN, NOW)).toBe('just started');
});

test('one of anything is said in the singular', () => {
  expect([0, 1, 2].map(viewersWords)).toEqual(['0 viewers', '1 viewer', '2 viewers']);
  expect([0, 1, 2].map(countWords)).toEqual(['Nobody at the moment', '1 broadcast', '2 broadcasts']);
});

test('a title of spaces is none', () => {
  expect(titleWords('  ')).toBe('Untitled broadcast');
  expect(titleWords(' Sea ')).toBe('Sea');
});
