/** `npm run bump -- 0.2.0`: one version for all packages, and what is unreleased becomes that version's. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { bumpChangelog, bumpManifest, isLater, isVersion } from './bumping.js';
import { runNpm } from './processes.js';
import { publishedPackages, workspacePackages } from './published-packages.js';
import { runTool, ToolFailure } from './tool-failure.js';

await runTool(async () => {
  const [version = ''] = process.argv.slice(2);
  if (!isVersion(version)) throw new ToolFailure('say the version: npm run bump -- 0.2.0');
  const packages = workspacePackages();
  const notEarlier = packages.find(({ manifest }) => !isLater(version, String(manifest['version'])));
  if (notEarlier !== undefined)
    throw new ToolFailure(`${notEarlier.name} has version ${String(notEarlier.manifest['version'])} already`);

  const date = new Date().toISOString().slice(0, 10);
  const names = packages.map(({ name }) => name);
  // All are read before the first is written: a release is whole, or none.
  const changes = [
    ...publishedPackages().map(({ folder }) =>
      change(join(folder, 'CHANGELOG.md'), (text) => bumpChangelog(text, version, date)),
    ),
    ...packages.map(({ folder }) =>
      change(join(folder, 'package.json'), (text) => bumpManifest(text, version, names)),
    ),
  ];
  for (const { file, text } of changes) writeFileSync(file, text);
  // The lockfile holds the versions of workspaces as well.
  return runNpm(['install', '--package-lock-only', '--omit-lockfile-registry-resolved', '--no-audit']);
});

/**
 * @param {string} file
 * @param {(text: string) => string} edit
 */
function change(file, edit) {
  if (!existsSync(file)) throw new ToolFailure(`${file} is missing`);
  return { file, text: edit(readFileSync(file, 'utf8')) };
}
