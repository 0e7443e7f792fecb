/** Pages with a `<casto-player>`, as sites write them, and a streamer to watch. */

import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, expect } from 'vitest';

import type { CastoPlayerElement } from 'casto/player';
import { goLive, openPage, startStage, type Broadcast } from '../broadcast/stage.ts';
import type { BrowserOptions, BrowserPage, PageOptions, RunningBrowser } from '../harness/browsers.ts';
import { launchBrowser } from '../harness/browsers.ts';
import type { PageServer } from '../harness/page-server.ts';
import type { PictureReading } from '../harness/page/picture-reader.ts';
import { startRelay, type RelayProcess } from '../harness/relay-process.ts';

const SCREENSHOTS = process.env['CASTO_SCREENSHOTS'] ?? join(tmpdir(), 'casto-player-screenshots');

export const LIVE_MS = 30_000;
const PLAYER_PAGE = '/player';
const POLL_MS = 100;

declare global {
  /** What a player has told, in order. */
  var told: string[];
  /** The first player of the page. */
  function player(): CastoPlayerElement;
}

export interface PlayerStage {
  readonly relay: RelayProcess;
  /** Goes live with numbered pictures of the tag, and a tone. */
  goLive(tag?: number): Promise<{ streamer: BrowserPage; broadcast: Broadcast }>;
  /** A page whose players wait for a channel. */
  open(options?: PageOptions & { hash?: string }): Promise<BrowserPage>;
  /** Any page of the relay's or of the stage's. */
  openAt(url: string, options?: PageOptions): Promise<BrowserPage>;
  readonly origin: string;
}

/**
 * Registers the hooks of a test file.
 *
 * @param pages - Further pages by path; `RELAY` in them becomes the relay's origin.
 */
export function usePlayerStage(
  pages: Readonly<Record<string, string>> = {},
  browserOptions: BrowserOptions = {},
): PlayerStage {
  let relay: RelayProcess;
  let server: PageServer;
  let browser: RunningBrowser;
  const opened: BrowserPage[] = [];

  beforeAll(async () => {
    relay = await startRelay();
    const files: Record<string, string> = {};
    for (const [path, text] of Object.entries({ [PLAYER_PAGE]: playerPage(), ...pages })) {
      files[path] = text.replaceAll('RELAY', relay.http);
    }
    server = await startStage(relay, { files });
    browser = await launchBrowser('chromium', browserOptions);
  });

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((page) => page.close()));
  });

  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await relay?.stop();
  });

  const openAt = async (url: string, options: PageOptions = {}): Promise<BrowserPage> => {
    const page = await browser.newPage(options);
    opened.push(page);
    await page.goto(url);
    return page;
  };
  return {
    get relay() {
      return relay;
    },
    get origin() {
      return server.origin;
    },
    goLive: async (tag = 7) => {
      const streamer = await openPage(browser, server.origin);
      opened.push(streamer);
      // A browser that wants a touch before it makes a sound gets one.
      await streamer.click('body');
      const broadcast = await goLive(streamer, { relays: [relay.http] }, { width: 640, height: 360, tag });
      return { streamer, broadcast };
    },
    open: ({ hash = '', ...options } = {}) => openAt(`${server.origin}${PLAYER_PAGE}${hash}`, options),
    openAt,
  };
}

/**
 * `#ID` in the address makes the player watch it without the test asking the page, which would count as a touch. With
 * `?muted` it is muted; with `?refuses` nothing plays before a click, silent or not, as on an iPhone that saves its
 * battery.
 */
function playerPage(): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>A page with a player</title>
<link rel="icon" href="data:,">
<style>
  body { margin: 0; padding: 16px; font-family: system-ui; }
  casto-player { max-width: 960px; }
</style>
<main>
  <h1>A page with a player</h1>
  <casto-player id="player" relays="RELAY" autoplay controls></casto-player>
