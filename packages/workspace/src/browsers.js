/** Finds the browsers that the end-to-end tests drive; where none is, fetches one. */

import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

import { inRoot } from './paths.js';
import { run, runInstalled, runtime } from './processes.js';
import { progress, ToolFailure } from './tool-failure.js';

/**
 * @typedef {object} Browser
 * @property {string} title
 * @property {string} variable - The environment variable that names its executable.
 * @property {readonly string[]} commands - What it is called on PATH.
 * @property {readonly string[]} places - Where it lies when it is not on PATH.
 * @property {Readonly<Record<string, string>>} packages - Its name for each package manager.
 */

/** @type {Browser} */
export const CHROMIUM = {
  title: 'Chromium',
  variable: 'CASTO_CHROMIUM',
  commands: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'],
  places: [
    '/usr/bin/chromium',
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
    'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  ],
  packages: {
    'apt-get': 'chromium',
    dnf: 'chromium',
    apk: 'chromium',
    pacman: 'chromium',
    zypper: 'chromium',
  },
};

/** @type {Browser} */
export const FIREFOX = {
  title: 'Firefox',
  variable: 'CASTO_FIREFOX',
  commands: ['firefox-esr', 'firefox'],
  places: [
    '/usr/bin/firefox-esr',
    '/Applications/Firefox.app/Contents/MacOS/firefox',
    'C:\\Program Files\\Mozilla Firefox\\firefox.exe',
  ],
  packages: {
    'apt-get': 'firefox-esr',
    dnf: 'firefox',
    apk: 'firefox-esr',
    pacman: 'firefox',
    zypper: 'MozillaFirefox',
  },
};

/** What each package manager wants to hear, before the names of packages. */
const INSTALLERS = {
  'apt-get': ['install', '--yes', '--no-install-recommends'],
  dnf: ['install', '--assumeyes'],
  apk: ['add'],
  pacman: ['--sync', '--refresh', '--noconfirm'],
  zypper: ['--non-interactive', 'install'],
};

/**
 * @param {Browser} browser
 * @returns {Promise<string | null>} Its executable; `null` when there is none and none could be had.
 * @throws {ToolFailure} When the environment names one that does not run.
 */
export async function provide(browser) {
  const given = process.env[browser.variable];
  if (given && find(browser) === null) {
    throw new ToolFailure(`${browser.variable} is ${given}, which does not run`);
  }
  return find(browser) ?? (await installFromSystem(browser)) ?? (await downloadChromium(browser));
}

/**
 * @param {Browser} browser
 * @returns {string | null}
 */
export function find({ variable, commands, places }) {
  const given = process.env[variable];
  if (given) return isExecutable(given) && answers(given) ? given : null;
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const onPath = commands.flatMap((command) => folders.map((folder) => join(folder, command + suffix)));
  return [...onPath, ...places].find((path) => isExecutable(path) && answers(path)) ?? null;
}

/** @param {string} path */
function isExecutable(path) {
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
 */
function answers(path) {
  // On Windows and macOS a browser opens a window instead of telling its version.
  if (process.platform !== 'linux') return true;
  try {
    execFileSync(path, ['--version'], { stdio: ['ignore', 'pipe', 'ignore'], timeout: 30_000 });
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {Browser} browser
 * @returns {Promise<string | null>}
 */
async function installFromSystem(browser) {
  if (process.getuid?.() !== 0) return null;
  for (const [manager, args] of Object.entries(INSTALLERS)) {
    const name = browser.packages[manager];
    const command = name === undefined ? null : findCommand(manager);
    if (name === undefined || command === null) continue;
    progress(`installing ${browser.title} with ${manager}, a few minutes`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    if (manager === 'apt-get') await run(command, ['update', '--quiet'], { env });
    await run(command, [...args, name], { env });
    return find(browser);
  }
  return null;
}

/** @param {string} name */
function findCommand(name) {
  const paths = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name));
  return paths.find(isExecutable) ?? null;
}

/**
 * @param {Browser} browser - Playwright's Firefox is a patched build that the tests' driver cannot speak to.
 * @returns {Promise<string | null>}
 */
async function downloadChromium(browser) {
  if (browser !== CHROMIUM) return null;
  const before = downloadedChromium();
  if (before !== null) return before;
  progress('downloading Chromium, about 150 MB');
  const withLibraries = process.getuid?.() === 0 ? ['--with-deps'] : [];
  await runInstalled('playwright-core/cli.js', ['install', ...withLibraries, 'chromium']);
  return downloadedChromium();
}

/** @returns {string | null} */
function downloadedChromium() {
  if (!existsSync(inRoot('node_modules/playwright-core'))) return null;
  const script = `console.log(require('playwright-core').chromium.executablePath())`;
  const path = execFileSync(runtime(), ['-e', script], { cwd: inRoot('test'), encoding: 'utf8' }).trim();
  return isExecutable(path) && answers(path) ? path : null;
}
