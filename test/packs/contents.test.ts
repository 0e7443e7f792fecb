/** What each tarball holds: all that its users need, and nothing else. */

import { readFileSync } from 'node:fs';

import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { LIBRARY_NAMES, makeTarballs, PUBLISHED_NAMES, type Tarball, type Tarballs } from './tarballs.ts';

/** Everything else in a tarball is a mistake. */
const EXPECTED = [
  /^(?:package\.json|README\.md|CHANGELOG\.md|LICENSE)$/,
  // Code, and the notices of what is bundled with it.
  /^dist\/(?:[\w-]+\/)*[\w.-]+\.js$/,
  /^dist\/(?:public\/)?licenses\.md$/,
  /^dist\/types\/src\/(?:[\w-]+\/)*[\w-]+\.d\.ts$/,
  // Pages that the relay serves.
  /^dist\/public\/(?:[\w-]+\/)*[\w.-]+\.(?:html|css|svg|png|webp|ico|webmanifest)$/,
];
const UNWANTED = /\.test\.|\btest\/|\bbench\/|\.map$|tsbuildinfo/;

/** For people who import it as an ES module: what TypeScript makes of `require` does not matter. */
const RESOLUTIONS = ['node16-esm', 'bundler'];

/** With the types, when they are stale. */
const PACK_WITHIN_MS = 180_000;

let tarballs: Tarballs;

beforeAll(async () => {
  tarballs = await makeTarballs();
}, PACK_WITHIN_MS);

afterAll(() => tarballs?.remove());

function tarballOf(name: string): Tarball {
  const tarball = tarballs.all.find((one) => one.name === name);
  if (tarball === undefined) throw new Error(`${name} was not packed`);
  return tarball;
}

test('four packages are published, and the instructions name each', () => {
  expect(PUBLISHED_NAMES.toSorted()).toEqual(['@casto/nodejs', '@casto/react', 'casto', 'casto-relay']);
  for (const path of ['CONTRIBUTING.md', 'docs/decisions/publishing.md']) {
    const text = readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
    expect(
      PUBLISHED_NAMES.filter((name) => !text.includes(`\`${name}\``)),
      path,
    ).toEqual([]);
  }
});

describe.each(PUBLISHED_NAMES)('%s', (name) => {
  test('holds what its users need, and nothing else', () => {
    const paths = [...tarballOf(name).files.keys()];
    expect(paths).toEqual(
      expect.arrayContaining(['package.json', 'README.md', 'CHANGELOG.md', 'LICENSE', 'dist/licenses.md']),
    );
    const unexpected = paths.filter(
      (path) => UNWANTED.test(path) || !EXPECTED.some((pattern) => pattern.test(path)),
    );
    expect(unexpected).toEqual([]);
  });

  test('says what it is, and depends on published packages alone', () => {
    const { manifest } = tarballOf(name);
    expect(manifest).toMatchObject({
      name,
      license: 'MIT',
      type: 'module',
      publishConfig: { access: 'public', provenance: true },
      version: tarballOf('casto').manifest['version'],
    });
    expect(String(manifest['description']).length).toBeGreaterThan(20);
    expect((manifest['keywords'] as string[]).length).toBeGreaterThan(3);
    expect(manifest).not.toHaveProperty('devDependencies');
    expect(manifest).not.toHaveProperty('scripts');
    expect(JSON.stringify(manifest)).not.toContain('casto-source');
    const needed = Object.keys(manifest['dependencies'] ?? {});
    const ours = needed.filter((one) => one.startsWith('@casto/') || one.startsWith('casto'));
    expect(PUBLISHED_NAMES).toEqual(expect.arrayContaining(ours));
    // What runs in Node says which one it needs.
    if ('bin' in manifest || needed.includes('node-datachannel'))
      expect(manifest).toHaveProperty('engines.node');
  });

  test('its documents link to nothing outside of it', () => {
    const { files } = tarballOf(name);
    for (const document of ['README.md', 'CHANGELOG.md']) {
      const links = [...String(files.get(document)).matchAll(/\]\(([^)\s]+)/g)].map(([, href = '']) => href);
      const elsewhere = links
        .filter((href) => !/^(?:https?:\/\/|#)/.test(href))
        .filter((href) => !files.has(href.replace(/#.*$/, '')));
      expect(elsewhere, document).toEqual([]);
    }
  });

  test('publint has nothing to say', async () => {
    const { bytes } = tarballOf(name);
    const tarball = Uint8Array.from(bytes).buffer;
    const { messages, pkg } = await publint({ pack: { tarball }, strict: true });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });
});

test('the README of casto names every option', () => {
  const { files } = tarballOf('casto');
  const declared = String(files.get('dist/types/src/options.d.ts'));
  const [, body = ''] = /interface CastoOptions \{([^]*?)^\}/m.exec(declared) ?? [];
  const options = [...body.matchAll(/^ {4}(\w+)\?:/gm)].map(([, option = '']) => option);
  expect(options).toEqual(expect.arrayContaining(['channel', 'relays', 'signal']));
  const readme = String(files.get('README.md'));
  expect(options.filter((option) => !readme.includes(`| \`${option}\``))).toEqual([]);
});

test.each(LIBRARY_NAMES)('the types of %s are found, and are right', async (name) => {
  const { bytes } = tarballOf(name);
  const result = await checkPackage(createPackageFromTarballData(Uint8Array.from(bytes)));
  if (result.types === false) throw new Error('no types at all');
  expect(Object.keys(result.entrypoints)).toContain('.');
  const problems = result.problems.filter(
    (problem) => !('resolutionKind' in problem) || RESOLUTIONS.includes(problem.resolutionKind),
  );
  expect(problems).toEqual([]);
});
