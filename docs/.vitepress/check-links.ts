/**
 * Looks for dead links: in the built site (pages, files and anchors), and in every Markdown file of the repository, where
 * they are followed on a disk. Pages of other sites are not asked.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

import { deadLinksOfSite, deadLinksOfSources } from './dead-links.ts';
import { inRoot, ROOT } from './repository.ts';

const SITE = inRoot('docs/.vitepress/dist');
const NOT_OURS = new Set(['node_modules', 'dist', 'cache', '.git', '.casto', 'coverage', 'reference']);

const site = new Map(filesBelow(SITE, SITE).map((path) => [path, textOf(SITE, path)]));
const sources = new Map(filesBelow(ROOT, ROOT).map((path) => [path, textOf(ROOT, path)]));
const dead = [
  ...deadLinksOfSite(site, process.env['CASTO_DOCS_BASE'] ?? '/'),
  ...deadLinksOfSources(sources),
];
for (const { file, href } of dead) console.log(`${file}: dead link ${href}`);
process.exitCode = dead.length === 0 ? 0 : 1;

/** Paths with forward slashes, of files alone. */
function filesBelow(root: string, folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory())
      return folder === SITE || !NOT_OURS.has(entry.name) ? filesBelow(root, path) : [];
    return entry.isFile() ? [relative(root, path).split(sep).join('/')] : [];
  });
}

/** Of text that has links; of all others it counts only that they are there. */
function textOf(root: string, path: string): string {
  return /\.(?:html|md)$/.test(path) ? readFileSync(join(root, path), 'utf8') : '';
}
