/** The code in the pages, as its reader's compiler sees it. */

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import ts from 'typescript';
import { expect, test } from 'vitest';

import { codeIn } from './code-blocks.ts';

const DOCS = fileURLToPath(new URL('../', import.meta.url));
const PAGES = [
  ...readdirSync(`${DOCS}guides`)
    .filter((name) => name.endsWith('.md'))
    .map((name) => `guides/${name}`),
  'quick-start.md',
  'player.md',
];
/** The sources of the packages are read, and some of them are large; on a busy machine that takes a while. */
const COMPILE_WITHIN_MS = 120_000;

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ESNext,
  module: ts.ModuleKind.Preserve,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  customConditions: ['casto-source'],
  allowImportingTsExtensions: true,
  lib: ['lib.esnext.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
  types: [],
  jsx: ts.JsxEmit.ReactJSX,
  strict: true,
  noEmit: true,
  skipLibCheck: true,
};

interface Block {
  readonly page: string;
  readonly line: number;
  readonly code: string;
}

test(
  'the code in the guides compiles under strict',
  () => {
    const blocks = new Map<string, Block>(
      PAGES.flatMap((page) =>
        codeIn(readFileSync(`${DOCS}${page}`, 'utf8')).map(
          // Beside the page, where its imports are found.
          ({ code, extension, line }) =>
            [`${DOCS}${page}.${line}.${extension}`, { page, line, code }] as const,
        ),
      ),
    );
    expect(blocks.size).toBeGreaterThan(20);
    expect(complaints(blocks)).toEqual([]);
  },
  COMPILE_WITHIN_MS,
);

/** @param blocks - By the paths of files that exist in the compiler's eyes alone. */
function complaints(blocks: ReadonlyMap<string, Block>): string[] {
  const host = ts.createCompilerHost(OPTIONS);
  host.readFile = (path) => blocks.get(path)?.code ?? ts.sys.readFile(path);
  host.fileExists = (path) => blocks.has(path) || ts.sys.fileExists(path);
  const program = ts.createProgram([...blocks.keys(), `${DOCS}test/page-globals.d.ts`], OPTIONS, host);
  return [...blocks].flatMap(([path, { page, line }]) => {
    const file = program.getSourceFile(path);
    if (file === undefined) throw new Error(`${path} was not compiled`);
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(
      ({ start = 0, messageText }) => {
        const at = line + file.getLineAndCharacterOfPosition(start).line;
        return `${page}:${at} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
      },
    );
  });
}
