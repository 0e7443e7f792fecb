/** What every view of the demo owes everybody, whatever they look at it with. */

import { expect } from 'vitest';

import { allProblems } from '../harness/accessibility.ts';
import type { BrowserPage } from '../harness/browsers.ts';

/** WCAG 2.2 asks for 24, Apple's guidelines for 44. */
const TOUCH_TARGET_PX = 44;

export async function expectOpenToAll(page: BrowserPage): Promise<void> {
  await expectFits(page);
  expect(await allProblems(page)).toEqual([]);
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
