/** What a release changes in the files of a package. */

import { isRecord } from './json-file.js';
import { ToolFailure } from './tool-failure.js';

const DEPENDENCY_FIELDS = ['dependencies', 'devDependencies', 'peerDependencies', 'optionalDependencies'];
const UNRELEASED = /^## Unreleased\n+/m;
const VERSION = /^(\d+)\.(\d+)\.(\d+)$/;

/** @param {string} text */
export function isVersion(text) {
  return VERSION.test(text);
}

/**
 * @param {string} version - Three numbers, like the other one.
 * @param {string} than
 */
export function isLater(version, than) {
  const [ours, theirs] = [numbers(version), numbers(than)];
  const at = ours.findIndex((number, i) => number !== theirs[i]);
  return at >= 0 && (ours[at] ?? 0) > (theirs[at] ?? 0);
}

/** @param {string} version */
function numbers(version) {
  return (VERSION.exec(version) ?? []).slice(1).map(Number);
}

/**
 * @param {string} text - A package.json.
 * @param {string} version
 * @param {readonly string[]} workspaces - Their versions are the same, wherever another one names them.
 * @returns {string}
 */
export function bumpManifest(text, version, workspaces) {
  /** @type {unknown} */
  const manifest = JSON.parse(text);
  if (!isRecord(manifest)) throw new ToolFailure('a package.json is no object');
  /** @type {Record<string, unknown>} */
  const bumped = { ...manifest, version };
  for (const field of DEPENDENCY_FIELDS) {
    const wanted = manifest[field];
    if (isRecord(wanted)) bumped[field] = bumpWanted(wanted, version, workspaces);
  }
  return JSON.stringify(bumped, null, 2) + '\n';
}

/**
 * @param {Record<string, unknown>} wanted - Version ranges by package.
 * @param {string} version
 * @param {readonly string[]} workspaces
 * @returns {Record<string, unknown>}
 */
function bumpWanted(wanted, version, workspaces) {
  const bumped = { ...wanted };
  for (const [name, range] of Object.entries(wanted)) {
    const sign = /^[\^~]?/.exec(String(range))?.[0] ?? '';
    if (workspaces.includes(name)) bumped[name] = sign + version;
  }
  return bumped;
}

/**
 * @param {string} text - A CHANGELOG.md.
 * @param {string} version
 * @param {string} date - Year, month and day.
 * @returns {string} With an empty Unreleased on top of the version.
 */
export function bumpChangelog(text, version, date) {
  if (!UNRELEASED.test(text)) throw new ToolFailure('a CHANGELOG.md has no heading "## Unreleased"');
  return text.replace(UNRELEASED, `## Unreleased\n\n## ${version} (${date})\n\n`);
}
