/** The demo as people meet it: served by a relay, used with mouse and keyboard, on wide and narrow screens. */

import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { launchBrowser, skipReason } from '../harness/browsers.ts';
import type { BrowserPage, PageOptions, RunningBrowser } from '../harness/browsers.ts';
import { expectPicturesAdvance, expectTone } from '../harness/expectations.ts';
import { startRelay } from '../harness/relay-process.ts';
import { lanAddress } from '../harness/page-server.ts';
import type { RelayProcess } from '../harness/relay-process.ts';

const SCREENSHOTS = process.env['CASTO_SCREENSHOTS'] ?? join(tmpdir(), 'casto-demo-screenshots');
const SCREENS = {
  phone: { width: 390, height: 844 },
  tablet: { width: 768, height: 1024 },
  desktop: { width: 1440, height: 900 },
} as const;

const LIVE_MS = 20_000;
const RECONNECT_MS = 40_000;
/** WCAG 2.2 asks for 24, Apple's guidelines for 44. */
const TOUCH_TARGET_PX = 44;
/** "Good" according to web.dev/cls. */
const LAYOUT_SHIFT_MAX = 0.1;
const UNKNOWN_CHANNEL = '12D3KooWGRUnTVLzG1C9gRvzHMYpZUvpUTGmLqoAdcbrTvgFGUr1';

let relay: RelayProcess;
let browser: RunningBrowser;
const pages: BrowserPage[] = [];

beforeAll(async () => {
  mkdirSync(SCREENSHOTS, { recursive: true });
  relay = await startRelay();
  browser = await launchBrowser('chromium');
});

afterEach(async () => {
  await Promise.all(pages.splice(0).map((page) => page.close()));
});

afterAll(async () => {
  await browser?.close();
  await relay?.stop();
});

