import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const REPOSITORY = resolve(import.meta.dirname, '../../..');

/** A repository in miniature, with the names and dependencies that the rules look at. */
const MANIFESTS: Record<string, object> = {
  '.': { name: 'casto-workspace', devDependencies: { vitest: '*' } },
  'packages/core': { name: '@casto/core', dependencies: { cborg: '*', leftpad: '*' } },
  'packages/host': { name: '@casto/host', dependencies: { libp2p: '*' } },
  'packages/browser': { name: 'casto', devDependencies: { 'idb-keyval': '*' } },
  'packages/react': { name: '@casto/react', peerDependencies: { react: '*' } },
  'packages/nodejs': { name: '@casto/nodejs', dependencies: { 'node-datachannel': '*' } },
  'packages/stray': { name: '@casto/stray' },
  demo: { name: 'casto-demo', devDependencies: { preact: '*' } },
  'relay-node': { name: 'casto-relay', devDependencies: { mrmime: '*' } },
  test: { name: 'casto-test' },
};

const DIRECTION = 'casto(import-direction)';
const DETERMINISTIC = 'casto(deterministic)';

/** Folder, code, and the rule that must reject it; `null` when the code is in order. */
type Snippet = readonly [folder: string, code: string, rule: string | null];

const IMPORTS: readonly Snippet[] = [
  ['packages/core/src', `export { encode } from 'cborg';`, null],
  ['packages/core/src', `export { pad } from 'leftpad';`, DIRECTION],
  ['packages/core/src', `export { join } from 'node:path';`, DIRECTION],
  ['packages/core/src', `export { join } from 'path';`, DIRECTION],
  ['packages/core/src', `export * from '@casto/host';`, DIRECTION],
  ['packages/core/src', `import type { A } from '@casto/host';\nexport type B = A;`, DIRECTION],
  ['packages/core/src', `export type C = import('@casto/host').A;`, DIRECTION],
  ['packages/core/src', `export const load = () => import('@casto/host');`, DIRECTION],
  ['packages/core/src', `export * from '../../host/src/index.ts';`, DIRECTION],
  ['packages/core/test', `export { test } from 'vitest';\nexport { join } from 'node:path';`, null],
  ['packages/core/test', `import '@casto/host';`, DIRECTION],
  ['packages/host/src', `export * from '@casto/core';\nexport * from 'libp2p';`, null],
  ['packages/host/src', `export * from 'casto';`, DIRECTION],
  ['packages/host/src', `export * from '@casto/nodejs';`, DIRECTION],
  ['packages/host/src', `export * from '@libp2p/undeclared';`, DIRECTION],
  ['packages/host/src/conformance', `export { test } from 'vitest';`, null],
  ['packages/browser/src', `export * from '@casto/core';\nexport * from '@casto/host';`, null],
  ['packages/browser/src', `export { hub } from './hub.ts?worker&inline';`, null],
  ['packages/browser/src', `export * from '@casto/nodejs';`, DIRECTION],
  ['packages/browser/src', `export { join } from 'node:path';`, DIRECTION],
  ['packages/react/src', `export * from 'casto/player';\nexport * from 'react';`, null],
  ['packages/react/src', `export * from '@casto/host';`, DIRECTION],
  ['packages/react/src', `export * from 'react-dom';`, DIRECTION],
  ['packages/browser/src', `export * from '@casto/react';`, DIRECTION],
  ['packages/nodejs/src', `export * from '@casto/host';\nexport { join } from 'node:path';`, null],
  ['packages/nodejs/src', `export * from 'casto';`, DIRECTION],
  ['packages/nodejs/src', `export const p = import.meta.resolve('casto');`, DIRECTION],
  ['packages/stray/src', `export * from '@casto/core';`, DIRECTION],
  ['demo/src', `export * from 'casto';`, null],
  ['demo/src', `export * from '@casto/host';`, DIRECTION],
  ['demo/src', `export * from 'preact';`, DIRECTION],
  ['relay-node/src', `export * from '@casto/nodejs';\nexport * from 'mrmime';`, null],
  ['relay-node/src', `export * from '@casto/core';`, DIRECTION],
  ['relay-node/src', `export * from 'casto-test';`, DIRECTION],
  ['test/links', `export * from '../../packages/host/src/index.ts';\nexport * from '@casto/nodejs';`, null],
];

const IMPURE = [
  'Date.now()',
  'new Date()',
  'performance.now()',
  'globalThis.setTimeout',
  'setTimeout(() => {}, 1)',
  'setInterval(() => {}, 1)',
  'queueMicrotask(() => {})',
  'console.log(1)',
  "fetch('/')",
  'crypto.getRandomValues(new Uint8Array(1))',
  'Math.random()',
  'Math.exp(1)',
  'Math.pow(2, 3)',
  'Math.log(2)',
  'Math.sin(1)',
  'Math.cos(1)',
  'Math.tan(1)',
  "Math['random']()",
  '[1].map(Math.exp)',
  '(({ random }) => random())(Math)',
  'Number(1.5) ** 0.5',
  "'a'.localeCompare('b')",
  'new Intl.NumberFormat()',
  '(1).toLocaleString()',
  "'i'.toLocaleUpperCase()",
  'new WeakRef({})',
];

