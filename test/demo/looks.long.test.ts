/** The demo for everyone: by keyboard and ear, on narrow and wide screens, in light and dark, without motion. */

import axe from 'axe-core';
import { expect, test } from 'vitest';

import type { BrowserPage, PageOptions } from '../harness/browsers.ts';
import {
  expectPhase,
  expectPictures,
  expectReady,
  expectText,
  expectView,
  goLive,
  LIVE_MS,
  pictureFile,
  prepare,
  useDemoStage,
} from './demo-stage.ts';

const SCREENS = {
  phone: { width: 360, height: 780 },
  tablet: { width: 768, height: 1024 },
  desktop: { width: 1280, height: 800 },
} as const;

/** WCAG 2.2 asks for 24, Apple's guidelines for 44. */
const TOUCH_TARGET_PX = 44;
/** "Good" according to web.dev/cls. */
const LAYOUT_SHIFT_MAX = 0.1;
const PANELS = ['share', 'chat', 'tree', 'statistics'] as const;

const stage = useDemoStage();

test('the keyboard goes live and stops, and always shows where it is', async () => {
  const page = await stage.page('/');
  expect((await tabUntil(page, '#to-go-live')).every(({ outlined }) => outlined)).toBe(true);
  await page.press('Enter');
  await expectView(page, 'go-live');
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('studio');
  await expectReady(page);
  expect((await tabUntil(page, '#start')).every(({ outlined }) => outlined)).toBe(true);
  await page.press('Enter');
  await expectPhase(page, 'live');
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('session');
  expect((await tabUntil(page, '#stop')).every(({ outlined }) => outlined)).toBe(true);
  await page.press('Enter');
  await expectView(page, 'home');
});

test('a chosen theme holds over reloads, and the system decides again when it agrees', async () => {
  const page = await stage.page('/', { colorScheme: 'light' });
  const light = await background(page);
  await page.click('#theme');
  const dark = await background(page);
  expect(dark).not.toBe(light);
  await page.reload();
  expect(await background(page)).toBe(dark);
  await page.click('#theme');
  expect(await background(page)).toBe(light);
  expect(await page.evaluate(() => localStorage.getItem('casto-theme'))).toBeNull();
});

for (const [name, viewport] of Object.entries(SCREENS)) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`${name}, ${colorScheme}: all fits, nothing jumps, nobody is kept out`, async () => {
      const look: PageOptions = { viewport, colorScheme, touch: name === 'phone' ? 'yes' : 'no' };
      const picture = (view: string) => pictureFile(`${view}-${name}-${colorScheme}`);
      const streamer = await stage.page('/', look);
      await streamer.waitFor(
        () => document.querySelector('#channels')?.getAttribute('data-state') === 'empty',
        {
          timeoutMs: LIVE_MS,
        },
      );
      await expectOpenToAll(streamer);
      await streamer.screenshot(picture('home-empty'));
      await prepare(streamer, { source: 'test-picture', title: 'Waves at the pier, live' });
      await expectOpenToAll(streamer);
      await streamer.screenshot(picture('go-live'));
      await streamer.click('#start');
      await expectPhase(streamer, 'live');

      const home = await stage.page('/', look);
      await expectText(home, '#channels-list', 'Waves at the pier, live');
      const card = await home.waitFor(() => document.querySelector('.channel-card')?.getAttribute('href'), {
        timeoutMs: LIVE_MS,
      });
      const viewer = await stage.page(`/${card}`, look);
      await expectPhase(viewer, 'live');
      await expectPictures(viewer);
      for (const panel of PANELS) {
        await viewer.click(`#tab-${panel}`);
        if (panel === 'tree') await expectText(viewer, '#peer-tree', 'You');
        if (panel === 'statistics') await expectText(viewer, '#plots', 'Bitrate.*\\d');
        await expectOpenToAll(viewer);
        await viewer.screenshot(picture(`watch-${panel}`));
      }
      await streamer.waitFor(() => document.querySelector('#qr-path')?.getAttribute('d') !== '', {
        timeoutMs: LIVE_MS,
      });
      await expectOpenToAll(streamer);
      await streamer.screenshot(picture('live'));
      await expectOpenToAll(home);
      await home.screenshot(picture('home'));
      for (const page of [streamer, home, viewer]) {
        expect(await layoutShift(page)).toBeLessThan(LAYOUT_SHIFT_MAX);
      }
      expect(stage.problemsOf(streamer, home, viewer)).toEqual([]);
    }, 180_000);
  }
}

