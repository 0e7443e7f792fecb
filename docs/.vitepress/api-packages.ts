/** The packages whose API is described on the site, and where what they export comes from. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { inRoot } from './repository.ts';

export interface ApiPage {
  /** The page's name below /reference/. */
  readonly page: string;
  /** What an import statement names. */
  readonly title: string;
  /** The file that an import in this repository reaches. */
  readonly entryPoint: string;
}

const FOLDERS = ['packages/browser', 'packages/react', 'packages/nodejs'];
/** As in `exports` of a package.json: what sources are taken from. */
const CONDITION = 'casto-source';

/** One page for each entry of `exports` that is written in TypeScript. */
export const API_PAGES: readonly ApiPage[] = FOLDERS.flatMap((name) => {
  const folder = inRoot(name);
  if (!existsSync(join(folder, 'package.json'))) return [];
  const manifest: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return entriesOf(manifest).map(({ title, source }) => ({
    page: title.replace('@', '').replaceAll('/', '-'),
    title,
    entryPoint: join(folder, source),
  }));
});

function entriesOf(manifest: unknown): { title: string; source: string }[] {
  if (!isRecord(manifest) || !isRecord(manifest['exports'])) return [];
  return Object.entries(manifest['exports']).flatMap(([path, conditions]) => {
    const source = isRecord(conditions) ? conditions[CONDITION] : undefined;
    if (typeof source !== 'string' || !/\.tsx?$/.test(source)) return [];
    return [{ title: `${String(manifest['name'])}${path.slice(1)}`, source }];
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
