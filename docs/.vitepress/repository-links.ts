/** Turns the links of Markdown files into those of the site. What is no page of it is named, but not linked. */

import { existsSync } from 'node:fs';
import { posix, relative, sep } from 'node:path';
import type MarkdownIt from 'markdown-it';

import { inRoot, ROOT } from './repository.ts';
import { siteLink } from './site-links.ts';

/** What vitepress tells of the page that is rendered. */
interface PageEnv {
  readonly path?: string;
  readonly realPath?: string;
  /** `source`: the file that a generated page was made from. */
  readonly frontmatter?: { readonly source?: unknown };
}

type Token = ReturnType<MarkdownIt['parse']>[number];

export function repositoryLinks(markdown: MarkdownIt): void {
  markdown.core.ruler.push('repository-links', ({ tokens, env }: { tokens: Token[]; env: PageEnv }) => {
    const source = sourceOf(env);
    if (source === null) return;
    for (const { children } of tokens) if (children !== null) rewrite(children, source);
  });
}

/** The Markdown file by its path in the repository; `null` for text that is no file, as in search results. */
function sourceOf({ path, realPath, frontmatter }: PageEnv): string | null {
  if (typeof frontmatter?.source === 'string') return frontmatter.source;
  const file = realPath ?? path;
  return file === undefined ? null : relative(ROOT, file).split(sep).join(posix.sep);
}

/** @throws When a link leads nowhere: that ends the build. */
function rewrite(tokens: readonly Token[], source: string): void {
  let isFile = false;
  for (const token of tokens) {
    if (token.type === 'link_open') {
      const href = token.attrGet('href') ?? '';
      const link = siteLink(href, source);
      isFile = link.kind === 'file';
      if (link.kind === 'page') token.attrSet('href', link.href);
      if (link.kind !== 'file') continue;
      if (!existsSync(inRoot(link.path))) throw new Error(`${source}: dead link ${href}`);
      token.tag = 'span';
      token.attrs = [
        ['class', 'repository-file'],
        ['title', `${link.path} in the repository`],
      ];
    } else if (token.type === 'link_close' && isFile) {
      token.tag = 'span';
      isFile = false;
    }
  }
}