test('an unknown channel looks and reads well too', async () => {
  const page = await stage.page('/#casto=12D3KooWGRUnTVLzG1C9gRvzHMYpZUvpUTGmLqoAdcbrTvgFGUr1');
  await expectPhase(page, 'failed', 30_000);
  await expectOpenToAll(page);
  await page.screenshot(pictureFile('unknown-channel'));
});

test('whoever wants no motion gets none', async () => {
  const page = await stage.page('/', { reducedMotion: 'reduce' });
  expect(await page.evaluate(() => document.getAnimations().length)).toBe(0);
  await goLive(page, { source: 'test-picture' });
  expect(await page.evaluate(() => document.getAnimations().length)).toBe(0);
});

test('an arrow key moves between the panels, and the address follows', async () => {
  const page = await stage.page('/');
  await goLive(page, { source: 'test-picture' });
  const press = (key: string) =>
    page.evaluate((pressed) => {
      document.activeElement?.dispatchEvent(new KeyboardEvent('keydown', { key: pressed, bubbles: true }));
    }, key);
  await tabUntil(page, '#tab-share');
  await press('ArrowRight');
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('tab-chat');
  await press('ArrowRight');
  expect(await page.evaluate(() => location.hash)).toBe('#live&panel=tree');
  await press('End');
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('tab-statistics');
  await press('Home');
  expect(await page.evaluate(() => location.hash)).toBe('#live');
  expect(await page.evaluate(() => document.querySelectorAll('[role=tab][tabindex="0"]').length)).toBe(1);
});

async function background(page: BrowserPage): Promise<string> {
  return page.evaluate(() => getComputedStyle(document.body).backgroundColor);
}

async function expectOpenToAll(page: BrowserPage): Promise<void> {
  await expectFits(page);
  expect(await violations(page)).toEqual([]);
}

interface AxeInPage {
  axe: {
    run(): Promise<{
      passes: unknown[];
      violations: { id: string; impact: string | null; nodes: { html: string; failureSummary: string }[] }[];
    }>;
  };
}

/** What axe-core finds that keeps people out, or makes it hard for them. */
async function violations(page: BrowserPage): Promise<string[]> {
  // The page's policy refuses scripts that are added to it; what the driver evaluates is not the page's.
  const run = Object.assign((): void => {}, { toString: () => `() => { ${axe.source} }` });
  await page.evaluate(run);
  return page.evaluate(async () => {
    const { passes, violations } = await (globalThis as unknown as AxeInPage).axe.run();
    if (passes.length < 10) return ['axe looked at nothing'];
    return violations.flatMap(({ id, impact, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id} (${impact}): ${html.slice(0, 160)} ${failureSummary}`),
    );
  });
}

/** Presses Tab until the focus is there. @returns What had the focus on the way. */
async function tabUntil(page: BrowserPage, selector: string): Promise<{ name: string; outlined: boolean }[]> {
  const way: { name: string; outlined: boolean }[] = [];
  for (let presses = 0; presses < 40; presses += 1) {
    await page.press('Tab');
    const { isThere, ...stop } = await page.evaluate((wanted) => {
      const focused = document.activeElement;
      // Choices are outlined by the label's face, since radio buttons and switches themselves are invisible.
      const shown = focused?.matches('input[type=radio], input[type=checkbox]')
        ? focused.nextElementSibling
        : focused;
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
