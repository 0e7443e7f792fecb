/** The demo as people meet it: served by a relay, from the camera to a viewer, found by link, said in plain words. */

import { describe, expect, test } from 'vitest';

import { launchBrowser, skipReason } from '../harness/browsers.ts';
import type { BrowserPage, PageOptions } from '../harness/browsers.ts';
import { expectPicturesAdvance, expectTone } from '../harness/expectations.ts';
import { startRelay } from '../harness/relay-process.ts';
import { lanAddress } from '../harness/page-server.ts';
import {
  expectPhase,
  expectPictures,
  expectReady,
  expectText,
  expectView,
  goLive,
  linkOf,
  LIVE_MS,
  replaceCamera,
  textOf,
  useDemoStage,
} from './demo-stage.ts';

const RECONNECT_MS = 40_000;
const UNKNOWN_CHANNEL = '12D3KooWGRUnTVLzG1C9gRvzHMYpZUvpUTGmLqoAdcbrTvgFGUr1';

const stage = useDemoStage();

function open(address: string, options: PageOptions = {}): Promise<BrowserPage> {
  return stage.page(address, options);
}

function problemsOf(...seen: BrowserPage[]): string[] {
  return stage.problemsOf(...seen);
}

describe('from the camera to a viewer', () => {
  test('go live, copy the link, watch it, hear it, stop', async () => {
    const streamer = await open('/', { permissions: ['clipboard-read', 'clipboard-write'] });
    await goLive(streamer, { title: 'A test of the demo' });
    expect(await textOf(streamer, '#desk-title')).toBe('A test of the demo');
    expect(await textOf(streamer, '#badge')).toMatch(/live/i);

    await streamer.click('#copy');
    await streamer.waitFor(() => document.querySelector('#copy')?.textContent === 'Copied', {
      timeoutMs: 2000,
    });
    const link = await streamer.evaluate(() => navigator.clipboard.readText());
    expect(link).toMatch(/#casto=12D3KooW\w+$/);

    expect(await asksBeforeItIsLeft(streamer)).toBe(false);
    const viewer = await open(link);
    await expectPhase(viewer, 'live');
    await expectPictures(viewer);
    await streamer.waitFor(() => document.querySelector('#chip-viewers')?.textContent === '1 viewer', {
      timeoutMs: 5000,
    });
    expect([await asksBeforeItIsLeft(streamer), await asksBeforeItIsLeft(viewer)]).toEqual([true, false]);

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
    await expectView(streamer, 'home');
    expect(await asksBeforeItIsLeft(streamer)).toBe(false);
    await expectPhase(viewer, 'ended');
    expect(problemsOf(streamer, viewer)).toEqual([]);
  });

  test('leaving and coming back by the browser ends the broadcast, and leads to the preparation', async () => {
    const streamer = await open('/');
    const viewer = await open(await goLive(streamer));
    await expectPhase(viewer, 'live');
    await streamer.evaluate(() => history.back());
    await expectView(streamer, 'go-live');
    await expectPhase(viewer, 'ended');
    await expectReady(streamer);
    await streamer.click('#start');
    await expectPhase(streamer, 'live');
    await expectPhase(viewer, 'live');
  });

  test('a screen is asked for by a button, and broadcast until it is no longer shared', async () => {
    const streamer = await open('/');
    await streamer.click('#to-go-live');
    await expectView(streamer, 'go-live');
    await streamer.click('input[value=screen]');
    await expectText(streamer, '#preview-title', '^Share a screen');
    expect(await textOf(streamer, '#preview-retry')).toBe('Choose a screen');
    await streamer.click('#preview-retry');
    await expectReady(streamer);
    await streamer.click('#start');
    await expectPhase(streamer, 'live');
    const viewer = await open(await linkOf(streamer));
    await expectPhase(viewer, 'live');
    await expectPictures(viewer);

    await streamer.evaluate(stopSharing);
    await expectPhase(streamer, 'ended');
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
    await stage.relay.kill();
    await expectPhase(viewer, 'reconnecting');
    await expectPhase(streamer, 'reconnecting');
    await stage.relay.restart();
    await expectPhase(streamer, 'live', RECONNECT_MS);
    await expectPhase(viewer, 'live', RECONNECT_MS);
    await expectPictures(viewer);
    expect(await textOf(viewer, '#badge')).toMatch(/live/i);
  }, 120_000);
});

test('a viewer fills the screen, or takes the picture out of the page, and leaving brings it back', async () => {
  const viewer = await open(await goLive(await open('/'), { source: 'test-picture' }));
  await expectPhase(viewer, 'live');
  const screenButton = () => document.querySelector('#fullscreen')?.getAttribute('aria-label');
  await viewer.click('#fullscreen');
  await viewer.waitFor(() => document.fullscreenElement?.id === 'stage', { timeoutMs: 10_000 });
  await expect.poll(() => viewer.evaluate(screenButton)).toBe('Leave full screen');
  await viewer.click('#fullscreen');
  await viewer.waitFor(() => document.fullscreenElement === null, { timeoutMs: 10_000 });
  await expect.poll(() => viewer.evaluate(screenButton)).toBe('Full screen');

  await viewer.click('#picture-in-picture');
  await viewer.waitFor(() => document.pictureInPictureElement?.id === 'video', { timeoutMs: 10_000 });
  await viewer.click('#picture-in-picture');
  await viewer.waitFor(() => document.pictureInPictureElement === null, { timeoutMs: 10_000 });
  await viewer.click('#picture-in-picture');
  await viewer.waitFor(() => document.pictureInPictureElement !== null, { timeoutMs: 10_000 });
  await viewer.click('#stop');
  await expectView(viewer, 'home');
  await viewer.waitFor(() => document.pictureInPictureElement === null, { timeoutMs: 10_000 });
  expect(problemsOf(viewer)).toEqual([]);
});

test('on the picture keys do what the buttons do, and elsewhere nothing', async () => {
  const viewer = await open(await goLive(await open('/'), { source: 'test-picture' }));
  await expectPhase(viewer, 'live');
  const isMuted = (): boolean => document.querySelector('video')?.muted === true;
  const isHidden = (): boolean => document.querySelector<HTMLElement>('#mute')?.hidden === true;
  await expect.poll(() => viewer.evaluate(isHidden), { timeout: 10_000 }).toBe(false);

  await viewer.evaluate(() => document.querySelector<HTMLElement>('#session')?.focus());
  expect(await viewer.evaluate(isMuted)).toBe(true);
  await viewer.press('KeyM');
  expect(await viewer.evaluate(isMuted)).toBe(false);
  const screenButton = () => document.querySelector('#fullscreen')?.getAttribute('aria-label');
  await viewer.press('KeyF');
  await expect.poll(() => viewer.evaluate(screenButton), { timeout: 10_000 }).toBe('Leave full screen');
  await viewer.press('KeyF');
  await expect.poll(() => viewer.evaluate(screenButton), { timeout: 10_000 }).toBe('Full screen');

  await viewer.evaluate(() => document.querySelector<HTMLElement>('#tab-chat')?.focus());
  await viewer.press('KeyM');
  expect(await viewer.evaluate(isMuted)).toBe(false);
  expect(problemsOf(viewer)).toEqual([]);
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
    await expectView(viewer, 'home');
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
    await expectView(viewer, 'home');
  });

  test('a closed camera is said in plain words, and the test picture helps out', async () => {
    const page = await open('/');
    await page.evaluate(() => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError'));
    });
    await page.click('#to-go-live');
    await expectText(page, '#preview-title', '^The camera is not allowed$');
    expect(await textOf(page, '#announcer')).toMatch(/not allowed.*try again/i);
    expect(await page.evaluate(() => document.querySelector('#start')?.matches(':disabled'))).toBe(true);
    await page.click('#preview-test');
    await expectReady(page);
    await page.click('#start');
    await expectPhase(page, 'live');
    expect(problemsOf(page)).toEqual([]);
  });

  test('a computer without a camera is told what else there is', async () => {
    const page = await open('/');
    await page.evaluate(() => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotFoundError'));
    });
    await page.click('#to-go-live');
    await expectText(page, '#preview-title', '^No camera found$');
    expect(await textOf(page, '#preview-text')).toMatch(/screen, a video file or the test picture/);
  });

  test('plain.html does the same in one file', async () => {
    const streamer = await open('/plain.html');
    const link = await streamer.waitFor(() => document.querySelector('a')?.href ?? '', {
      timeoutMs: LIVE_MS,
    });
    const viewer = await open(link);
    await expectPictures(viewer, 'video');
    expect(problemsOf(streamer, viewer)).toEqual([]);
  });

  const noFirefox = lanAddress() === null ? 'no address but loopback' : skipReason('firefox');
  // Firefox gathers no candidate on 127.0.0.1, so that its joins there are a matter of luck.
  test.skipIf(noFirefox !== null)(`Firefox watches over the local network ${noFirefox ?? ''}`, async () => {
    const lanRelay = await startRelay({ host: '0.0.0.0' });
    const firefox = await launchBrowser('firefox');
    try {
      const streamer = await open(`http://127.0.0.1:${new URL(lanRelay.http).port}/`);
      const link = new URL(await goLive(streamer));
      link.hostname = lanAddress() ?? '';
      const viewer = await firefox.newPage();
      await viewer.goto(link.href);
      await expectPhase(viewer, 'live');
      await expectPictures(viewer);
      expect(viewer.errors).toEqual([]);
    } finally {
      await firefox.close();
      await lanRelay.stop();
    }
  });
});

/** What the page answers when its browser wants to close or reload it: a busy one is not waited for by a real browser. */
async function asksBeforeItIsLeft(page: BrowserPage): Promise<boolean> {
  return page.evaluate(() => !dispatchEvent(new Event('beforeunload', { cancelable: true })));
}

/** In the page of the streamer: what the browser does when its own bar is told to stop sharing. */
function stopSharing(): void {
  const video = document.querySelector('#video');
  const source = video instanceof HTMLVideoElement ? video.srcObject : null;
  if (!(source instanceof MediaStream)) throw new Error('nothing is shared');
  for (const track of source.getTracks()) {
    track.stop();
    track.dispatchEvent(new Event('ended'));
  }
}
