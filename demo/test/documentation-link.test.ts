import { expect, test } from 'vitest';

import { withDocumentationLink } from '../src/home/documentation-link.ts';

const PAGE = '<nav><a href="./">Here</a><!-- documentation --></nav>';

test('without an address there is no link', () => {
  expect(withDocumentationLink(PAGE, '')).toBe('<nav><a href="./">Here</a></nav>');
});

test.each(['https://docs.example.org/', 'http://docs.example.org/casto', '/docs/', './docs/', '../docs/'])(
  'the documentation at %s is one press away',
  (address) => {
    expect(withDocumentationLink(PAGE, address)).toContain(`<a href="${address}">Documentation</a></nav>`);
  },
);

test('an address stays inside its quotes, and is taken letter by letter', () => {
  expect(withDocumentationLink(PAGE, 'https://x.example/?a=1&b="$&')).toContain(
    'href="https://x.example/?a=1&amp;b=&quot;$&amp;"',
  );
});

test.each(['javascript:alert(1)', '//x.example/', 'docs', 'ftp://x.example'])('%s is refused', (address) => {
  expect(() => withDocumentationLink(PAGE, address)).toThrow(/CASTO_DOCS_URL/);
});
