/**
 * Where a link of a Markdown file leads on the site. Pages link to each other and to the sources by relative paths, as
 * they are followed on a disk and on GitHub.
 */

import { posix } from 'node:path';

/**
 * Files outside docs/ that are pages of the site, by their path in the repository. Those below /reference/ are copied
 * (write-reference.ts); of the others the page says the same at more length.
 */
export const PAGES_FROM_ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ['README.md', '/index.md'],
  ['CONTRIBUTING.md', '/reference/contributing.md'],
  ['packages/core/PROTOCOL.md', '/reference/protocol.md'],
  ['packages/react/README.md', '/guides/react.md'],
  ['relay-node/README.md', '/reference/casto-relay.md'],
]);

const INDEX_OF_FOLDER: ReadonlyMap<string, string> = new Map([
  ['docs/decisions', '/decisions/index.md'],
  ['docs/decisions/README.md', '/decisions/index.md'],
]);

export type SiteLink =
  /** Another site, or the same page: left as it is. */
  | { kind: 'as-it-is' }
  /** A page of the site, with its anchor. */
  | { kind: 'page'; href: string }
  /** A file of the repository that is no page. */
  | { kind: 'file'; path: string };

/**
 * @param href - As it stands in the Markdown.
 * @param source - The Markdown file, by its path in the repository.
 */
export function siteLink(href: string, source: string): SiteLink {
  if (/^(?:[a-z][a-z\d+.-]*:|\/|#)/i.test(href)) return { kind: 'as-it-is' };
  const [target = '', anchor] = href.split('#');
  const hash = anchor === undefined ? '' : `#${anchor}`;
  const path = posix.join(posix.dirname(source), decodeURI(target)).replace(/\/$/, '');
  const page = PAGES_FROM_ELSEWHERE.get(path) ?? INDEX_OF_FOLDER.get(path);
  if (page !== undefined) return { kind: 'page', href: page + hash };
  if (path.startsWith('docs/') && path.endsWith('.md')) {
    return { kind: 'page', href: path.slice('docs'.length) + hash };
  }
  return { kind: 'file', path };
}
