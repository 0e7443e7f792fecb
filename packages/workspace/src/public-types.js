/** The declarations that a published package shows must not lean on what is not published with it. */

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

import { isRecord, readJson } from './json-file.js';

/** Imports, re-exports and import types, as the compiler prints them: always with quotes, never computed. */
const SPECIFIER = /\b(?:from|import)\s*\(?\s*(['"])(.+?)\1/g;

/**
 * Walks the declarations from the one that package.json names.
 *
 * @param {string} folder - The package's.
 * @returns {string[]} One line for each import that a user of the package could not resolve.
 */
export function unresolvableTypes(folder) {
  const manifest = readJson(join(folder, 'package.json'));
  if (!isRecord(manifest)) return [`${folder} has no package.json`];
  const entry = typesEntry(manifest);
  if (entry === null) return [`${folder}/package.json names no types for "."`];

  const published = [String(manifest['name']), ...Object.keys(manifest['dependencies'] ?? {})];
  const problems = [];
  const files = new Set([resolve(folder, entry)]);
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
 * @returns {string | null}
 */
function typesEntry({ exports }) {
  const door = isRecord(exports) ? exports['.'] : null;
  const types = isRecord(door) ? door['types'] : null;
  return typeof types === 'string' ? types : null;
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
