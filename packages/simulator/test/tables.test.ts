import { expect, test } from 'vitest';
import { FIGURES, summarise } from '../src/figures.ts';
import { GOALS, judgeValue } from '../src/goals.ts';
import { formatVerdict } from '../src/report-tables.ts';
import { formatClock, formatNumber, markdownTable, plainTable } from '../src/text-table.ts';

const TABLE = {
  head: ['name', 'a|b'],
  rows: [
    ['first', '1'],
    ['x', '1 000'],
  ],
};

test('tables are aligned, in Markdown too', () => {
  expect(plainTable(TABLE)).toBe(['name     a|b', '-----  -----', 'first      1', 'x      1 000'].join('\n'));
  expect(markdownTable(TABLE)).toBe(
    ['| name  |  a\\|b |', '| ----- | ----: |', '| first |     1 |', '| x     | 1 000 |'].join('\n'),
  );
});

test('numbers are readable', () => {
  expect([
    formatNumber(1_234_567.891, 1),
    formatNumber(0, 0),
    formatNumber(null, 2),
    formatNumber(NaN, 2),
  ]).toEqual(['1 234 567.9', '0', '-', '-']);
  expect([formatClock(0), formatClock(61_999), formatClock(3_600_000)]).toEqual(['0:00', '1:01', '60:00']);
});

test('mean and worst are of the runs that measured something', () => {
  expect(summarise([1, null, 3], 'highest')).toEqual({ mean: 2, worst: 3 });
  expect(summarise([1, 3], 'lowest')).toEqual({ mean: 2, worst: 1 });
  expect(summarise([null], 'highest')).toBeNull();
});

test('a goal is met at its figure, and missed by a share of it', () => {
  const goal = GOALS.find(({ id }) => id === 'join-p50');
  if (goal === undefined) throw new Error('the goal is gone');
  expect(formatVerdict(judgeValue(goal, 0.4))).toBe('met');
  expect(formatVerdict(judgeValue(goal, 0.5))).toBe('missed by 25\u00a0%');
  expect(formatVerdict(judgeValue(goal, 0.4001))).toBe('missed by 1\u00a0%');
  expect(formatVerdict(judgeValue(goal, null))).toBe('not measured');
});

test('goals and figures have names of their own', () => {
  for (const list of [GOALS, FIGURES]) expect(new Set(list.map(({ id }) => id)).size).toBe(list.length);
});
