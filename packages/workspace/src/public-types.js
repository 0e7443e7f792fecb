/** The declarations that a published package shows must not lean on what is not published with it. */

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';

import { isRecord, readJson } from './json-file.js';

/** Imports, re-exports and import types, as the compiler prints them: always with quotes, never computed. */
const SPECIFIER = /\b(?:from|import)\s*\(?\s*(['"])(.+?)\1/g;

/** What npm installs with a package, or asks its user for. */
const INSTALLED_WITH_IT = ['dependencies', 'peerDependencies'];

/**
 * Walks the declarations from those that package.json names.
 *
 * @param {string} folder - The package's.
 * @returns {string[]} One line for each import that a user of the package could not resolve.
 */
export function unresolvableTypes(folder) {
  const manifest = readJson(join(folder, 'package.json'));
  if (!isRecord(manifest)) return [`${folder} has no package.json`];
  const untyped = untypedDoors(manifest['exports']);
  if (untyped.length > 0) return untyped.map((door) => `${folder}/package.json names no types for "${door}"`);
  return walk(folder, manifest).problems;
}

/**
 * @param {string} folder - The package's.
 * @param {Record<string, unknown>} manifest - Its package.json.
 * @returns {Set<string>} The declarations that its users can reach, as paths in the package with slashes.
 */
export function publicDeclarations(folder, manifest) {
  return new Set(
    [...walk(folder, manifest).files].map((file) => relative(folder, file).replaceAll(sep, '/')),
  );
}

/**
 * @param {string} folder
 * @param {Record<string, unknown>} manifest
 */
function walk(folder, manifest) {
  const published = [
    String(manifest['name']),
    ...INSTALLED_WITH_IT.flatMap((field) => Object.keys(manifest[field] ?? {})),
  ];
  const problems = [];
  const files = new Set(typesEntries(manifest['exports']).map((entry) => resolve(folder, entry)));
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
  return { files, problems };
}

/**
 * @param {unknown} exports - Of a package.json.
 * @returns {string[]} The doors whose code has no types. A style sheet, say, has no conditions, and none.
 */
function untypedDoors(exports) {
  if (!isRecord(exports) || exports['.'] === undefined) return ['.'];
  return Object.keys(exports).filter((door) => {
    const target = exports[door];
    return door === '.' ? typesOf(target) === null : isRecord(target) && typesOf(target) === null;
  });
}

/**
 * @param {unknown} exports
 * @returns {string[]}
 */
function typesEntries(exports) {
  return Object.values(isRecord(exports) ? exports : {}).flatMap((door) => typesOf(door) ?? []);
}

/**
 * @param {unknown} door
 * @returns {string | null}
 */
function typesOf(door) {
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