describe('from the camera to a viewer', () => {
  test('go live, copy the link, watch it, hear it, stop', async () => {
    const streamer = await open('/', { permissions: ['clipboard-read', 'clipboard-write'] });
    await streamer.fill('input[name=title]', 'A test of the demo');
    await streamer.click('#go-live button');
    await expectPhase(streamer, 'live');
    expect(await textOf(streamer, '#desk-title')).toBe('A test of the demo');
    expect(await textOf(streamer, '#badge')).toMatch(/live/i);

    await streamer.click('#copy');
    await streamer.waitFor(() => document.querySelector('#copy')?.textContent === 'Copied', {
      timeoutMs: 2000,
    });
    const link = await streamer.evaluate(() => navigator.clipboard.readText());
    expect(link).toMatch(/#casto=12D3KooW\w+$/);

    const viewer = await open(link);
    await expectPhase(viewer, 'live');
    await expectPictures(viewer);
    await streamer.waitFor(() => document.querySelector('#chip-viewers')?.textContent === '1 viewer', {
      timeoutMs: 5000,
    });

    await viewer.click('#sound-call');
    expect(await viewer.evaluate(() => document.querySelector('video')?.muted)).toBe(false);
    expect(await viewer.evaluate(() => document.querySelector('#sound-call')?.checkVisibility())).toBe(false);
    // The fake microphone beeps once a second.
    const level = await viewer.evaluate(() => {
      const stream = document.querySelector('video')?.srcObject;
      if (!(stream instanceof MediaStream)) throw new Error('nothing plays');
      return castoHarness.measureTone(stream, { frequencyHz: 440, forMs: 2500 });
    });
    expect(level.rms).toBeGreaterThan(0.001);

    await streamer.click('#stop');
    expect(await streamer.evaluate(() => document.body.dataset['view'])).toBe('landing');
    await expectPhase(viewer, 'ended');
    expect(problemsOf(streamer, viewer)).toEqual([]);
  });

  test('a viewer who comes first waits, and one who stays sees the streamer come back', async () => {
    const streamer = await open('/');
    const link = await goLive(streamer);
    const viewer = await open(link);
    await expectPhase(viewer, 'live');
    await streamer.click('#stop');
    await expectPhase(viewer, 'ended');
    const early = await open(link);
    await expectPhase(early, 'waiting');

    await goLive(streamer);
    await expectPhase(viewer, 'live');
    await expectPhase(early, 'live');
    await expectPictures(viewer);
    await expectPictures(early);
    expect(problemsOf(streamer, viewer, early)).toEqual([]);
  });

  test('the same pictures and the same tone arrive', async () => {
    const streamer = await open('/');
    await replaceCamera(streamer);
    const viewer = await open(await goLive(streamer));
    await expectPhase(viewer, 'live');
    await expectPicturesAdvance(viewer, '#video', { atLeast: 20, withinMs: 15_000, tag: 7 });
    await expectTone(viewer, '#video', { withinMs: 5000 });
    expect(problemsOf(streamer, viewer)).toEqual([]);
  });

  test('when the relay is gone both pages say so, and go on when it is back', async () => {
    const streamer = await open('/');
    const viewer = await open(await goLive(streamer));
    await expectPhase(viewer, 'live');
    await relay.kill();
    await expectPhase(viewer, 'reconnecting');
    await expectPhase(streamer, 'reconnecting');
    await relay.restart();
    await expectPhase(streamer, 'live', RECONNECT_MS);
    await expectPhase(viewer, 'live', RECONNECT_MS);
    await expectPictures(viewer);
    expect(await textOf(viewer, '#badge')).toMatch(/live/i);
  }, 120_000);
});

describe('finding the way', () => {
  test('a pasted link opens the channel, back and forward move between the views', async () => {
    const link = await goLive(await open('/'));
    const viewer = await open('/');
    await viewer.fill('input[name=link]', 'hello');
    await viewer.click('#watch button');
    expect(await textOf(viewer, '#watch-problem')).toMatch(/no channel/);
    await viewer.fill('input[name=link]', ` ${link} `);
    await viewer.click('#watch button');
    await expectPhase(viewer, 'live');

    await viewer.evaluate(() => history.back());
    await viewer.waitFor(() => document.body.dataset['view'] === 'landing', { timeoutMs: 5000 });
    expect(await viewer.evaluate(() => document.querySelector('video')?.srcObject === null)).toBe(true);
    await viewer.evaluate(() => history.forward());
    await expectPhase(viewer, 'live');
    await viewer.click('#stop');
    expect(await viewer.evaluate(() => location.hash)).toBe('');
    expect(problemsOf(viewer)).toEqual([]);
  });

  test('an unknown channel is said in plain words, and the way back works', async () => {
    const viewer = await open(`/#casto=${UNKNOWN_CHANNEL}`);
    await expectPhase(viewer, 'failed', 30_000);
    expect(await textOf(viewer, '#veil-title')).toBe('Nobody knows this channel');
    await viewer.click('#veil-leave');
    expect(await viewer.evaluate(() => document.body.dataset['view'])).toBe('landing');
  });

  test('a closed camera is said in plain words', async () => {
    const page = await open('/');
    await page.evaluate(() => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError'));
    });
    await page.click('#go-live button');
    await expectPhase(page, 'failed');
    expect(await textOf(page, '#veil-title')).toBe('No access to camera or screen');
    expect(await textOf(page, '#announcer')).toMatch(/No access.*try again/i);
  });

  test('plain.html does the same in one file', async () => {
    const streamer = await open('/plain.html');
    const link = await streamer.waitFor(() => document.querySelector('a')?.href ?? '', {
      timeoutMs: LIVE_MS,
    });
    const viewer = await open(link);
    await expectPictures(viewer);
    expect(problemsOf(streamer, viewer)).toEqual([]);
  });

  const noFirefox = lanAddress() === null ? 'no address but loopback' : skipReason('firefox');
  // Firefox gathers no candidate on 127.0.0.1, so that its joins there are a matter of luck.
  test.skipIf(noFirefox !== null)(`Firefox watches over the local network ${noFirefox ?? ''}`, async () => {
    const lanRelay = await startRelay({ host: '0.0.0.0' });
    const firefox = await launchBrowser('firefox');
    try {
      const streamer = await browser.newPage();
      pages.push(streamer);
      await streamer.goto(`http://127.0.0.1:${new URL(lanRelay.http).port}/`);
      const link = (await goLive(streamer)).replace('127.0.0.1', lanAddress() ?? '');
      const viewer = await firefox.newPage();
      await viewer.goto(link);
      await expectPhase(viewer, 'live');
      await expectPictures(viewer);
      expect(viewer.errors).toEqual([]);
    } finally {
      await firefox.close();
      await lanRelay.stop();
    }
  });
});

describe('for everyone', () => {
  test('the keyboard goes live and stops, and always shows where it is', async () => {
    const page = await open('/');
    const focused = await tabUntil(page, '#go-live button');
    expect(focused.every(({ outlined }) => outlined)).toBe(true);
    await page.press('Enter');
    await expectPhase(page, 'live');
    expect((await tabUntil(page, '#stop')).every(({ outlined }) => outlined)).toBe(true);
    await page.press('Enter');
    expect(await page.evaluate(() => document.body.dataset['view'])).toBe('landing');
  });

  for (const [name, viewport] of Object.entries(SCREENS)) {
    for (const colorScheme of ['light', 'dark'] as const) {
      test(`${name}, ${colorScheme}: all fits, nothing jumps`, async () => {
        const look: PageOptions = { viewport, colorScheme, touch: name === 'phone' ? 'yes' : 'no' };
        const streamer = await open('/', look);
        await replaceCamera(streamer);
        await expectFits(streamer);
        await streamer.screenshot(pictureFile(`start-${name}-${colorScheme}`));
        const link = await goLive(streamer);
        await expectFits(streamer);
        const viewer = await open(link, look);
        await expectPhase(viewer, 'live');
        await expectPictures(viewer);
        await expectFits(viewer);
        await viewer.screenshot(pictureFile(`watching-${name}-${colorScheme}`));
        await streamer.screenshot(pictureFile(`live-${name}-${colorScheme}`));
        expect(await layoutShift(streamer)).toBeLessThan(LAYOUT_SHIFT_MAX);
        expect(await layoutShift(viewer)).toBeLessThan(LAYOUT_SHIFT_MAX);
        expect(problemsOf(streamer, viewer)).toEqual([]);
      });
    }
  }

  test('whoever wants no motion gets none', async () => {
    const page = await open('/', { reducedMotion: 'reduce' });
    expect(await page.evaluate(() => document.getAnimations().length)).toBe(0);
  });
});

