/** Finds links that lead nowhere. */

import { posix } from 'node:path';
import MarkdownIt from 'markdown-it';

import { slugOf } from './slug.ts';

export interface DeadLink {
  /** Where it stands. */
  readonly file: string;
  readonly href: string;
}

/** Texts of files by their paths; of files without links the text may be empty. */
export type Files = ReadonlyMap<string, string>;

const ELSEWHERE = /^(?:[a-z][a-z\d+.-]*:|\/\/)/i;

/**
 * Of built pages, whose links are written out in HTML.
 *
 * @param base - The path that the site lies under, such as `/docs/`.
 */
export function deadLinksOfSite(files: Files, base = '/'): DeadLink[] {
  const anchors = new Map<string, Set<string>>();
  const pages = [...files].filter(([file]) => file.endsWith('.html'));
  for (const [file, html] of pages) anchors.set(file, new Set(attributes(html, 'id')));
  return pages.flatMap(([file, html]) =>
    [...attributes(html, 'href'), ...attributes(html, 'src')]
      .filter((href) => !ELSEWHERE.test(href))
      .filter((href) => !leadsSomewhere(href, file))
      .map((href) => ({ file, href })),
  );

  function leadsSomewhere(href: string, from: string): boolean {
    const [path = '', anchor = ''] = href.split('#');
    if (path.startsWith('/') && !path.startsWith(base)) return false;
    const target = path.startsWith('/') ? path.slice(base.length) : posix.join(posix.dirname(from), path);
    const file = path === '' ? from : fileAt(target);
    if (file === null) return false;
    return anchor === '' || anchors.get(file)?.has(decodeURIComponent(anchor)) === true;
  }

  function fileAt(target: string): string | null {
    const path = decodeURIComponent(target.split('?')[0] ?? '');
    const candidates = [path, `${path}.html`, posix.join(path, 'index.html')];
    return candidates.find((candidate) => files.has(candidate)) ?? null;
  }
}

/** Of Markdown files, as they are followed from one file to another. */
export function deadLinksOfSources(files: Files): DeadLink[] {
  const markdown = new MarkdownIt({ html: true });
  const folders = new Set([...files.keys()].flatMap(foldersAbove));
  const pages = [...files].filter(([file]) => file.endsWith('.md'));
  const anchors = new Map(pages.map(([file, text]) => [file, anchorsOf(markdown, text)]));
  return pages.flatMap(([file, text]) =>
    linksOf(markdown, text)
      .filter((href) => !ELSEWHERE.test(href) && !isGenerated(href))
      .filter((href) => !leadsSomewhere(href, file))
      .map((href) => ({ file, href })),
  );

  function leadsSomewhere(href: string, from: string): boolean {
    const [path = '', anchor = ''] = href.split('#');
    const target = path === '' ? from : posix.join(posix.dirname(from), decodeURI(path)).replace(/\/$/, '');
    if (folders.has(target)) return anchor === '';
    if (!files.has(target)) return false;
    return anchor === '' || anchors.get(target)?.has(decodeURIComponent(anchor)) === true;
  }
}

/** Pages that the build writes are followed on the site. */
function isGenerated(href: string): boolean {
  return /(?:^|\/)reference\//.test(href);
}

function attributes(html: string, name: string): string[] {
  const text = html.replaceAll(/<(script|style)\b[^>]*>[^]*?<\/\1>/g, '');
  return [...text.matchAll(new RegExp(`\\s${name}="([^"]*)"`, 'g'))].map(([, value = '']) =>
    value.replaceAll('&amp;', '&'),
  );
}

function linksOf(markdown: MarkdownIt, text: string): string[] {
  return markdown.parse(withoutFrontmatter(text), {}).flatMap(({ children }) =>
    (children ?? []).flatMap((token) => {
      const href = token.attrGet('href') ?? token.attrGet('src');
      return href === null ? [] : [href];
    }),
  );
}

/** Headings have anchors; of several with one text the later ones get a number behind it. */
function anchorsOf(markdown: MarkdownIt, text: string): Set<string> {
  const tokens = markdown.parse(withoutFrontmatter(text), {});
  const taken = new Map<string, number>();
  const anchors = new Set([...text.matchAll(/\bid="([^"]+)"/g)].map(([, id = '']) => id));
  for (const [index, token] of tokens.entries()) {
    if (token.type !== 'heading_open') continue;
    const words = (tokens[index + 1]?.children ?? [])
      .filter(({ type }) => type === 'text' || type === 'code_inline')
      .map(({ content }) => content)
      .join('');
    const slug = slugOf(words);
    const before = taken.get(slug) ?? 0;
    taken.set(slug, before + 1);
    anchors.add(before === 0 ? slug : `${slug}-${before}`);
  }
  return anchors;
}

function withoutFrontmatter(text: string): string {
  return text.replace(/^---\n[^]*?\n---\n/, '');
}

function foldersAbove(file: string): string[] {
  const parts = file.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}
