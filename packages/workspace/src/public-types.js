/** The declarations that a published package shows must not lean on what is not published with it. */

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

import { isRecord, readJson } from './json-file.js';

/** Imports, re-exports and import types, as the compiler prints them: always with quotes, never computed. */
const SPECIFIER = /\b(?:from|import)\s*\(?\s*(['"])(.+?)\1/g;

/**
 * Walks the declarations from those that package.json names.
 *
 * @param {string} folder - The package's.
 * @returns {string[]} One line for each import that a user of the package could not resolve.
 */
export function unresolvableTypes(folder) {
  const manifest = readJson(join(folder, 'package.json'));
  if (!isRecord(manifest)) return [`${folder} has no package.json`];
  const entries = typesEntries(manifest);
  const untyped = Object.keys(entries).find((door) => entries[door] === null);
  if (untyped !== undefined) return [`${folder}/package.json names no types for "${untyped}"`];

  const published = [
    String(manifest['name']),
    ...Object.keys(manifest['dependencies'] ?? {}),
    ...Object.keys(manifest['peerDependencies'] ?? {}),
  ];
  const problems = [];
  const files = new Set(Object.values(entries).map((entry) => resolve(folder, String(entry))));
  for (const file of files) {
    if (!existsSync(file)) {
      problems.push(`${relative(folder, file)} is missing`);
      continue;
    }
    for (const specifier of specifiers(file)) {
      if (specifier.startsWith('.')) files.add(declarationFile(file, specifier));
      else if (!isPublished(specifier, published))
        problems.push(`${relative(folder, file)} imports ${specifier}`);
    }
  }
  return problems;
}

/**
 * @param {Record<string, unknown>} manifest
 * @returns {Record<string, string | null>} The declarations behind each door; `null` where none are named.
 */
function typesEntries({ exports }) {
  const doors = isRecord(exports) ? exports : {};
  return Object.fromEntries(
    ['.', ...Object.keys(doors)].map((door) => {
      const types = isRecord(doors[door]) ? doors[door]['types'] : null;
      return [door, typeof types === 'string' ? types : null];
    }),
  );
}

/**
 * @param {string} file
 * @returns {string[]}
 */
function specifiers(file) {
  const code = readFileSync(file, 'utf8').replaceAll(/\/\*[^]*?\*\/|\/\/.*$/gm, '');
  return [...code.matchAll(SPECIFIER)].map(([, , specifier = '']) => specifier);
}

/**
 * @param {string} from
 * @param {string} specifier
 */
function declarationFile(from, specifier) {
  return join(dirname(from), specifier).replace(/(?:\.d)?\.[cm]?[jt]s$/, '') + '.d.ts';
}

/**
 * @param {string} specifier
 * @param {readonly string[]} published
 */
function isPublished(specifier, published) {
  return (
    specifier.startsWith('node:') ||
    published.some((name) => specifier === name || specifier.startsWith(`${name}/`))
  );
}
