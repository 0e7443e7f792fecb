import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { unresolvableTypes } from '../src/public-types.js';

const ENTRY = 'dist/types/src/index.d.ts';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'casto-types-'));
  const exports = { '.': { types: `./${ENTRY}`, default: './dist/index.js' } };
  write('package.json', JSON.stringify({ name: 'casto', exports, dependencies: { libp2p: '*' } }));
});

afterEach(() => rmSync(folder, { recursive: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

test('what is published may be imported', () => {
  write(
    ENTRY,
    `import type { Server } from 'node:http';\nexport * from 'libp2p/peer';\nexport * from './a.js';`,
  );
  write('dist/types/src/a.d.ts', `/** Not import('@casto/core') itself. */\nexport type A = 1;`);
  expect(unresolvableTypes(folder)).toEqual([]);
});

test.each([
  `export type { A } from '@casto/core';`,
  `export * from "@casto/host";`,
  `export declare const a: import('@casto/core').A;`,
  `import '@casto/core';`,
  `export * from 'undeclared';`,
])('found behind the entry: %s', (line) => {
  write(ENTRY, `export * from './a.js';`);
  write('dist/types/src/a.d.ts', `export * from './deep/b.ts';`);
  write('dist/types/src/deep/b.d.ts', line);
  expect(unresolvableTypes(folder)).toEqual([expect.stringContaining('deep/b.d.ts imports')]);
});

test('every door is looked behind, and peers count as published', () => {
  const exports = { '.': { types: `./${ENTRY}` }, './player': { types: './dist/types/src/player.d.ts' } };
  write('package.json', JSON.stringify({ name: 'casto', exports, peerDependencies: { react: '*' } }));
  write(ENTRY, `export * from 'react';`);
  write('dist/types/src/player.d.ts', `export * from 'libp2p';`);
  expect(unresolvableTypes(folder)).toEqual(['dist/types/src/player.d.ts imports libp2p']);
});

test('a door without types is a problem of its own', () => {
  const exports = { '.': { types: `./${ENTRY}` }, './player': { default: './dist/player.js' } };
  write('package.json', JSON.stringify({ name: 'casto', exports }));
  expect(unresolvableTypes(folder)).toEqual([expect.stringContaining('no types for "./player"')]);
});

test('what the entry does not reach does not matter', () => {
  write(ENTRY, 'export type A = 1;');
  write('dist/types/src/inner.d.ts', `export * from '@casto/core';`);
  expect(unresolvableTypes(folder)).toEqual([]);
});

test('a missing declaration is a problem of its own', () => {
  write(ENTRY, `export * from './gone.js';`);
  expect(unresolvableTypes(folder)).toEqual(['dist/types/src/gone.d.ts is missing']);
});
