import { existsSync, readdirSync, statSync, utimesSync } from 'node:fs';
import { cp, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';

import { inRoot } from './paths.js';
import { runInstalled, runNpm } from './processes.js';
import { progress, ToolFailure } from './tool-failure.js';

/**
 * @typedef {object} Target
 * @property {string} title - For the progress line.
 * @property {string} output - The file whose date stands for the whole.
 * @property {readonly string[]} sources - Files and folders it is made from.
 * @property {() => Promise<void>} make
 */

const SDK_SOURCES = ['packages/core/src', 'packages/host/src', 'packages/browser/src'];
const RELAY_SOURCES = ['packages/core/src', 'packages/host/src', 'packages/nodejs/src'];

/** In the order of their needs. @type {ReadonlyMap<string, Target>} */
export const TARGETS = new Map([
  [
    'sdk',
    {
      title: 'the browser SDK',
      output: 'packages/browser/dist/casto.js',
      sources: [...SDK_SOURCES, 'packages/browser/vite.config.ts'],
      make: async () => {
        await clear('packages/browser/dist', ['casto.js', 'casto-player.js', 'chunks']);
        await vite('packages/browser');
      },
    },
  ],
  [
    'demo',
    {
      title: 'the demo',
      output: 'demo/dist/index.html',
      sources: [
        'packages/browser/dist/casto.js',
        'demo/src',
        'demo/public',
        'demo/index.html',
        'demo/embed.html',
        'demo/vite.config.ts',
      ],
      make: () => vite('demo'),
    },
  ],
  [
    'react',
    {
      title: 'the React wrapper',
      output: 'packages/react/dist/index.js',
      sources: ['packages/react/src', 'packages/react/package.json', 'packages/react/vite.config.ts'],
      make: async () => {
        await clear('packages/react/dist', ['index.js', 'chunks']);
        await vite('packages/react');
      },
    },
  ],
  [
    'nodejs',
    {
      title: 'the relay library',
      output: 'packages/nodejs/dist/index.js',
      sources: [...RELAY_SOURCES, 'packages/nodejs/package.json', 'packages/nodejs/vite.config.ts'],
      make: async () => {
        await clear('packages/nodejs/dist', ['index.js', 'media-worker.js', 'chunks']);
        await vite('packages/nodejs');
      },
    },
  ],
  [
    'relay',
    {
      title: 'the relay',
      output: 'relay-node/dist/cli.js',
      sources: [...RELAY_SOURCES, 'relay-node/src', 'relay-node/vite.config.ts'],
      make: async () => {
        await clear('relay-node/dist', ['cli.js', 'media-worker.js', 'chunks']);
        await vite('relay-node');
        await linkCommand('casto-relay');
      },
    },
  ],
  [
    'dashboard',
    {
      title: 'the dashboard',
      output: 'relay-node/dist/dashboard/index.html',
      sources: ['relay-node/dashboard'],
      make: () => vite('relay-node/dashboard'),
    },
  ],
  [
    'public',
    {
      title: 'what the relay serves',
      output: 'relay-node/dist/public/index.html',
      sources: [
        'packages/browser/dist/casto.js',
        'demo/dist/index.html',
        'relay-node/dist/dashboard/index.html',
      ],
      make: publish,
    },
  ],
]);

/** What `npm start` needs. */
export const RELAY_WITH_DEMO = ['sdk', 'demo', 'relay', 'dashboard', 'public'];

/**
 * @param {readonly string[]} names
 * @param {{ only: 'stale' | 'all' }} options
 * @throws {ToolFailure} When a build fails; the ones after it are not begun.
 */
export async function build(names, { only }) {
  for (const [name, target] of TARGETS) {
    if (!names.includes(name) || (only === 'stale' && !isStale(target))) continue;
    const missing = target.sources.find((source) => !existsSync(inRoot(source)));
    if (missing !== undefined) throw new ToolFailure(`cannot build ${target.title}: ${missing} is missing`);
    progress(`building ${target.title}`);
    const startedAt = new Date();
    await target.make();
    if (!existsSync(inRoot(target.output)))
      throw new ToolFailure(`building ${target.title} gave no ${target.output}`);
    // A source saved while the build ran is newer than this, so the next run builds again.
    utimesSync(inRoot(target.output), startedAt, startedAt);
  }
}

/** @param {Target} target */
function isStale({ output, sources }) {
  if (!existsSync(inRoot(output))) return true;
  const builtMs = statSync(inRoot(output)).mtimeMs;
  return ['package-lock.json', ...sources].some((source) => newestMs(inRoot(source)) > builtMs);
}

/**
 * @param {string} path
 * @returns {number} When the newest file or folder here changed; a folder does when a file in it is removed.
 */
function newestMs(path) {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) return Infinity;
  if (!status.isDirectory()) return status.mtimeMs;
  return Math.max(status.mtimeMs, ...readdirSync(path).map((name) => newestMs(join(path, name))));
}

/** @param {string} workspace */
async function vite(workspace) {
  const code = await runInstalled('vite/bin/vite.js', ['build', '--logLevel=warn'], {
    cwd: inRoot(workspace),
  });
  if (code !== 0) throw new ToolFailure(`vite failed in ${workspace}`);
}

/**
 * npm links the commands of workspaces when it installs; those that are built come later.
 *
 * @param {string} workspace - Its command has the same name.
 */
async function linkCommand(workspace) {
  if (existsSync(inRoot('node_modules/.bin', workspace))) return;
  await runNpm(['rebuild', '--silent', '--ignore-scripts', workspace], { output: 'hidden' });
}

/**
 * @param {string} folder
 * @param {readonly string[]} names - The rest belongs to the compiler, or to another target.
 */
async function clear(folder, names) {
  await Promise.all(names.map((name) => rm(inRoot(folder, name), { recursive: true, force: true })));
}

/** The relay serves the demo at /, its dashboard at /dashboard/, and beside them the SDK for pages that have no bundler. */
async function publish() {
  const target = inRoot('relay-node/dist/public');
  const demo = inRoot('demo/dist');
  const sdk = inRoot('packages/browser/dist');
  await rm(target, { recursive: true, force: true });
  await cp(demo, target, {
    recursive: true,
    filter: (path) => !['types', '.vite'].includes(relative(demo, path).split(/[/\\]/)[0] ?? ''),
  });
  await cp(inRoot('relay-node/dist/dashboard'), join(target, 'dashboard'), { recursive: true });
  for (const name of ['casto.js', 'casto-player.js', 'chunks', 'licenses.md']) {
    if (existsSync(join(sdk, name))) await cp(join(sdk, name), join(target, name), { recursive: true });
  }
}
