/** A browser that plays no sound, or nothing, before the page is touched: what Chrome and Safari do by default. */

import { expect, test } from 'vitest';

import type { BrowserPage } from '../harness/browsers.ts';
import {
  expectPart,
  expectPlayerShows,
  LIVE_MS,
  partSelector,
  takePicture,
  usePlayerStage,
} from './player-stage.ts';

const stage = usePlayerStage(
  {},
  // The later of two flags counts.
  { flags: ['--autoplay-policy=document-user-activation-required'] },
);

/** The page says so by a request: to ask it would count as a touch. */
async function untilItIsLive(page: BrowserPage): Promise<void> {
  await expect
    .poll(() => page.requests.some((url) => url.endsWith('/is-live')), { timeout: LIVE_MS, interval: 100 })
    .toBe(true);
}

test('sound is refused: pictures come without it, and a tap brings it', async () => {
  const { broadcast } = await stage.goLive();
  const page = await stage.open({ hash: `#${broadcast.channel}` });
  await untilItIsLive(page);
  expect(await page.evaluate(() => [player().muted, player().video.muted, player().paused])).toEqual([
    true,
    true,
    false,
  ]);
  await expectPlayerShows(page, { tag: 7 });
  await expectPart(page, 'sound-prompt', /Tap for sound/);
  await takePicture(page, 'sound-prompt');
  await page.setViewport({ width: 360, height: 640 });
  await takePicture(page, 'sound-prompt-360');

  await page.click(partSelector('sound-prompt'));
  await expectPart(page, 'sound-prompt', null);
  expect(await page.evaluate(() => [player().muted, player().video.muted, player().video.paused])).toEqual([
    false,
    false,
    false,
  ]);
  await expectPlayerShows(page, { tag: 7 });
});

test('a tap anywhere on the picture does the same', async () => {
  const { broadcast } = await stage.goLive();
  const page = await stage.open({ hash: `#${broadcast.channel}` });
  await untilItIsLive(page);
  await page.click('#player .surface');
  expect(await page.evaluate(() => [player().muted, player().paused])).toEqual([false, false]);
});

test('a player that is muted by its page does not call for a tap', async () => {
  const { broadcast } = await stage.goLive();
  const page = await stage.openAt(`${stage.origin}/player?muted#${broadcast.channel}`);
  await untilItIsLive(page);
  await expectPart(page, 'sound-prompt', null);
  await expectPart(page, 'mute', /Unmute/, { hover: true });
  await page.click(partSelector('mute'));
  expect(await page.evaluate(() => [player().muted, player().video.muted])).toEqual([false, false]);
});

test('even silence is refused: a button plays, with sound', async () => {
  const { broadcast } = await stage.goLive();
  const page = await stage.openAt(`${stage.origin}/player?refuses#${broadcast.channel}`);
  await untilItIsLive(page);
  await expectPart(page, 'big-play', /Play/);
  await page.click(partSelector('big-play'));
  await expectPart(page, 'big-play', null);
  expect(await page.evaluate(() => [player().muted, player().video.paused])).toEqual([false, false]);
  await expectPlayerShows(page, { tag: 7 });
});
