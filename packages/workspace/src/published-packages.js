/** The workspaces that go to the registry: all that do not say `"private": true`. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { isRecord, readJson } from './json-file.js';
import { inRoot } from './paths.js';
import { ToolFailure } from './tool-failure.js';

/**
 * @typedef {object} WorkspacePackage
 * @property {string} name
 * @property {string} path - Of its folder, below the repository's top folder.
 * @property {string} folder - The same, absolute.
 * @property {Record<string, unknown>} manifest - Its package.json.
 */

/** @returns {WorkspacePackage[]} */
export function publishedPackages() {
  return workspacePackages().filter(({ manifest }) => manifest['private'] !== true);
}

/**
 * @returns {WorkspacePackage[]} The private ones too.
 * @throws {ToolFailure} When the package.json at the top lists no workspaces.
 */
export function workspacePackages() {
  const root = readJson(inRoot('package.json'));
  const patterns = isRecord(root) ? root['workspaces'] : null;
  if (!Array.isArray(patterns)) throw new ToolFailure('package.json lists no workspaces');
  return patterns.flatMap((pattern) => foldersOf(String(pattern))).flatMap(packageAt);
}

/**
 * @param {string} pattern - A folder, or `folder/*`; no other patterns are in use.
 * @returns {string[]}
 */
function foldersOf(pattern) {
  if (!pattern.endsWith('/*')) return [pattern];
  const parent = pattern.slice(0, -2);
  return readdirSync(inRoot(parent))
    .toSorted()
    .map((name) => `${parent}/${name}`);
}

/**
 * @param {string} path
 * @returns {WorkspacePackage[]} None, where there is no package.json.
 */
function packageAt(path) {
  const folder = inRoot(path);
  const manifest = readJson(join(folder, 'package.json'));
  return isRecord(manifest) ? [{ name: String(manifest['name']), path, folder, manifest }] : [];
}
