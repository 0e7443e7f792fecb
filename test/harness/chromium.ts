import { chromium } from 'playwright-core';
import type { BrowserContext } from 'playwright-core';

import { createBrowserPage, PageLog } from './browser-page.ts';
import type { BrowserPage, PageDriver } from './browser-page.ts';
import type { BrowserOptions, PageOptions, RunningBrowser } from './browsers.ts';

export const CHROMIUM_FLAGS = [
  // Tests also run as root, and on machines without a graphics card or a network beyond loopback.
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // /dev/shm is 64 MB in many containers, too little for several pages with video.
  '--disable-dev-shm-usage',
  // A camera and a microphone that need neither hardware nor a click.
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  '--autoplay-policy=no-user-gesture-required',
  '--mute-audio',
  // ICE over 127.0.0.1, with addresses instead of mDNS names.
  '--allow-loopback-in-peer-connection',
  '--disable-features=WebRtcHideLocalIpsWithMdns',
];

export async function launchChromium(
  executablePath: string,
  harnessScript: string,
  options: BrowserOptions,
): Promise<RunningBrowser> {
  const secure = options.secureOrigins ?? [];
  const browser = await chromium.launch({
    executablePath,
    headless: true,
    args: [
      ...CHROMIUM_FLAGS,
      ...(secure.length === 0 ? [] : [`--unsafely-treat-insecure-origin-as-secure=${secure.join(',')}`]),
      ...(options.flags ?? []),
    ],
  });
  return {
    name: 'chromium',
    version: browser.version(),
    newPage: async (pageOptions: PageOptions = {}) => {
      const context = await browser.newContext({
        viewport: pageOptions.viewport ?? { width: 1280, height: 720 },
        colorScheme: pageOptions.colorScheme ?? 'light',
        reducedMotion: pageOptions.reducedMotion ?? 'no-preference',
        hasTouch: pageOptions.touch === 'yes',
        permissions: pageOptions.permissions ?? [],
      });
      await context.addInitScript({ content: harnessScript });
      return openPage(context, 'context');
    },
    processes: async () => {
      const session = await browser.newBrowserCDPSession();
      const { processInfo } = await session.send('SystemInfo.getProcessInfo');
      await session.detach();
      return processInfo.map(({ id, type, cpuTime }) => ({ pid: id, type, cpuSeconds: cpuTime }));
    },
    close: () => browser.close(),
  };
}

async function openPage(context: BrowserContext, end: 'context' | 'page'): Promise<BrowserPage> {
  const page = await context.newPage();
  const log = new PageLog();
  page.on('pageerror', (error) => log.error(`uncaught: ${error.message}`));
  page.on('crash', () => log.error('crash: the page has died'));
  page.on('request', (request) => log.request(request.url()));
  page.on('console', (message) => {
    if (message.type() === 'error') log.error(`console: ${message.text()} (${message.location().url})`);
  });
  const driver: PageDriver = {
    evaluateExpression: (expression) => page.evaluate(expression),
    goto: async (url) => void (await page.goto(url)),
    reload: async () => void (await page.reload()),
    click: (selector) => page.click(selector),
    fill: (selector, text) => page.fill(selector, text),
    press: (key) => page.keyboard.press(key),
    setViewport: (size) => page.setViewportSize(size),
    screenshot: async (path) => void (await page.screenshot({ path })),
    newTab: () => openPage(context, 'page'),
    frame: (urlPart) => {
      const frame = page.frames().find((one) => one.url().includes(urlPart));
      if (frame === undefined) throw new Error(`no frame at ${urlPart}`);
      const inFrame: PageDriver = {
        ...driver,
        evaluateExpression: (expression) => frame.evaluate(expression),
        click: (selector) => frame.click(selector),
        fill: (selector, text) => frame.fill(selector, text),
      };
      return createBrowserPage('chromium', inFrame, log);
    },
    crash: async () => {
      const crashed = page.waitForEvent('crash');
      page.goto('chrome://crash').catch(() => {});
      await crashed;
    },
    close: () => (end === 'page' ? page.close() : context.close()),
  };
  return createBrowserPage('chromium', driver, log);
}
