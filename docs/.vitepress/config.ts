import { defineConfig } from 'vitepress';

import { inlinePictures } from './inline-pictures.ts';
import { repositoryLinks } from './repository-links.ts';
import { sidebar } from './sidebar.ts';
import { slugOf } from './slug.ts';

// vitepress reads its configuration from a default export.
export default defineConfig({
  title: 'CASTO',
  description: 'Live video for web pages, passed on by those who watch it.',
  lang: 'en',
  // The folder of a server that the site is put into, such as /docs/.
  base: process.env['CASTO_DOCS_BASE'] ?? '/',
  srcExclude: ['examples/**', 'node_modules/**'],
  rewrites: { 'decisions/README.md': 'decisions/index.md' },
  markdown: {
    anchor: { slugify: slugOf },
    config: (markdown) => {
      markdown.use(repositoryLinks);
      markdown.use(inlinePictures);
    },
  },
  head: [
    [
      'link',
      { rel: 'icon', href: `${process.env['CASTO_DOCS_BASE'] ?? '/'}casto.svg`, type: 'image/svg+xml' },
    ],
  ],
  themeConfig: {
    logo: '/casto.svg',
    search: { provider: 'local' },
    sidebar: sidebar(),
    nav: [
      { text: 'Quick start', link: '/quick-start' },
      { text: 'Guides', link: '/guides/broadcast' },
      { text: 'Reference', link: '/reference/casto' },
    ],
    outline: { level: [2, 3] },
    footer: { message: 'MIT license' },
  },
});