function pictureFile(name: string): `${string}.png` {
  return `${join(SCREENSHOTS, name)}.png`;
}

async function open(address: string, options: PageOptions = {}): Promise<BrowserPage> {
  const page = await browser.newPage(options);
  pages.push(page);
  await page.goto(new URL(address, relay.http).href);
  return page;
}

/** @returns The link for viewers. */
async function goLive(page: BrowserPage): Promise<string> {
  await page.click('#go-live button');
  await expectPhase(page, 'live');
  return page.evaluate(() => {
    const link = document.querySelector('#link');
    return link instanceof HTMLInputElement ? link.value : '';
  });
}

async function replaceCamera(page: BrowserPage): Promise<void> {
  await page.evaluate(() => {
    navigator.mediaDevices.getUserMedia = async () => {
      const source = await castoHarness.createSyntheticSource({ width: 640, height: 360, tag: 7 });
      return source.stream;
    };
  });
}

async function expectPhase(page: BrowserPage, phase: string, timeoutMs = LIVE_MS): Promise<void> {
  const limits = { timeoutMs, what: `phase ${phase}` };
  await page.waitFor((wanted) => document.body.dataset['phase'] === wanted, limits, phase);
}

/** The fake camera carries no numbers, but its pictures can be counted. */
async function expectPictures(page: BrowserPage): Promise<void> {
  const pictures = await page.evaluate(async (withinMs) => {
    const video = document.querySelector('video');
    if (video === null) return 0;
    const watch = castoHarness.watchPictures(video);
    const deadline = performance.now() + withinMs;
    while (watch.readings.length < 10 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    watch.stop();
    return watch.readings.length;
  }, LIVE_MS);
  expect(pictures).toBeGreaterThanOrEqual(10);
}

async function textOf(page: BrowserPage, selector: string): Promise<string> {
  return page.evaluate((wanted) => document.querySelector(wanted)?.textContent ?? '', selector);
}

/** Presses Tab until the focus is there. @returns What had the focus on the way. */
async function tabUntil(page: BrowserPage, selector: string): Promise<{ name: string; outlined: boolean }[]> {
  const way: { name: string; outlined: boolean }[] = [];
  for (let presses = 0; presses < 30; presses += 1) {
    await page.press('Tab');
    const { isThere, ...stop } = await page.evaluate((wanted) => {
      const focused = document.activeElement;
      // The choice of camera or screen is outlined by the label's face, since the radio button itself is invisible.
      const shown = focused?.matches('input[type=radio]') ? focused.nextElementSibling : focused;
      const outlined =
        shown !== null && shown !== undefined && getComputedStyle(shown).outlineStyle !== 'none';
      return {
        name: focused?.outerHTML.slice(0, 80) ?? '',
        outlined,
        isThere: focused?.matches(wanted) === true,
      };
    }, selector);
    way.push(stop);
    if (isThere) return way;
  }
  throw new Error(`Tab does not reach ${selector}; it passes ${way.map(({ name }) => name).join(' ')}`);
}

/** Nothing is wider than the screen, and what can be pressed can be hit. */
async function expectFits(page: BrowserPage): Promise<void> {
  const seen = await page.evaluate((least) => {
    const targets = [...document.querySelectorAll('button, input, a')].map((element) =>
      element.matches('input[type=radio]') ? (element.nextElementSibling ?? element) : element,
    );
    const small = targets
      .filter((element) => element.checkVisibility({ visibilityProperty: true }))
      .filter((element) => element.getBoundingClientRect().height < least - 0.5)
      .map((element) => element.outerHTML.slice(0, 80));
    return { overflowPx: document.documentElement.scrollWidth - innerWidth, small };
  }, TOUCH_TARGET_PX);
  expect(seen).toEqual({ overflowPx: 0, small: [] });
}

/** Total of the shifts that no click or key explains. Chromium measures it. */
async function layoutShift(page: BrowserPage): Promise<number> {
  return page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        let total = 0;
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) {
            if (!('hadRecentInput' in entry && 'value' in entry) || entry.hadRecentInput === true) continue;
            total += Number(entry.value);
          }
        }).observe({ type: 'layout-shift', buffered: true });
        setTimeout(() => resolve(total), 300);
      }),
  );
}

/** Errors, and requests to anywhere but the relay. */
function problemsOf(...seen: BrowserPage[]): string[] {
  const origin = `${relay.http}/`;
  return seen.flatMap(({ errors, requests }) => [
    ...errors,
    ...requests.filter((url) => /^https?:/.test(url) && !url.startsWith(origin)),
  ]);
}