const PURE = [
  'Math.sqrt(2) + Math.floor(1.5) + Math.imul(3, 4) + Math.max(1, 2)',
  '2 ** 32',
  '((Date: number) => Date + 1)(2)',
];

const HOUSE_RULES: readonly Snippet[] = [
  ['packages/host/src', `export default 1;`, 'import(no-default-export)'],
  ['packages/host/src', `export const a = (b: any): number => Number(b);`, 'typescript(no-explicit-any)'],
  ['packages/host/src', `export const a = (b?: string) => b!.length;`, 'typescript(no-non-null-assertion)'],
  [
    'packages/host/src',
    `export const a = (b: unknown) => (b as string).length;`,
    'typescript(no-unsafe-type-assertion)',
  ],
  [
    'packages/host/src',
    `export const go = async (): Promise<void> => {};\nexport const a = () => {\n  go();\n};`,
    'typescript(no-floating-promises)',
  ],
  ['packages/host/src', `// @ts-ignore\nexport const a: string = 1;`, 'typescript(ban-ts-comment)'],
];

const CASES: readonly Snippet[] = [
  ...IMPORTS,
  ...IMPURE.map((code): Snippet => ['packages/core/src', `export const a = ${code};`, DETERMINISTIC]),
  ...PURE.map((code): Snippet => ['packages/core/src', `export const a = ${code};`, null]),
  ['packages/host/src', `export const a = Math.random() + Date.now();`, null],
  ...HOUSE_RULES,
];

let folder = '';
let found: ReadonlyMap<string, readonly string[]> = new Map();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'casto-lint-'));
  await writeRepository(folder);
  found = await lint(folder);
}, 60_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

const NAMED = CASES.map((snippet, index) => ({ name: `${snippet[0]}: ${snippet[1]}`, snippet, index }));

describe('lint', () => {
  test.each(NAMED.filter(({ snippet }) => snippet[2] !== null))('rejects $name', ({ snippet, index }) => {
    expect(found.get(fileOf(snippet, index))).toContain(snippet[2]);
  });

  test.each(NAMED.filter(({ snippet }) => snippet[2] === null))('accepts $name', ({ snippet, index }) => {
    expect(found.get(fileOf(snippet, index))).toBeUndefined();
  });

  test('a config file may have a default export', () => {
    expect(found.get('packages/host/vite.config.ts')).toBeUndefined();
  });
});

function fileOf([inside]: Snippet, index: number): string {
  return `${inside}/snippet-${index}${inside.endsWith('/test') ? '.test' : ''}.ts`;
}

async function writeRepository(root: string): Promise<void> {
  for (const [inside, manifest] of Object.entries(MANIFESTS)) {
    await write(join(root, inside, 'package.json'), JSON.stringify(manifest));
  }
  await write(
    join(root, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: { strict: true, module: 'nodenext', noEmit: true },
      include: ['**/*.ts'],
    }),
  );
  await write(join(root, '.oxlintrc.json'), await configuration());
  await write(join(root, 'packages/host/vite.config.ts'), 'export default {};\n');
  await Promise.all(
    CASES.map((snippet, index) => write(join(root, fileOf(snippet, index)), `${snippet[1]}\n`)),
  );
}

/** The repository's own configuration; its plugin is named by an absolute path, because it stays where it is. */
async function configuration(): Promise<string> {
  const text = await readFile(join(REPOSITORY, '.oxlintrc.json'), 'utf8');
  return text.replace('"./packages/', `"${REPOSITORY.replaceAll('\\', '/')}/packages/`);
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

/** Runs the linter once; answers with the rules that spoke up, by file. */
async function lint(root: string): Promise<Map<string, string[]>> {
  const oxlint = join(REPOSITORY, 'node_modules/oxlint/bin/oxlint');
  const output = await new Promise<string>((done) => {
    const args = [oxlint, '--type-aware', '--deny-warnings', '--format=json'];
    execFile(process.execPath, args, { cwd: root, maxBuffer: 2 ** 24 }, (_error, stdout) => done(stdout));
  });
  const report = JSON.parse(output) as { diagnostics: { filename: string; code: string }[] };
  const rules = new Map<string, string[]>();
  for (const { filename, code } of report.diagnostics) {
    const file = filename.replaceAll('\\', '/');
    rules.set(file, [...(rules.get(file) ?? []), code]);
  }
  return rules;
}
