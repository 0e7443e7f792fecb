/**
 * Finds and launches the real browsers of the tests. Nothing is downloaded: Chromium and Firefox come from the
 * system, or from where CASTO_CHROMIUM and CASTO_FIREFOX say.
 */

import type { BrowserName, BrowserPage } from './browser-page.ts';
import { launchChromium } from './chromium.ts';
import { launchFirefox } from './firefox.ts';
import { bundleHarness } from './harness-bundle.ts';
import { installedProgram, skipReason as whyMissing, type SystemProgram } from './system-program.ts';
import { launchTabbedChromium } from './tabbed-chromium.ts';

export type { BrowserName, BrowserPage } from './browser-page.ts';

export interface BrowserOptions {
  /** Plain-http origins to be treated as secure, e.g. `http://192.168.1.2:8080`. Chromium only. */
  secureOrigins?: string[];
  /** Further command-line flags. */
  flags?: string[];
  /** Whether a tab that is opened hides the one before it. Default: all are in front. Chromium only. */
  tabs?: 'in-front' | 'hide-each-other';
}

export interface PageOptions {
  viewport?: { width: number; height: number };
  /** Chromium only, like those below. */
  colorScheme?: 'light' | 'dark';
  reducedMotion?: 'reduce' | 'no-preference';
  touch?: 'yes' | 'no';
  /** Granted without asking, e.g. `clipboard-read`. */
  permissions?: string[];
}

export interface BrowserProcess {
  readonly pid: number;
  /** As the browser calls it: `browser`, `renderer`, `GPU` and others. */
  readonly type: string;
  /** Of all its threads, since it began. */
  readonly cpuSeconds: number;
}

export interface RunningBrowser {
  readonly name: BrowserName;
  readonly version: string;
  /** A page with a profile of its own: nothing is shared with other pages. */
  newPage(options?: PageOptions): Promise<BrowserPage>;
  /** The processes that the browser consists of. Chromium only. */
  processes(): Promise<BrowserProcess[]>;
  /** Ends the browser with all its pages, and removes its profile. */
  close(): Promise<void>;
}

const BROWSERS: Readonly<Record<BrowserName, SystemProgram>> = {
  chromium: {
    title: 'Chromium',
    commands: ['chromium', 'chromium-browser', 'google-chrome'],
    variable: 'CASTO_CHROMIUM',
  },
  firefox: { title: 'Firefox', commands: ['firefox-esr', 'firefox'], variable: 'CASTO_FIREFOX' },
};

/**
 * Why tests with a browser are to be skipped here, or `null` when they are to run.
 *
 * With CI=true nothing is skipped: a missing browser then fails the tests that launch it.
 */
export function skipReason(name: BrowserName): string | null {
  return whyMissing(BROWSERS[name]);
}

export async function launchBrowser(
  name: BrowserName,
  options: BrowserOptions = {},
): Promise<RunningBrowser> {
  const executablePath = installedProgram(BROWSERS[name]);
  const harnessScript = await bundleHarness();
  if (name === 'firefox') return launchFirefox(executablePath, harnessScript, options);
  const launch = options.tabs === 'hide-each-other' ? launchTabbedChromium : launchChromium;
  return launch(executablePath, harnessScript, options);
}
