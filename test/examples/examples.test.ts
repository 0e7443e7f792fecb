/**
 * The examples of the documentation as their readers run them: built by Vite, or as the file that they are, with a real
 * relay and the browser's fake camera.
 */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build, preview } from 'vite';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

import { launchBrowser, type BrowserPage, type RunningBrowser } from '../harness/browsers.ts';
import { startPageServer, type PageServer } from '../harness/page-server.ts';
import { startRelay, type RelayProcess } from '../harness/relay-process.ts';

const EXAMPLES = fileURLToPath(new URL('../../docs/examples/', import.meta.url));
const SDK = fileURLToPath(new URL('../../packages/browser/dist/', import.meta.url));
/** What the plain example names where its reader has a relay. */
const PLACEHOLDER = 'https://relay.example';
/** A page asks its own origin whether it is a relay, which these are not: the browser reports that it is not found. */
const OWN_RELAY = '404 (Not Found) (http://localhost:';
const LIVE_MS = 30_000;
/** Two pages go through several waits, on machines with few cores. */
const TEST_MS = 120_000;

let relay: RelayProcess;
let browser: RunningBrowser;
const closers: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  relay = await startRelay();
  browser = await launchBrowser('chromium');
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

afterAll(async () => {
  await browser?.close();
  await relay?.stop();
});

test(
  'plain: one HTML file with casto.js from the relay',
  async () => {
    const page = readFileSync(join(EXAMPLES, 'plain/index.html'), 'utf8');
    expect(page).toContain(PLACEHOLDER);
    const { origin } = await serve({ '/': page.replaceAll(PLACEHOLDER, relay.http) });
    await expectBroadcast(`${origin}/`);
  },
  TEST_MS,
);

test(
  'plain: casto.js and its chunks from another place than the relay',
  async () => {
    const page = readFileSync(join(EXAMPLES, 'plain/index.html'), 'utf8');
    const files: Record<string, string> = {
      '/': page.replaceAll(`${PLACEHOLDER}/casto.js`, '/casto/casto.js').replaceAll(PLACEHOLDER, relay.http),
    };
    const chunks = readdirSync(join(SDK, 'chunks')).map((name) => `chunks/${name}`);
    for (const name of ['casto.js', ...chunks])
      files[`/casto/${name}`] = readFileSync(join(SDK, name), 'utf8');
    const { origin } = await serve(files);
    await expectBroadcast(`${origin}/`);
  },
  TEST_MS,
);

test.each(['vite', 'react'])(
  '%s: built by Vite',
  async (name) => {
    await expectBroadcast(await serveBuilt(name));
  },
  TEST_MS,
);

test.each(['vite', 'react'])('%s: asks for the versions that the workspace has', (name) => {
  const wanted = dependencies(join(EXAMPLES, name, 'package.json'));
  const ours: Record<string, string> = {
    ...dependencies(join(EXAMPLES, '../package.json')),
    ...dependencies(join(EXAMPLES, '../../package.json')),
  };
  const others = Object.entries(wanted).filter(
    ([dependency, version]) => version !== ours[dependency] && version !== `^${ours[dependency]}`,
  );
  expect(others).toEqual([]);
});

/** Goes live with the fake camera on one page, and expects its pictures on another. */
async function expectBroadcast(address: string): Promise<void> {
  const streamer = await open(address);
  await streamer.waitFor(() => document.querySelector('button')?.checkVisibility() === true, {
    timeoutMs: LIVE_MS,
    what: 'a button to go live',
  });
  await streamer.click('button');
  const link = await streamer.waitFor(() => document.querySelector('a')?.href ?? '', {
    timeoutMs: LIVE_MS,
    what: 'the link for viewers',
  });
  expect(link).toMatch(/#casto=12D3KooW\w+$/);

  const viewer = await open(link);
  await expectPictures(viewer);
  const seen = await looks(viewer);
  expect(seen).toEqual(await looks(streamer));
  expect(Math.max(...seen.background)).toBeGreaterThan(0);
  await streamer.waitFor(() => document.body.textContent.includes('1 watching'), {
    timeoutMs: LIVE_MS,
    what: 'the streamer sees its viewer',
  });
  expect([...streamer.errors, ...viewer.errors].filter((error) => !error.includes(OWN_RELAY))).toEqual([]);
}

/** The video shows ten decoded pictures, and they are pictures of something: not all of one colour. */
async function expectPictures(page: BrowserPage): Promise<void> {
  await page.waitFor(() => document.querySelector('video, casto-player') !== null, {
    timeoutMs: LIVE_MS,
    what: 'a video',
  });
  const pictures = await page.evaluate(async (withinMs) => {
    const video = document.querySelector('video') ?? document.querySelector('casto-player')?.video;
    if (video === undefined) return 0;
    const watch = castoHarness.watchPictures(video);
    const deadline = performance.now() + withinMs;
    while (watch.readings.length < 10 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    watch.stop();
    return watch.readings.length;
  }, LIVE_MS);
  expect(pictures).toBeGreaterThanOrEqual(10);
}

/** The colour that fills the upper left of the picture, in steps that a codec does not change: the fake camera has one. */
async function looks(page: BrowserPage): Promise<{ shape: number; background: number[] }> {
  return page.evaluate(() => {
    const video = document.querySelector('video') ?? document.querySelector('casto-player')?.video;
    const canvas = new OffscreenCanvas(64, 36);
    const context = canvas.getContext('2d');
    if (video === undefined || context === null) throw new Error('nothing to look at');
    context.drawImage(video, 0, 0, 64, 36);
    const pixels = context.getImageData(2, 2, 8, 8).data;
    const background = [0, 1, 2].map((channel) => {
      const values = [...pixels].filter((_, index) => index % 4 === channel);
      return Math.round(values.reduce((sum, value) => sum + value, 0) / values.length / 48);
    });
    return { shape: Math.round((10 * video.videoWidth) / video.videoHeight), background };
  });
}

async function open(address: string): Promise<BrowserPage> {
  const page = await browser.newPage();
  closers.push(() => page.close());
  await page.goto(address);
  return page;
}

async function serve(pages: Record<string, string>): Promise<PageServer> {
  const server = await startPageServer(pages);
  closers.push(() => server.close());
  return server;
}

/** @returns The address of the built page, as `npm run build && npm run preview` give it. */
async function serveBuilt(name: string): Promise<string> {
  const outDir = mkdtempSync(join(tmpdir(), `casto-example-${name}-`));
  closers.push(async () => rmSync(outDir, { recursive: true, force: true }));
  const root = join(EXAMPLES, name);
  const shared = { root, logLevel: 'error', build: { outDir, emptyOutDir: true } } as const;
  process.env['VITE_CASTO_RELAY'] = relay.http;
  await build(shared);
  const server = await preview({ ...shared, preview: { port: 0, host: 'localhost' } });
  closers.push(() => server.close());
  const address = server.httpServer.address();
  if (address === null || typeof address === 'string') throw new Error('the example has no port');
  return `http://localhost:${address.port}/`;
}

function dependencies(manifest: string): Record<string, string> {
  const { dependencies: needed = {}, devDependencies: tools = {} } = JSON.parse(
    readFileSync(manifest, 'utf8'),
  ) as { dependencies?: Record<string, string>; devDependencies?: Record<string, string> };
  return { ...tools, ...needed };
}