</main>
<script>
  globalThis.told = [];
  globalThis.player = () => document.querySelector('casto-player');
  for (const type of ['castostate', 'castoerror', 'play', 'pause', 'volumechange', 'playing']) {
    player().addEventListener(type, ({ detail }) => {
      told.push(detail === undefined || detail === null ? type : type + ' ' + (detail.state ?? detail.reason));
      if (detail?.state === 'live') setTimeout(() => fetch('/is-live').catch(() => {}), 2000);
    });
  }
  if (location.search === '?muted') player().setAttribute('muted', '');
  if (location.search === '?refuses') {
    const { play } = HTMLMediaElement.prototype;
    let isTouched = false;
    addEventListener('click', () => (isTouched = true), { capture: true });
    HTMLMediaElement.prototype.play = function () {
      return isTouched ? play.call(this) : Promise.reject(new DOMException('not now', 'NotAllowedError'));
    };
  }
  if (location.hash.length > 1) player().setAttribute('channel', location.hash.slice(1));
</script>
<script type="module" src="RELAY/casto-player.js"></script>
</html>`;
}

export async function watchChannel(page: BrowserPage, channel: string, selector = '#player'): Promise<void> {
  await page.evaluate(
    (what) => document.querySelector(what.selector)?.setAttribute('channel', what.channel),
    { selector, channel },
  );
}

export async function expectState(
  page: BrowserPage,
  state: string,
  { timeoutMs = LIVE_MS, selector = '#player' }: { timeoutMs?: number; selector?: string } = {},
): Promise<void> {
  await page.waitFor(
    (wanted) => {
      const player = document.querySelector<CastoPlayerElement>(wanted.selector);
      return player?.state === wanted.state;
    },
    { timeoutMs, what: `${selector} is ${state}` },
    { selector, state },
  );
}

/** Fails unless the player shows the decoded pictures of that source, and they advance. */
export async function expectPlayerShows(
  page: BrowserPage,
  { tag, selector = '#player' }: { tag: number; selector?: string },
): Promise<void> {
  const readings: PictureReading[] = await page.evaluate((wanted) => {
    const player = document.querySelector<CastoPlayerElement>(wanted);
    if (!player) throw new Error(`no player at ${wanted}`);
    return castoHarness.readPictures(player.video, { atLeast: 10, withinMs: 15_000 });
  }, selector);
  const numbered = readings.filter(({ number }) => number !== null);
  const numbers = new Set(numbered.map(({ number }) => number));
  expect(numbers.size, `${readings.length} pictures, ${numbered.length} readable`).toBeGreaterThan(10);
  expect(new Set(numbered.map((reading) => reading.tag))).toEqual(new Set([tag]));
}

/** What a part of the player says, or `null` when it is not to be seen. */
export async function partText(
  page: BrowserPage,
  part: string,
  selector = '#player',
): Promise<string | null> {
  return page.evaluate(
    (wanted) => {
      const root = document.querySelector(wanted.selector)?.shadowRoot;
      const element = root?.querySelector<HTMLElement>(`[part~="${wanted.part}"]`);
      if (!element?.checkVisibility({ opacityProperty: true })) return null;
      return element.getAttribute('aria-label') ?? element.textContent;
    },
    { part, selector },
  );
}

/** Waits until a part says so; `null`: until it is not to be seen. With `hover` the mouse moves meanwhile. */
export async function expectPart(
  page: BrowserPage,
  part: string,
  pattern: RegExp | null,
  { timeoutMs = 10_000, hover = false }: { timeoutMs?: number; hover?: boolean } = {},
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    if (hover) await moveMouse(page);
    const text = await partText(page, part);
    if (pattern === null ? text === null : text !== null && pattern.test(text)) return;
    if (performance.now() > deadline) expect(text, `the part ${part}`).toEqual(pattern);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Over the player: hidden controls come back. */
export async function moveMouse(page: BrowserPage): Promise<void> {
  await page.evaluate(() => {
    const inner = document.querySelector('casto-player')?.shadowRoot?.querySelector('.player');
    inner?.dispatchEvent(new PointerEvent('pointermove', { pointerType: 'mouse', bubbles: true }));
  });
}

/** The CSS selector of a part; the driver looks into shadow roots. */
export function partSelector(part: string, selector = '#player'): string {
  return `${selector} [part~="${part}"]`;
}

/** For people to look at. */
export async function takePicture(page: BrowserPage, name: string): Promise<void> {
  mkdirSync(SCREENSHOTS, { recursive: true });
  await page.screenshot(`${join(SCREENSHOTS, name)}.png`);
}
