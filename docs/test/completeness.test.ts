/** What the pages must not forget. */

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { expect, test } from 'vitest';

import { sidebar } from '../.vitepress/sidebar.ts';

const DOCS = fileURLToPath(new URL('../', import.meta.url));

test('troubleshooting has a row for every reason that an error can have', () => {
  const source = readFileSync(`${DOCS}../packages/browser/src/errors.ts`, 'utf8');
  const union = /export type CastoErrorReason =([^;]*);/.exec(source)?.[1] ?? '';
  const reasons = [...union.matchAll(/\| '([\w-]+)'/g)].map(([, reason = '']) => reason);
  expect(reasons.length).toBeGreaterThan(5);
  const page = readFileSync(`${DOCS}guides/troubleshooting.md`, 'utf8');
  expect(reasons.filter((reason) => !page.includes(`| \`${reason}\``))).toEqual([]);
});

test('the guide to React names everything that @casto/react exports', () => {
  const source = readFileSync(`${DOCS}../packages/react/src/index.ts`, 'utf8');
  const exported = [...source.matchAll(/export \{([^}]*)\}/g)].flatMap(([, list = '']) =>
    list.split(',').map((name) => name.replace('type ', '').trim()),
  );
  expect(exported).toContain('useCasto');
  const guide = readFileSync(`${DOCS}guides/react.md`, 'utf8');
  expect(exported.filter((name) => !new RegExp(`\\b${name}\\b`).test(guide))).toEqual([]);
});

test('every page is in the sidebar', () => {
  const linked = linksBelow(sidebar());
  const pages = readdirSync(DOCS, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter(
      (path) => path.endsWith('.md') && !/^(?:reference|examples|node_modules)\/|^\.vitepress\//.test(path),
    )
    .map((path) => `/${path.replace(/\.md$/, '').replace(/(?:^index|README)$/, '')}`);
  expect(pages.filter((page) => page !== '/' && !linked.has(page))).toEqual([]);
});

interface Entry {
  link?: string;
  items?: Entry[];
}

function linksBelow(entries: readonly Entry[]): Set<string> {
  return new Set(entries.flatMap(({ link, items = [] }) => [...(link ? [link] : []), ...linksBelow(items)]));
}
