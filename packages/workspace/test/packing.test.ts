import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { pack, publishedManifest } from '../src/packing.js';

const MANIFEST = {
  name: 'one',
  version: '1.0.0',
  exports: {
    '.': { 'casto-source': './src/index.ts', types: './dist/index.d.ts', default: './dist/index.js' },
    './style.css': './dist/style.css',
    './inner/*': './src/inner/*.ts',
  },
  files: ['dist', '!dist/**/*.tsbuildinfo'],
  scripts: { bench: 'node bench.ts' },
  dependencies: { libp2p: '*' },
  devDependencies: { '@casto/core': '1.0.0' },
};

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'casto-packing-'));
  write('one/package.json', JSON.stringify(MANIFEST));
  write('one/README.md', '# one');
  write('one/src/index.ts', '');
  write('one/dist/index.js', '');
  write('one/dist/index.d.ts', `export * from './shown.ts';`);
  write('one/dist/shown.d.ts', 'export {};');
  write('one/dist/inner.d.ts', `export * from '@casto/core';`);
  write('one/dist/a.tsbuildinfo', '');
});

afterEach(() => rmSync(folder, { recursive: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

const packOne = (): Promise<string> =>
  pack({ name: 'one', path: 'one', folder: join(folder, 'one'), manifest: MANIFEST }, folder);

test('a tarball holds what package.json lists, without declarations that nobody can reach', async () => {
  write('one/dist/style.css', '');
  const listed = execFileSync('tar', ['-tzf', await packOne()], { encoding: 'utf8' });
  expect(listed.trim().split('\n').toSorted()).toEqual([
    'package/README.md',
    'package/dist/index.d.ts',
    'package/dist/index.js',
    'package/dist/shown.d.ts',
    'package/dist/style.css',
    'package/package.json',
  ]);
});

test('a file that package.json promises must be there', async () => {
  await expect(packOne()).rejects.toThrow('one has no dist/style.css');
});

test('what serves the repository alone is not published', () => {
  expect(publishedManifest(MANIFEST)).toEqual({
    name: 'one',
    version: '1.0.0',
    exports: {
      '.': { types: './dist/index.d.ts', default: './dist/index.js' },
      './style.css': './dist/style.css',
    },
    files: ['dist', '!dist/**/*.tsbuildinfo'],
    dependencies: { libp2p: '*' },
  });
});
