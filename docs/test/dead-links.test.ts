import { describe, expect, test } from 'vitest';

import { deadLinksOfSite, deadLinksOfSources } from '../.vitepress/dead-links.ts';

describe('in the sources', () => {
  test('a link to a file, a folder or a heading that is there is alive', () => {
    const files = new Map([
      ['README.md', '[a](docs/a.md) [b](docs) [c](docs/a.md#two-words) [d](#top) ![e](docs/e.svg)\n\n# Top'],
      ['docs/a.md', '## Two `words`!\n\n[up](../README.md#top)'],
      ['docs/e.svg', ''],
    ]);
    expect(deadLinksOfSources(files)).toEqual([]);
  });

  test('a missing file, heading or picture is found, with where it stands', () => {
    const files = new Map([
      ['README.md', '[a](gone.md) ![b](gone.svg)'],
      ['docs/a.md', '# There\n\n[c](#not-there) [d](../README.md#nowhere)'],
    ]);
    expect(deadLinksOfSources(files)).toEqual([
      { file: 'README.md', href: 'gone.md' },
      { file: 'README.md', href: 'gone.svg' },
      { file: 'docs/a.md', href: '#not-there' },
      { file: 'docs/a.md', href: '../README.md#nowhere' },
    ]);
  });

  test('the second of two equal headings has a number', () => {
    const text = '# Ports\n\n# Ports\n\n[a](#ports) [b](#ports-1) [c](#ports-2)';
    expect(deadLinksOfSources(new Map([['a.md', text]]))).toEqual([{ file: 'a.md', href: '#ports-2' }]);
  });

  test('links in code are none', () => {
    const text = '`[a](gone.md)`\n\n```md\n[b](gone.md)\n```';
    expect(deadLinksOfSources(new Map([['a.md', text]]))).toEqual([]);
  });
});

describe('in the built site', () => {
  const page = (body: string): string => `<html><body>${body}</body></html>`;

  test('pages are found with and without their ending, below the base', () => {
    const files = new Map([
      ['index.html', page('<a href="/docs/guides/a.html#x">a</a> <a href="/docs/guides/">b</a>')],
      ['guides/a.html', page('<h2 id="x">x</h2> <a href="../">up</a> <img src="/docs/p.svg">')],
      ['guides/index.html', page('<a href="a">a</a>')],
      ['p.svg', ''],
    ]);
    expect(deadLinksOfSite(files, '/docs/')).toEqual([]);
  });

  test('a missing page, anchor or file is found', () => {
    const files = new Map([
      [
        'index.html',
        page('<a href="/gone">a</a><a href="#gone">b</a><img src="gone.png"><a href="//x/y">c</a>'),
      ],
    ]);
    expect(deadLinksOfSite(files).map(({ href }) => href)).toEqual(['/gone', '#gone', 'gone.png']);
  });

  test('an address outside of the base is dead', () => {
    const files = new Map([['index.html', page('<a href="/index.html">a</a>')]]);
    expect(deadLinksOfSite(files, '/docs/')).toHaveLength(1);
  });
});
