/** The dashboard as operators meet it: a real relay, a broadcast that a WHIP client sends, a WHEP client that watches. */

import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { NativePlayer } from '../../packages/nodejs/test/whip/native-player.ts';
import { NativePublisher, type Handle } from '../../packages/nodejs/test/whip/native-publisher.ts';
import { seriousProblems } from '../harness/accessibility.ts';
import { launchBrowser, skipReason } from '../harness/browsers.ts';
import type { BrowserPage, PageOptions, RunningBrowser } from '../harness/browsers.ts';
import { lanAddress } from '../harness/page-server.ts';
import { startRelay, type RelayProcess } from '../harness/relay-process.ts';

const SCREENSHOTS = process.env['CASTO_SCREENSHOTS'] ?? join(tmpdir(), 'casto-dashboard-screenshots');
const PHONE = { width: 390, height: 844 };
const WITHIN = { timeoutMs: 15_000 };
const POLL_MS = 2_000;
const TOKEN = 'a-token-for-this-test';

const reason = skipReason('chromium');

describe.skipIf(reason !== null)(`the dashboard${reason === null ? '' : ` (${reason})`}`, () => {
  let browser: RunningBrowser;
  let relay: RelayProcess;
  const pages: BrowserPage[] = [];
  const closing: (() => unknown)[] = [];

  beforeAll(async () => {
    mkdirSync(SCREENSHOTS, { recursive: true });
    [browser, relay] = await Promise.all([launchBrowser('chromium'), startRelay()]);
  });

  afterEach(async () => {
    for (const page of pages.splice(0)) await page.close();
    for (const close of closing.splice(0)) await close();
  });

  afterAll(async () => {
    await browser?.close();
    await relay?.stop();
  });

  async function open(url: string, options: PageOptions = {}): Promise<BrowserPage> {
    const page = await browser.newPage(options);
    pages.push(page);
    await page.goto(url);
    return page;
  }

  function publish(): NativePublisher {
    const publisher = new NativePublisher();
    closing.push(() => publisher.close());
    return publisher;
  }

  test('shows a channel that begins, and a viewer who comes, in light and dark, on wide and narrow screens', async () => {
    const page = await open(`${relay.http}/dashboard`, { viewport: { width: 1280, height: 1000 } });
    await page.waitFor(() => document.querySelector('#condition')?.textContent === 'ready', WITHIN);
    expect(await textOf(page, '#channels-empty')).toContain('Nothing is live');
    expect(await textOf(page, '#whip-address')).toBe(`${relay.http}/whip/NAME`);
    await page.screenshot(join(SCREENSHOTS, 'empty.png') as `${string}.png`);

    const publisher = publish();
    expect((await publisher.publish(over(relay), '/whip/studio')).status).toBe(201);
    publisher.start();
    await page.waitFor(() => document.querySelector('#channels .title')?.textContent === 'studio', WITHIN);
    const player = new NativePlayer();
    closing.push(() => player.close());
    expect((await player.play(over(relay), '/whep/studio')).status).toBe(201);
    await page.waitFor(() => document.querySelector('#tiles dd')?.textContent === '1', WITHIN);
    await page.waitFor(
      () => document.querySelector('#children')?.textContent?.includes('WHEP player'),
      WITHIN,
    );
    await page.waitFor(
      () => /bit\/s/.test(document.querySelector('#channels tr')?.textContent ?? ''),
      WITHIN,
    );
    expect(await textOf(page, '#channels')).toMatch(/studio.*live.*WHIP publisher.*VP8 \+ Opus/);
    expect(await textOf(page, '#tree-parents')).toContain('the publisher sends to this relay');
    await page.screenshot(join(SCREENSHOTS, 'light.png') as `${string}.png`);
    expect(await seriousProblems(page)).toEqual([]);
    await page.setViewport(PHONE);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(
      0,
    );
    await page.screenshot(join(SCREENSHOTS, 'phone.png') as `${string}.png`);
    expect(page.errors).toEqual([]);

    const dark = await open(`${relay.http}/dashboard/`, {
      colorScheme: 'dark',
      viewport: { width: 1280, height: 1000 },
    });
    await dark.waitFor(
      () => document.querySelector('#children')?.textContent?.includes('WHEP player'),
      WITHIN,
    );
    await dark.screenshot(join(SCREENSHOTS, 'dark.png') as `${string}.png`);
    expect(await seriousProblems(dark)).toEqual([]);
    expect(dark.errors).toEqual([]);
    // All that it needs comes from the relay.
    expect(dark.requests.filter((url) => !url.startsWith(relay.http) && !url.startsWith('data:'))).toEqual(
      [],
    );
  });

  test('asks for nothing while nobody looks, and at once when somebody does again', async () => {
    const page = await open(`${relay.http}/dashboard/`);
    const asked = (): number => page.requests.filter((url) => url.endsWith('/dashboard/state')).length;
    await expect.poll(asked, { timeout: WITHIN.timeoutMs }).toBeGreaterThan(0);
    await page.evaluate(() => {
      Object.defineProperty(document, 'hidden', { configurable: true, value: true });
      document.dispatchEvent(new Event('visibilitychange'));
    });
    const before = asked();
    // Longer than it takes for the next question; one may have been under way.
    await delay(POLL_MS + 1_000);
    expect(asked() - before).toBeLessThanOrEqual(1);
    const hidden = asked();
    await page.evaluate(() => {
      Object.defineProperty(document, 'hidden', { configurable: true, value: false });
      document.dispatchEvent(new Event('visibilitychange'));
    });
    await expect.poll(asked, { timeout: WITHIN.timeoutMs }).toBeGreaterThan(hidden);
  });

  test('says that the relay is gone, keeps what it said last, and goes on when it is back', async () => {
    const other = await startRelay();
    closing.push(() => other.stop());
    const page = await open(`${other.http}/dashboard/`);
    await page.waitFor(() => document.querySelector('#condition')?.textContent === 'ready', WITHIN);
    await other.kill();
    await page.waitFor(
      () => document.querySelector('#trouble')?.textContent?.includes('Reconnecting'),
      WITHIN,
    );
    expect(await textOf(page, '#condition')).toBe('reconnecting');
    expect(await textOf(page, '#health')).toContain(other.peerId);
    await other.restart();
    await page.waitFor(() => document.querySelector('#condition')?.textContent === 'ready', WITHIN);
    expect(await page.evaluate(() => document.querySelector('#trouble')?.checkVisibility())).toBe(false);
  });

  const lan = lanAddress();
  test.skipIf(lan === null)(
    'asks those who come from elsewhere for the token, which stays out of addresses',
    async () => {
      const guarded = await startRelay({ host: '0.0.0.0', env: { CASTO_DASHBOARD_TOKEN: TOKEN } });
      closing.push(() => guarded.stop());
      const { port } = new URL(guarded.http);
      const page = await open(`http://${lan}:${port}/dashboard/`);
      await page.waitFor(() => document.querySelector('#token')?.checkVisibility(), WITHIN);
      expect(await page.evaluate(() => document.activeElement?.id)).toBe('token-field');
      expect(await seriousProblems(page)).toEqual([]);
      await page.screenshot(join(SCREENSHOTS, 'token.png') as `${string}.png`);
      await page.fill('#token-field', 'wrong');
      await page.press('Enter');
      await page.waitFor(
        () => document.querySelector('#token-wrong')?.textContent?.includes('not the token'),
        WITHIN,
      );
      await page.fill('#token-field', TOKEN);
      await page.press('Enter');
      await page.waitFor(() => document.querySelector('#content')?.checkVisibility(), WITHIN);
      expect(await textOf(page, '#health')).toContain(guarded.peerId);
      expect(page.requests.filter((url) => url.includes(TOKEN))).toEqual([]);
      expect(guarded.stderr()).not.toContain(TOKEN);
    },
  );
});

/** Sends requests of WHIP and WHEP clients over HTTP. */
function over(relay: RelayProcess): Handle {
  return async ({ method, path, headers, body }) => {
    const given = Object.entries(headers).flatMap(([name, value]) =>
      typeof value === 'string' ? [[name, value]] : [],
    );
    const init = { method, headers: Object.fromEntries(given) as Record<string, string> };
    const response = await fetch(`${relay.http}${path}`, { ...init, body: body.toString() });
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: await response.text(),
    };
  };
}

function textOf(page: BrowserPage, selector: string): Promise<string> {
  return page.evaluate((given) => document.querySelector(given)?.textContent ?? '', selector);
}
