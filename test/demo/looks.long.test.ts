/** How the demo looks: on narrow and wide screens, in light and dark. */

import { expect, test } from 'vitest';

import type { BrowserPage, PageOptions } from '../harness/browsers.ts';
import {
  expectPhase,
  expectPictures,
  expectText,
  LIVE_MS,
  pictureFile,
  prepare,
  useDemoStage,
} from './demo-stage.ts';
import { expectOpenToAll } from './open-to-all.ts';

const SCREENS = {
  phone: { width: 360, height: 780 },
  tablet: { width: 768, height: 1024 },
  desktop: { width: 1280, height: 800 },
} as const;

/** "Good" according to web.dev/cls. */
const LAYOUT_SHIFT_MAX = 0.1;
const PANELS = ['share', 'chat', 'tree', 'statistics'] as const;

const stage = useDemoStage();

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
