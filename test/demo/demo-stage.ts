/** A relay that serves the demo, a Chromium to look at it, and what people do there. */

import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, expect } from 'vitest';

import { launchBrowser } from '../harness/browsers.ts';
import type { BrowserOptions, BrowserPage, PageOptions, RunningBrowser } from '../harness/browsers.ts';
import { startRelay } from '../harness/relay-process.ts';
import type { RelayOptions, RelayProcess } from '../harness/relay-process.ts';

export const SCREENSHOTS = process.env['CASTO_SCREENSHOTS'] ?? join(tmpdir(), 'casto-demo-screenshots');
export const LIVE_MS = 20_000;

export interface GoLiveChoice {
  source?: 'camera' | 'test-picture';
  title?: string;
  unlisted?: true;
}

export interface DemoStageOptions {
  relay?: RelayOptions;
  browser?: BrowserOptions;
}

export class DemoStage {
  readonly #options: DemoStageOptions;
  #opened: { readonly relay: RelayProcess; readonly browser: RunningBrowser } | null = null;
  readonly #pages: BrowserPage[] = [];

  constructor(options: DemoStageOptions = {}) {
    this.#options = options;
  }

  get relay(): RelayProcess {
    return this.#parts.relay;
  }

  get browser(): RunningBrowser {
    return this.#parts.browser;
  }

  async open(): Promise<void> {
    mkdirSync(SCREENSHOTS, { recursive: true });
    const relay = await startRelay(this.#options.relay);
    this.#opened = { relay, browser: await launchBrowser('chromium', this.#options.browser) };
  }

  async close(): Promise<void> {
    await this.#opened?.browser.close();
    await this.#opened?.relay.stop();
  }

  async page(address: string, options: PageOptions = {}): Promise<BrowserPage> {
    const page = await this.browser.newPage(options);
    this.#pages.push(page);
    await page.goto(new URL(address, this.relay.http).href);
    return page;
  }

  async closePages(): Promise<void> {
    await Promise.all(this.#pages.splice(0).map((page) => page.close()));
  }

  get #parts(): { readonly relay: RelayProcess; readonly browser: RunningBrowser } {
    if (this.#opened === null) throw new Error('the stage is not open yet');
    return this.#opened;
  }

  /** Errors, and requests to anywhere but the relay. */
  problemsOf(...seen: BrowserPage[]): string[] {
    const origin = `${this.relay.http}/`;
    return seen.flatMap(({ errors, requests }) => [
      ...errors,
      ...requests.filter((url) => /^https?:/.test(url) && !url.startsWith(origin)),
    ]);
  }
}

/** Registers the hooks of a test file. What is returned may be used in its tests. */
export function useDemoStage(options: DemoStageOptions = {}): DemoStage {
  const stage = new DemoStage(options);
  beforeAll(() => stage.open());
  afterEach(() => stage.closePages());
  afterAll(() => stage.close());
  return stage;
}

/** From the start page to the point where only "Go live" is left to press. */
export async function prepare(page: BrowserPage, choice: GoLiveChoice = {}): Promise<void> {
  await page.click('#to-go-live');
  await expectView(page, 'go-live');
  if (choice.source !== undefined) await page.click(`input[value=${choice.source}]`);
  if (choice.title !== undefined) await page.fill('input[name=title]', choice.title);
  if (choice.unlisted) await page.click('input[name=unlisted]');
  await expectReady(page);
}

/** @returns The link for viewers. */
export async function goLive(page: BrowserPage, choice: GoLiveChoice = {}): Promise<string> {
  await prepare(page, choice);
  await page.click('#start');
  await expectPhase(page, 'live');
  return linkOf(page);
}

export async function linkOf(page: BrowserPage): Promise<string> {
  return page.waitFor(
    () => {
      const link = document.querySelector('#link');
      return link instanceof HTMLInputElement ? link.value : '';
    },
    { timeoutMs: 5000, what: 'the link for viewers' },
  );
}

/** The preview shows what would be broadcast. */
export async function expectReady(page: BrowserPage): Promise<void> {
  await page.waitFor(
    () => {
      const start = document.querySelector('#start');
      return start instanceof HTMLButtonElement && !start.disabled;
    },
    { timeoutMs: LIVE_MS, what: 'a preview' },
  );
}

export async function expectView(page: BrowserPage, view: 'home' | 'go-live' | 'session'): Promise<void> {
  await page.waitFor(
    (wanted) => document.body.dataset['shown'] === wanted,
    { timeoutMs: 10_000, what: `view ${view}` },
    view,
  );
}

export async function expectPhase(page: BrowserPage, phase: string, timeoutMs = LIVE_MS): Promise<void> {
  const limits = { timeoutMs, what: `phase ${phase}` };
  await page.waitFor((wanted) => document.body.dataset['phase'] === wanted, limits, phase);
}

/** The fake camera carries no numbers, but its pictures can be counted. */
export async function expectPictures(page: BrowserPage, selector = '#video'): Promise<void> {
  const pictures = await page.evaluate(
    async ({ withinMs, selector }) => {
      const video = document.querySelector(selector);
      if (!(video instanceof HTMLVideoElement)) return 0;
      const watch = castoHarness.watchPictures(video);
      const deadline = performance.now() + withinMs;
      while (watch.readings.length < 10 && performance.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      watch.stop();
      return watch.readings.length;
    },
    { withinMs: LIVE_MS, selector },
  );
  expect(pictures).toBeGreaterThanOrEqual(10);
}

export async function textOf(page: BrowserPage, selector: string): Promise<string> {
  return page.evaluate((wanted) => document.querySelector(wanted)?.textContent?.trim() ?? '', selector);
}

export async function expectText(
  page: BrowserPage,
  selector: string,
  pattern: string,
  timeoutMs = LIVE_MS,
): Promise<void> {
  await page.waitFor(
    (wanted) => new RegExp(wanted.pattern).test(document.querySelector(wanted.selector)?.textContent ?? ''),
    { timeoutMs, what: `${pattern} in ${selector}` },
    { selector, pattern },
  );
}

/** Pictures with a number each, and a steady tone. */
export async function replaceCamera(page: BrowserPage): Promise<void> {
  await page.evaluate(() => {
    navigator.mediaDevices.getUserMedia = async () => {
      const source = await castoHarness.createSyntheticSource({ width: 640, height: 360, tag: 7 });
      return source.stream;
    };
  });
}

export function pictureFile(name: string): `${string}.png` {
  return `${join(SCREENSHOTS, name)}.png`;
}
