import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, expect, test } from 'vitest';

import { ROOT } from '../src/paths.js';
import { Tally } from '../src/tally.js';

const folder = mkdtempSync(join(tmpdir(), 'casto-tally-'));
afterAll(() => rmSync(folder, { recursive: true }));

function report(...files: { status: string; states: string[] }[]): string {
  const path = join(folder, `${files.length}-${JSON.stringify(files).length}.json`);
  const testResults = files.map(({ status, states }) => ({
    status,
    name: join(ROOT, 'packages/some.test.ts'),
    message: 'cannot be loaded',
    assertionResults: states.map((state) => ({
      status: state,
      fullName: 'a rule that holds',
      failureMessages: ['expected 1 to be 2\n    at some.test.ts:1:1'],
    })),
  }));
  writeFileSync(path, JSON.stringify({ testResults }));
  return path;
}

test('counts cases by their state', () => {
  const tally = new Tally();
  tally.addCase(true);
  tally.addVitest(report({ status: 'passed', states: ['passed', 'passed', 'skipped', 'todo'] }), 0);
  expect(String(tally)).toBe('3 passed, 0 failed, 2 skipped');
});

test('says nothing of skipped cases when there are none', () => {
  const tally = new Tally();
  tally.addCase(true);
  tally.addCase(false);
  expect(String(tally)).toBe('1 passed, 1 failed');
});

test('a file that fails without a failed test counts as one', () => {
  const tally = new Tally();
  tally.addVitest(report({ status: 'failed', states: [] }, { status: 'failed', states: ['failed'] }), 1);
  expect(String(tally)).toBe('0 passed, 2 failed');
});

test('a failure that no test shows counts as one', () => {
  const tally = new Tally();
  tally.addVitest(report({ status: 'passed', states: ['passed'] }), 1);
  expect(String(tally)).toBe('1 passed, 1 failed');
});

test('a runner that ends without a report counts as one failure', () => {
  const tally = new Tally();
  tally.addVitest(join(folder, 'none.json'), 143);
  expect(String(tally)).toBe('0 passed, 1 failed');
});

test('tells again what failed, and where', () => {
  const tally = new Tally();
  tally.addVitest(report({ status: 'failed', states: [] }, { status: 'failed', states: ['failed'] }), 1);
  tally.addVitest(join(folder, 'none.json'), 143);
  expect(tally.failures).toEqual([
    'packages/some.test.ts: cannot be loaded',
    'packages/some.test.ts: a rule that holds: expected 1 to be 2',
    'vitest ended with 143, although no test failed',
  ]);
});
