import { launch } from 'puppeteer-core';

import type { BrowserOptions, RunningBrowser } from './browsers.ts';
import { CHROMIUM_FLAGS } from './chromium.ts';
import { runningPuppeteer } from './puppeteer-page.ts';

/** A Chromium in which a tab that is opened hides the one before it. To playwright every page is in front. */
export async function launchTabbedChromium(
  executablePath: string,
  harnessScript: string,
  options: BrowserOptions,
): Promise<RunningBrowser> {
  const browser = await launch({
    browser: 'chrome',
    executablePath,
    headless: true,
    args: [...CHROMIUM_FLAGS, ...(options.flags ?? [])],
  });
  return runningPuppeteer('chromium', browser, harnessScript);
}
