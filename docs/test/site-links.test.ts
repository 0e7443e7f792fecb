import { expect, test } from 'vitest';

import { withoutColours } from '../.vitepress/inline-pictures.ts';
import { siteLink } from '../.vitepress/site-links.ts';
import { slugOf } from '../.vitepress/slug.ts';

test('a link between pages is one of the site', () => {
  expect(siteLink('../operating.md#dashboard', 'docs/guides/relay.md')).toEqual({
    kind: 'page',
    href: '/operating.md#dashboard',
  });
});

test('pages that come from elsewhere are linked where they are on the site', () => {
  expect(siteLink('../docs/operating.md', 'relay-node/README.md')).toEqual({
    kind: 'page',
    href: '/operating.md',
  });
  expect(siteLink('../relay-node/README.md#ports', 'docs/operating.md')).toEqual({
    kind: 'page',
    href: '/reference/casto-relay.md#ports',
  });
  expect(siteLink('decisions/', 'docs/benchmarks.md')).toEqual({ kind: 'page', href: '/decisions/index.md' });
});

test('a file of the repository is no page', () => {
  expect(siteLink('../relay-node/deploy', 'docs/operating.md')).toEqual({
    kind: 'file',
    path: 'relay-node/deploy',
  });
});

test.each(['https://example.org/a.md', '#ports', 'mailto:a@example.org', '/operating'])(
  '%s stays as it is',
  (href) => expect(siteLink(href, 'docs/faq.md')).toEqual({ kind: 'as-it-is' }),
);

test('headings have the anchors that GitHub gives them', () => {
  expect(slugOf('Half an hour of crowds: `npm run soak`')).toBe('half-an-hour-of-crowds-npm-run-soak');
  expect(slugOf('STUN & TURN')).toBe('stun--turn');
  expect(slugOf('1. Größe_x')).toBe('1-größe_x');
});

test('a drawing in a page has no style of its own', () => {
  const drawing = '<?xml version="1.0"?><svg>\n<style>.a { fill: red }</style>\n<g>\n</g></svg>\n';
  expect(withoutColours(drawing)).toBe('<svg><g></g></svg>');
});
