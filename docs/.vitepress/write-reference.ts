/**
 * Writes docs/reference: what is made from other files of the repository. The API from the docstrings of the packages,
 * the other pages from Markdown beside the sources that they describe.
 */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Application, type TypeDocOptions } from 'typedoc';
import type { PluginOptions } from 'typedoc-plugin-markdown';

import { API_PAGES, type ApiPage } from './api-packages.ts';
import { inRoot } from './repository.ts';
import { PAGES_FROM_ELSEWHERE } from './site-links.ts';
import { slugOf } from './slug.ts';

const FOLDER = inRoot('docs/reference');
/** Where the API of one entry point lands, named by the option `entryFileName`. */
const ENTRY = 'entry';

const STYLE: Partial<TypeDocOptions & PluginOptions> = {
  plugin: ['typedoc-plugin-markdown'],
  // The packages' own have references, for which it would need what they are compiled to.
  tsconfig: inRoot('docs/.vitepress/tsconfig.reference.json'),
  router: 'module',
  entryFileName: ENTRY,
  readme: 'none',
  hidePageHeader: true,
  hideBreadcrumbs: true,
  hidePageTitle: true,
  disableSources: true,
  githubPages: false,
  useCodeBlocks: true,
  excludePrivate: true,
  excludeInternal: true,
  // What a class has from EventTarget and Error is described elsewhere.
  excludeExternals: true,
  sort: ['kind', 'source-order'],
  parametersFormat: 'table',
  interfacePropertiesFormat: 'table',
  classPropertiesFormat: 'table',
  typeDeclarationFormat: 'table',
  typeAliasPropertiesFormat: 'table',
  // The sources were checked by the compiler that they are written for; this one is older.
  skipErrorChecking: true,
  treatWarningsAsErrors: false,
  logLevel: 'Warn',
};

rmSync(FOLDER, { recursive: true, force: true });
mkdirSync(FOLDER, { recursive: true });
for (const [path, page] of PAGES_FROM_ELSEWHERE) {
  if (page.startsWith('/reference/')) copyPage(path, inRoot(`docs${page}`));
}
for (const page of API_PAGES) await describe(page);

/** @param path - In the repository. Its links are followed from there (repository-links.ts). */
function copyPage(path: string, target: string): void {
  const text = readFileSync(inRoot(path), 'utf8');
  writeFileSync(target, `---\nsource: ${path}\noutline: [2, 3]\n---\n\n${text}`);
}

/** @throws When typedoc finds nothing to describe. */
async function describe({ page, title, entryPoint }: ApiPage): Promise<void> {
  const output = mkdtempSync(join(tmpdir(), 'casto-reference-'));
  try {
    const outputs = [{ name: 'markdown', path: output }];
    const app = await Application.bootstrapWithPlugins({ ...STYLE, entryPoints: [entryPoint], outputs });
    const project = await app.convert();
    if (project === undefined) throw new Error(`typedoc could not read ${entryPoint}`);
    await app.generateOutputs(project);
    const text = readFileSync(join(output, `${ENTRY}.md`), 'utf8');
    writeFileSync(
      join(FOLDER, `${page}.md`),
      `---\noutline: [2, 3]\n---\n\n# API of ${title}\n\n${withAnchors(text)}`,
    );
  } finally {
    rmSync(output, { recursive: true, force: true });
  }
}

/** The plugin takes `CastoStats` and the method `stats` of `CASTO` for headings of one name, and numbers the second one. */
function withAnchors(text: string): string {
  const slugs = new Set([...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => slugOf(heading)));
  return text.replaceAll(/\]\(#([\w-]+)-\d+\)/g, (link, slug: string) =>
    slugs.has(slug) && !slugs.has(link.slice(3, -1)) ? `](#${slug})` : link,
  );
}
