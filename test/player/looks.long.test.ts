/** `<casto-player>` as people see it: every state at three widths, light and dark. */

import { expect, test } from 'vitest';

import { seriousProblems } from '../harness/accessibility.ts';
import {
  expectPart,
  expectState,
  partSelector,
  takePicture,
  usePlayerStage,
  watchChannel,
} from './player-stage.ts';

const SCREENS = {
  360: { width: 360, height: 640 },
  768: { width: 768, height: 1024 },
  1280: { width: 1280, height: 800 },
} as const;
const UNKNOWN_CHANNEL = '12D3KooWGRUnTVLzG1C9gRvzHMYpZUvpUTGmLqoAdcbrTvgFGUr1';

const stage = usePlayerStage();

for (const [name, viewport] of Object.entries(SCREENS)) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`${name} px wide, ${colorScheme}: nothing overflows, axe finds nothing serious`, async () => {
      const { broadcast } = await stage.goLive();
      const page = await stage.open({ viewport, colorScheme, touch: name === '360' ? 'yes' : 'no' });
      const picture = async (state: string): Promise<void> => {
        expect(
          await page.evaluate(() => document.documentElement.scrollWidth - innerWidth),
        ).toBeLessThanOrEqual(0);
        expect(await seriousProblems(page)).toEqual([]);
        await takePicture(page, `${state}-${name}-${colorScheme}`);
      };
      await page.evaluate(() => player().removeAttribute('autoplay'));
      await watchChannel(page, UNKNOWN_CHANNEL);
      await picture('idle');
      await page.click(partSelector('big-play'));
      await expectState(page, 'connecting');
      await takePicture(page, `connecting-${name}-${colorScheme}`);
      await expectState(page, 'failed');
      await picture('failed');
      // Another channel is begun like the one before it.
      await watchChannel(page, broadcast.channel);
      await expectState(page, 'live');
      await expectPart(page, 'quality', /b\/s/, { hover: true });
      await page.press('Tab');
      await picture('live');
    });
  }
}
