import { launch } from 'puppeteer-core';
import type { BrowserContext } from 'puppeteer-core';

import { createBrowserPage, PageLog } from './browser-page.ts';
import type { BrowserPage, PageDriver } from './browser-page.ts';
import type { BrowserOptions, PageOptions, RunningBrowser } from './browsers.ts';

const PREFERENCES = {
  // A camera and a microphone that need neither hardware nor a click.
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.devices.insecure.enabled': true,
  'media.getusermedia.insecure.enabled': true,
  // ICE over 127.0.0.1, with addresses instead of mDNS names.
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  // 0 allows autoplay; the others do the same for Web Audio and for the policy that waits for a click.
  'media.autoplay.default': 0,
  'media.autoplay.blocking_policy': 0,
  'media.autoplay.block-webaudio': false,
  // Without a sound device an AudioContext would never start; this one is made of a timer.
  'media.cubeb.force_mock_context': true,
  // No calls home: the plugin manager would fetch OpenH264 in the middle of a test.
  'media.gmp-manager.updateEnabled': false,
  'media.gmp-manager.url': '',
  'app.update.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
};

export async function launchFirefox(
  executablePath: string,
  harnessScript: string,
  options: BrowserOptions,
): Promise<RunningBrowser> {
  const browser = await launch({
    browser: 'firefox',
    executablePath,
    headless: true,
    extraPrefsFirefox: PREFERENCES,
    args: options.flags ?? [],
  });
  return {
    name: 'firefox',
    version: await browser.version(),
    newPage: async (pageOptions: PageOptions = {}) => {
      const context = await browser.createBrowserContext();
      const page = await openPage(context, harnessScript, 'context');
      await page.setViewport(pageOptions.viewport ?? { width: 1280, height: 720 });
      return page;
    },
    close: () => browser.close(),
  };
}

async function openPage(
  context: BrowserContext,
  harnessScript: string,
  end: 'context' | 'page',
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
    newTab: () => openPage(context, harnessScript, 'page'),
    crash: () => Promise.reject(new Error('WebDriver BiDi kills no page of Firefox')),
    close: () => (end === 'page' ? page.close() : context.close()),
  };
  return createBrowserPage('firefox', driver, log);
}
