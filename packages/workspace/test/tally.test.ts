import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, expect, test } from 'vitest';

import { Tally } from '../src/tally.js';

const folder = mkdtempSync(join(tmpdir(), 'casto-tally-'));
afterAll(() => rmSync(folder, { recursive: true }));

function report(...files: { status: string; states: string[] }[]): string {
  const path = join(folder, `${files.length}-${JSON.stringify(files).length}.json`);
  const testResults = files.map(({ status, states }) => ({
    status,
    assertionResults: states.map((state) => ({ status: state })),
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
