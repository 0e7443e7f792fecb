/** Finds programs of the system that tests need; where one is missing, asks the package manager for it. */

import { execFileSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

import { run } from './processes.js';
import { progress, ToolFailure } from './tool-failure.js';

/**
 * @typedef {object} Program
 * @property {string} title
 * @property {string} variable - The environment variable that names its executable.
 * @property {readonly string[]} commands - What it is called on PATH.
 * @property {readonly string[]} places - Where it lies when it is not on PATH.
 * @property {string} [flag] - Makes it say something and end, `--version` by default.
 * @property {Readonly<Record<string, string>>} packages - Its name for each package manager.
 */

/** What each package manager wants to hear, before the names of packages. */
const INSTALLERS = {
  'apt-get': ['install', '--yes', '--no-install-recommends'],
  dnf: ['install', '--assumeyes'],
  apk: ['add'],
  pacman: ['--sync', '--refresh', '--noconfirm'],
  zypper: ['--non-interactive', 'install'],
};

/**
 * @param {Program} program
 * @returns {Promise<string | null>} Its executable; `null` when there is none and the system's package manager has none.
 * @throws {ToolFailure} When the environment names one that does not run.
 */
export async function provide(program) {
  const given = process.env[program.variable];
  if (given && find(program) === null) {
    throw new ToolFailure(`${program.variable} is ${given}, which does not run`);
  }
  return find(program) ?? (await installFromSystem(program));
}

/**
 * @param {Program} program
 * @returns {string | null}
 */
export function find({ variable, commands, places, flag }) {
  const given = process.env[variable];
  if (given) return isExecutable(given) && answers(given, flag) ? given : null;
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const onPath = commands.flatMap((command) => folders.map((folder) => join(folder, command + suffix)));
  return [...onPath, ...places].find((path) => isExecutable(path) && answers(path, flag)) ?? null;
}

/** @param {string} path */
export function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/**
 * Ubuntu's packages of both browsers are empty shells that ask for a snap: what is there must also run.
 *
 * @param {string} path
 * @param {string} [flag] - Makes it say something and end.
 */
export function answers(path, flag = '--version') {
  // On Windows and macOS a browser opens a window instead of telling its version.
  if (process.platform !== 'linux') return true;
  try {
    execFileSync(path, [flag], { stdio: ['ignore', 'pipe', 'ignore'], timeout: 30_000 });
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {Program} program
 * @returns {Promise<string | null>}
 */
async function installFromSystem(program) {
  if (process.getuid?.() !== 0) return null;
  for (const [manager, args] of Object.entries(INSTALLERS)) {
    const name = program.packages[manager];
    const command = name === undefined ? null : findCommand(manager);
    if (name === undefined || command === null) continue;
    progress(`installing ${program.title} with ${manager}, a few minutes`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    if (manager === 'apt-get') await run(command, ['update', '--quiet'], { env });
    await run(command, [...args, name], { env });
    return find(program);
  }
  return null;
}

/** @param {string} name */
function findCommand(name) {
  const paths = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name));
  return paths.find(isExecutable) ?? null;
}
