/**
 * Makes the tarballs that go to the registry.
 *
 * Each is what `npm pack` takes, without what serves this repository alone: the condition under which its workspaces
 * import each other's sources, development dependencies and scripts, and declarations that no user can reach.
 */

import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { isRecord } from './json-file.js';
import { npmOutput } from './processes.js';
import { publicDeclarations } from './public-types.js';
import { ToolFailure } from './tool-failure.js';

/** Named by tsconfig.json and by the bundlers' settings; leads to sources, which are in no tarball. */
const SOURCE_CONDITION = 'casto-source';
/** Doors that lead there are for other workspaces alone. */
const SOURCES = './src/';
const UNPUBLISHED_FIELDS = ['devDependencies', 'scripts'];

/**
 * @param {import('./published-packages.js').WorkspacePackage} workspace - Built, with its types.
 * @param {string} destination - A folder.
 * @returns {Promise<string>} The tarball's path.
 * @throws {ToolFailure} When a file is missing that package.json promises, or npm fails.
 */
export async function pack({ name, folder, manifest }, destination) {
  const files = await packedFiles(folder, manifest);
  const promised = promisedFiles(manifest).find((path) => !files.includes(path));
  if (promised !== undefined) throw new ToolFailure(`${name} has no ${promised}; run npm run build first`);

  const staging = mkdtempSync(join(tmpdir(), 'casto-pack-'));
  try {
    for (const path of files) cpSync(join(folder, path), join(staging, path));
    writeFileSync(join(staging, 'package.json'), JSON.stringify(publishedManifest(manifest), null, 2) + '\n');
    const { filename } = await runPack(staging, ['--pack-destination', destination]);
    return join(destination, String(filename));
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/**
 * @param {Record<string, unknown>} manifest - A workspace's package.json.
 * @returns {Record<string, unknown>} The one that is published.
 */
export function publishedManifest(manifest) {
  const kept = Object.entries(manifest).filter(([field]) => !UNPUBLISHED_FIELDS.includes(field));
  return Object.fromEntries(
    kept.map(([field, value]) => [field, field === 'exports' ? withoutSources(value) : value]),
  );
}

/**
 * @param {unknown} exports - Conditions in conditions.
 * @returns {unknown}
 */
function withoutSources(exports) {
  if (!isRecord(exports)) return exports;
  const kept = Object.entries(exports).filter(
    ([condition, target]) => condition !== SOURCE_CONDITION && !String(target).startsWith(SOURCES),
  );
  return Object.fromEntries(kept.map(([condition, value]) => [condition, withoutSources(value)]));
}

/**
 * @param {string} folder
 * @param {Record<string, unknown>} manifest
 * @returns {Promise<string[]>}
 */
async function packedFiles(folder, manifest) {
  const { files } = await runPack(folder, ['--dry-run']);
  const declarations = publicDeclarations(folder, manifest);
  return (Array.isArray(files) ? files : [])
    .map((file) => String(isRecord(file) ? file['path'] : ''))
    .filter((path) => !path.endsWith('.d.ts') || declarations.has(path));
}

/**
 * @param {Record<string, unknown>} manifest
 * @returns {string[]} Paths in the package.
 */
function promisedFiles(manifest) {
  const { exports, bin } = publishedManifest(manifest);
  return [...targets(exports), ...targets(bin)].map((path) => path.replace(/^\.\//, ''));
}

/**
 * @param {unknown} value - A path, or an object with paths somewhere in it.
 * @returns {string[]}
 */
function targets(value) {
  if (typeof value === 'string') return value.includes('*') ? [] : [value];
  return isRecord(value) ? Object.values(value).flatMap(targets) : [];
}

/**
 * @param {string} folder
 * @param {readonly string[]} args
 * @returns {Promise<Record<string, unknown>>} What npm tells of the tarball.
 */
async function runPack(folder, args) {
  const text = await npmOutput(['pack', '--json', '--ignore-scripts', '--loglevel=error', ...args], {
    cwd: folder,
  });
  /** @type {unknown} */
  const told = JSON.parse(text);
  // A list in some versions of npm, by name in others.
  const [tarball] = isRecord(told) ? Object.values(told) : Array.isArray(told) ? told.filter(isRecord) : [];
  if (!isRecord(tarball)) throw new ToolFailure(`npm pack told nothing in ${folder}`);
  return tarball;
}
