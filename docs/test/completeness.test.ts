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
