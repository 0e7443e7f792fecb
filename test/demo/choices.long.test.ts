/** What people may choose before they go live: devices, sizes, qualities, and what is left of it where nothing is secure. */

import { expect, test } from 'vitest';

import { encodedHeights } from '../broadcast/stage.ts';
import type { BrowserPage } from '../harness/browsers.ts';
import { lanAddress } from '../harness/page-server.ts';
import {
  expectPhase,
  expectPictures,
  expectReady,
  expectText,
  LIVE_MS,
  linkOf,
  prepare,
  textOf,
  useDemoStage,
} from './demo-stage.ts';

/** Of the test picture's beep. */
const BEEP_HZ = 660;

const stage = useDemoStage({
  // The page is also opened at an address of the network, where it is not secure.
  relay: { host: '0.0.0.0' },
  browser: {
    // The later of two flags counts.
    flags: [
      '--use-fake-device-for-media-stream=device-count=2',
      '--autoplay-policy=document-user-activation-required',
    ],
  },
});

function at(host: string, path: string): string {
  return `http://${host}:${new URL(stage.relay.http).port}${path}`;
}

test('camera and microphone are chosen by name, and whatever is gone is missed alone', async () => {
  const page = await stage.page(at('localhost', '/'));
  await prepare(page);
  await expectText(page, '#level-words', '^Sound is on$');
  const cameras = await choicesOf(page, '#camera');
  const microphones = await choicesOf(page, '#microphone');
  expect(cameras.map(({ label }) => label)).toEqual([
    expect.stringMatching(/\w/),
    expect.stringMatching(/\w/),
  ]);
  expect(microphones.at(-1)).toEqual({ id: 'none', label: 'No microphone' });
  expect(microphones.length).toBeGreaterThan(2);

  const [camera, microphone] = [cameras[1]?.id ?? '', microphones.at(-2)?.id ?? ''];
  await choose(page, '#camera', camera);
  await expectUsed(page, 'video', camera);
  await choose(page, '#microphone', microphone);
  await expectUsed(page, 'audio', microphone);
  await choose(page, '#microphone', 'none');
  await expectText(page, '#level-words', '^No sound$');
  await expectUsed(page, 'audio', null);

  await choose(page, '#microphone', 'unplugged');
  await expectReady(page);
  await expectUsed(page, 'video', camera);
  expect(await textOf(page, '#level-words')).toBe('No sound');
  await choose(page, '#camera', 'unplugged');
  await expectText(page, '#preview-title', '^No camera found$');
});

test('the picture has the chosen size, in as many qualities as were chosen', async () => {
  const streamer = await stage.page(at('localhost', '/'));
  await prepare(streamer, { source: 'test-picture' });
  await expectHeight(streamer, '#preview-video', 720);
  await choose(streamer, 'select[name=size]', '360');
  await expectHeight(streamer, '#preview-video', 360);
  await choose(streamer, 'select[name=layers]', '2');
  await streamer.click('#start');
  await expectPhase(streamer, 'live');
  const viewer = await stage.page(await linkOf(streamer));
  await expectPhase(viewer, 'live');
  await expectPictures(viewer);
  await expect
    .poll(async () => (await encodedHeights(streamer)).toSorted((one, other) => one - other), {
      timeout: LIVE_MS,
    })
    .toEqual([180, 360]);
});

const host = lanAddress();

test.skipIf(host === null)('an address that is not secure says so, and what is left works', async () => {
  const page = await openUntouched(at(host ?? '', '/#go-live'));
  expect(
    await page.evaluate(() => [isSecureContext, document.querySelector('#insecure')?.checkVisibility()]),
  ).toEqual([false, true]);
  const sources = await page.evaluate(() =>
    [...document.querySelectorAll<HTMLInputElement>('input[name=source]')].map(
      ({ value, disabled, checked }) => `${value}${disabled ? ' disabled' : ''}${checked ? ' checked' : ''}`,
    ),
  );
  expect(sources).toEqual(['camera disabled', 'screen disabled', 'file', 'test-picture checked']);
  await expectReady(page);
  expect(await textOf(page, '#level-words')).toBe('Quiet so far');
  await page.click('input[name=title]');
  await expectText(page, '#level-words', '^Sound is on$');
});

test.skipIf(host === null)('whoever presses nothing but "Go live" is heard', async () => {
  const streamer = await openUntouched(at(host ?? '', '/#go-live'));
  await streamer.click('#start');
  await expectPhase(streamer, 'live');
  const viewer = await stage.page(await linkOf(streamer));
  await expectPhase(viewer, 'live');
  await viewer.click('#sound-call');
  const { toneRms } = await viewer.evaluate((frequencyHz) => {
    const stream = document.querySelector('video')?.srcObject;
    if (!(stream instanceof MediaStream)) throw new Error('nothing plays');
    return castoHarness.measureTone(stream, { frequencyHz, forMs: 2500 });
  }, BEEP_HZ);
  expect(toneRms).toBeGreaterThan(0.001);
});

/** A page that paints already, and that nobody has touched yet: whatever is evaluated in one would count as a touch. */
async function openUntouched(address: string): Promise<BrowserPage> {
  const page = await stage.page(address);
  await expect
    .poll(() => page.requests.some((url) => url.includes('ticker-worker')), { timeout: LIVE_MS })
    .toBe(true);
  return page;
}

async function choicesOf(page: BrowserPage, selector: string): Promise<{ id: string; label: string }[]> {
  return page.evaluate((wanted) => {
    const field = document.querySelector(wanted);
    if (!(field instanceof HTMLSelectElement) || field.disabled)
      throw new Error(`nothing to choose: ${wanted}`);
    return [...field.options].map(({ value, text }) => ({ id: value, label: text }));
  }, selector);
}

/** As the person would; a device that is gone is offered first. */
async function choose(page: BrowserPage, selector: string, value: string): Promise<void> {
  await page.evaluate(
    (wanted) => {
      const field = document.querySelector(wanted.selector);
      if (!(field instanceof HTMLSelectElement)) throw new Error(`no field ${wanted.selector}`);
      if (![...field.options].some((option) => option.value === wanted.value)) {
        field.append(new Option('Unplugged', wanted.value));
      }
      field.value = wanted.value;
      field.dispatchEvent(new Event('change', { bubbles: true }));
    },
    { selector, value },
  );
}

/** @param id - Of the device that the preview shows or hears; `null`: none. */
async function expectUsed(page: BrowserPage, kind: 'video' | 'audio', id: string | null): Promise<void> {
  await page.waitFor(
    (wanted) => {
      const stream = document.querySelector<HTMLVideoElement>('#preview-video')?.srcObject;
      if (!(stream instanceof MediaStream)) return false;
      const track = stream.getTracks().find((one) => one.kind === wanted.kind);
      return (track?.getSettings().deviceId ?? null) === wanted.id;
    },
    { timeoutMs: LIVE_MS, what: `the device for ${kind}` },
    { kind, id },
  );
}

async function expectHeight(page: BrowserPage, selector: string, height: number): Promise<void> {
  await page.waitFor(
    (wanted) => document.querySelector<HTMLVideoElement>(wanted.selector)?.videoHeight === wanted.height,
    { timeoutMs: LIVE_MS, what: `${height} lines in ${selector}` },
    { selector, height },
  );
}
