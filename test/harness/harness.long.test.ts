/** The harness proves itself: what it claims to see is there, and what is not there makes it fail. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { launchBrowser, skipReason } from './browsers.ts';
import type { BrowserName, BrowserPage, RunningBrowser } from './browsers.ts';
import { expectPicturesAdvance, expectSilence, expectTone, measureLipSync } from './expectations.ts';
import { startPageServer } from './page-server.ts';
import type { PageServer } from './page-server.ts';
import { decodePictureCode, encodePictureCode } from './page/picture-code.ts';
import type { SyntheticSource, SyntheticSourceOptions } from './page/synthetic-source.ts';

declare global {
  // What a test page keeps between two calls of `evaluate`.
  var testSource: SyntheticSource;
}

const CODECS: [BrowserName, string][] = [
  ['chromium', 'video/vp8'],
  ['chromium', 'video/h264'],
  // Firefox fetches its H264 from the network, so that it has none in a test without one.
  ['firefox', 'video/vp8'],
];

let server: PageServer;

beforeAll(async () => {
  server = await startPageServer();
});

afterAll(async () => {
  await server.close();
});

describe('picture code', () => {
  test('every number and tag is read back', () => {
    for (const number of [0, 1, 2, 3, 1000, 2 ** 20 - 1]) {
      for (const tag of [0, 5, 15]) {
        expect(decodePictureCode(encodePictureCode({ number, tag }))).toEqual({ number, tag });
      }
    }
  });

  test('black, white and damaged pictures carry no number', () => {
    expect(decodePictureCode(Array.from({ length: 32 }, () => false))).toBeNull();
    expect(decodePictureCode(Array.from({ length: 32 }, () => true))).toBeNull();
    const cells = encodePictureCode({ number: 4711, tag: 3 });
    for (const damaged of cells.keys()) {
      expect(decodePictureCode(cells.map((cell, index) => (index === damaged ? !cell : cell)))).toBeNull();
    }
  });
});

for (const name of ['chromium', 'firefox'] as const) {
  const reason = skipReason(name);
  describe.skipIf(reason !== null)(reason === null ? name : `${name} (${reason})`, () => {
    let browser: RunningBrowser;

    beforeAll(async () => {
      browser = await launchBrowser(name);
    });

    afterAll(async () => {
      await browser?.close();
    });

    for (const [, codec] of CODECS.filter(([of]) => of === name)) {
      test(`pictures and tone pass a loopback connection in ${codec}`, async () => {
        const page = await openLoopback(browser, codec, { tag: 9 });
        const pictures = await expectPicturesAdvance(page, '#video', {
          atLeast: 20,
          withinMs: 15_000,
          tag: 9,
        });
        expect(pictures.unreadable).toBeLessThan(pictures.read / 4);
        await expectTone(page, '#video', { withinMs: 5000 });
        const [stats] = await page.evaluate(() => castoHarness.summariseConnections());
        const codecs = stats?.streams.map((stream) => stream.codec?.toLowerCase());
        expect(codecs).toContain(codec);
        expect(codecs).toContain('audio/opus');
        expect(page.errors).toEqual([]);
        await page.close();
      });
    }

    test('a black, a frozen and a muted stream are seen as such', async () => {
      const page = await openLoopback(browser, 'video/vp8', {});
      await expectPicturesAdvance(page, '#video', { atLeast: 5, withinMs: 15_000 });
      const soon = { atLeast: 5, withinMs: 1500 };

      await page.evaluate(() => testSource.setPicture('frozen'));
      await settle(page);
      await expect(expectPicturesAdvance(page, '#video', soon)).rejects.toThrow(/wanted 5 advances/);

      await page.evaluate(() => testSource.setPicture('black'));
      await settle(page);
      await expect(expectPicturesAdvance(page, '#video', soon)).rejects.toThrow(/, 0 readable/);

      await expectTone(page, '#video', { withinMs: 5000 });
      await page.evaluate(() => testSource.setTone('off'));
      await settle(page);
      await expectSilence(page, '#video');
      await expect(expectTone(page, '#video', { withinMs: 500 })).rejects.toThrow(/no tone/);
      await page.close();
    });

    test('pictures of another source are refused', async () => {
      const page = await openLoopback(browser, 'video/vp8', { tag: 3 });
      const wrong = expectPicturesAdvance(page, '#video', { atLeast: 5, withinMs: 10_000, tag: 4 });
      await expect(wrong).rejects.toThrow(/source 3/);
      await page.close();
    });

    test('flash and beep stay together', async () => {
      const page = await openLoopback(browser, 'video/vp8', { flashEveryMs: 1000 });
      const sync = await measureLipSync(page, '#video', { pairs: 4, withinMs: 20_000 });
      expect(sync.offsetsMs.length).toBeGreaterThanOrEqual(4);
      expect(Math.abs(sync.medianMs ?? Infinity)).toBeLessThan(150);
      await page.close();
    });

    test('uncaught errors and console errors are collected', async () => {
      const page = await browser.newPage();
      await page.goto(server.origin);
      await page.evaluate(() => {
        console.error('said aloud');
        setTimeout(() => {
          throw new Error('not caught');
        });
      });
      await expect
        .poll(() => page.errors.join('\n'))
        .toMatch(/said aloud[^]*not caught|not caught[^]*said aloud/);
      expect(page.requests).toContain(`${server.origin}/`);
      const never = page.waitFor(() => false, { timeoutMs: 200, what: 'pigs to fly' });
      await expect(never).rejects.toThrow(/pigs to fly/);
      await page.close();
    });
  });
}

/** Opens a page that plays a synthetic source through two peer connections. */
async function openLoopback(
  browser: RunningBrowser,
  codec: string,
  options: SyntheticSourceOptions,
): Promise<BrowserPage> {
  const page = await browser.newPage();
  await page.goto(server.origin);
  await page.evaluate(
    async (given) => {
      globalThis.testSource = await castoHarness.createSyntheticSource(given.options);
      const loopback = await castoHarness.connectLoopback(testSource.stream, given.codec);
      const video = document.querySelector('video');
      if (video !== null) video.srcObject = loopback.received;
    },
    { codec, options },
  );
  return page;
}

/** Lets what is on its way arrive: jitter buffers hold less than this. */
async function settle(page: BrowserPage): Promise<void> {
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 700)));
}
