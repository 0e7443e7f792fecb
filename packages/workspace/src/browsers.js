/** Finds the browsers that the end-to-end tests drive; where none is, fetches one. */

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

import { inRoot } from './paths.js';
import { runInstalled, runtime } from './processes.js';
import { answers, isExecutable, provide } from './programs.js';
import { progress } from './tool-failure.js';

/** @typedef {import('./programs.js').Program} Browser */

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

/**
 * @param {Browser} browser
 * @returns {Promise<string | null>} Its executable; `null` when there is none and none could be had.
 * @throws {import('./tool-failure.js').ToolFailure} When the environment names one that does not run.
 */
export async function provideBrowser(browser) {
  return (await provide(browser)) ?? (await downloadChromium(browser));
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
