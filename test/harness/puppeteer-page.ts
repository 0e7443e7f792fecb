/** Pages that puppeteer-core drives: those of Firefox, and of a Chromium whose tabs hide each other. */

import type { Browser, BrowserContext } from 'puppeteer-core';

import { createBrowserPage, PageLog } from './browser-page.ts';
import type { BrowserName, BrowserPage, PageDriver } from './browser-page.ts';
import type { PageOptions, RunningBrowser } from './browsers.ts';

export async function runningPuppeteer(
  name: BrowserName,
  browser: Browser,
  harnessScript: string,
): Promise<RunningBrowser> {
  return {
    name,
    version: await browser.version(),
    newPage: async (pageOptions: PageOptions = {}) => {
      const context = await browser.createBrowserContext();
      const page = await openPage(name, context, { harnessScript, end: 'context' });
      await page.setViewport(pageOptions.viewport ?? { width: 1280, height: 720 });
      return page;
    },
    processes: () => Promise.reject(new Error('puppeteer tells nothing of processes')),
    close: () => browser.close(),
  };
}

async function openPage(
  name: BrowserName,
  context: BrowserContext,
  { harnessScript, end }: { harnessScript: string; end: 'context' | 'page' },
): Promise<BrowserPage> {
  const page = await context.newPage();
  const log = new PageLog();
  page.on('pageerror', (error) =>
    log.error(`uncaught: ${error instanceof Error ? error.message : String(error)}`),
  );
  page.on('error', (error) => log.error(`crash: ${error.message}`));
  page.on('request', (request) => log.request(request.url()));
  page.on('console', (message) => {
    if (message.type() === 'error') log.error(`console: ${message.text()} (${message.location().url ?? ''})`);
  });
  await page.evaluateOnNewDocument(harnessScript);
  const driver: PageDriver = {
    evaluateExpression: <Result>(expression: string) => page.evaluate<[], () => Result>(expression),
    goto: async (url) => void (await page.goto(url)),
    reload: async () => void (await page.reload()),
    click: (selector) => page.locator(selector).click(),
    fill: (selector, text) => page.locator(selector).fill(text),
    press: (key) => page.keyboard.press(key),
    setViewport: (size) => page.setViewport(size),
    screenshot: async (path) => void (await page.screenshot({ path })),
    newTab: () => openPage(name, context, { harnessScript, end: 'page' }),
    frame: () => {
      throw new Error('frames are looked into with playwright only');
    },
    crash: () => Promise.reject(new Error('a page that puppeteer drives is not killed')),
    close: () => (end === 'page' ? page.close() : context.close()),
  };
  return createBrowserPage(name, driver, log);
}
