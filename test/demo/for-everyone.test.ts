/** The demo for everyone: by keyboard and ear, in light and dark, without motion. */

import { expect, test } from 'vitest';

import type { BrowserPage } from '../harness/browsers.ts';
import {
  expectPhase,
  expectReady,
  expectText,
  expectView,
  goLive,
  prepare,
  useDemoStage,
} from './demo-stage.ts';
import { expectOpenToAll } from './open-to-all.ts';

const LOOKS = {
  'a phone in the dark': { viewport: { width: 360, height: 780 }, colorScheme: 'dark', touch: 'yes' },
  'a desktop by day': { viewport: { width: 1280, height: 800 }, colorScheme: 'light', touch: 'no' },
} as const;

const stage = useDemoStage();

test.each(Object.entries(LOOKS))('%s: nobody is kept out of any view', async (_, look) => {
  const page = await stage.page('/', look);
  await expectText(page, '#channels-count', 'Nobody at the moment');
  await expectOpenToAll(page);
  await prepare(page, { source: 'test-picture', title: 'Waves at the pier, live' });
  await expectOpenToAll(page);
  await page.click('#start');
  await expectPhase(page, 'live');
  await expectOpenToAll(page);
  expect(stage.problemsOf(page)).toEqual([]);
});

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
