/**
 * `npm run bench:newcomer`: how long somebody waits who has heard of CASTO a minute ago, at each step of
 * docs/newcomer.md. The clicks are scripted, so that what is measured is the waiting alone.
 *
 * The relay is the built one. With `--clone` it is a copy of what is committed, in an empty folder: then `npm start` is
 * timed as well, which takes packages from the registry or from npm's cache.
 */

import { parseArgs } from 'node:util';

import { launchBrowser, type BrowserPage, type RunningBrowser } from '../harness/browsers.ts';
import { startRelay } from '../harness/relay-process.ts';
import { startClone } from './newcomer-clone.ts';
import { describeMachine, median, quantile, renderTable } from './report.ts';

/** Of each step. Where others use the same cores, encoding the picture alone can take half of it. */
const STEP_MS = 120_000;

const STEPS = {
  open: 'open the address: the start page, with what is live',
  prepare: '**Go live**: the preview, from the camera',
  live: '**Test picture** and **Go live**: “Live”, the link and a QR code',
  watch: 'open the link on a second device: the picture, live',
} as const;

type Times = Record<keyof typeof STEPS, number>;

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    clone: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

const wantedRuns = Number(values.runs);
const started = values.clone ? await startClone() : await startBuilt();
try {
  const browser = await launchBrowser('chromium');
  try {
    report(browser.version, await visits(browser, started.address));
  } finally {
    await browser.close();
  }
} finally {
  await started.stop();
}

async function startBuilt(): Promise<{ address: string; startMs: null; stop(): Promise<unknown> }> {
  // On all interfaces, as `npm start` has it: the second device comes by the address of the network.
  const relay = await startRelay({ host: '0.0.0.0' });
  return { address: relay.http, startMs: null, stop: () => relay.stop() };
}

/** A visit that fails is told, and is no reason to forget the others. */
async function visits(browser: RunningBrowser, address: string): Promise<Times[]> {
  const runs: Times[] = [];
  for (let i = 1; i <= wantedRuns; i++) {
    try {
      runs.push(await visit(browser, address));
      process.stderr.write(`visit ${i}: ${JSON.stringify(runs.at(-1))}\n`);
    } catch (error) {
      process.exitCode = 1;
      process.stderr.write(`visit ${i} failed: ${String(error)}\n`);
    }
  }
  return runs;
}

/** Steps 2 to 5, in two browser profiles that have seen nothing of it before. */
async function visit(browser: RunningBrowser, address: string): Promise<Times> {
  const streamer = await browser.newPage();
  let viewer: BrowserPage | null = null;
  try {
    const open = await timed(async () => {
      await streamer.goto(address);
      await until(streamer, 'the start page', () => {
        const list = document.querySelector('#channels-count')?.textContent ?? '';
        return (
          !/^\s*(?:Looking|$)/.test(list) && performance.getEntriesByName('casto-interactive').length > 0
        );
      });
    });
    const prepare = await timed(async () => {
      await streamer.click('#to-go-live');
      await untilReady(streamer);
    });
    const live = await timed(async () => {
      await streamer.click('input[value=test-picture]');
      await untilReady(streamer);
      await streamer.click('#start');
      await until(streamer, 'Live, with a link and a QR code', () => {
        const code = document.querySelector('#qr-figure');
        return document.body.dataset['phase'] === 'live' && code?.checkVisibility() === true;
      });
    });
    const link = await streamer.evaluate(() => {
      const shown = document.querySelector('#link');
      return shown instanceof HTMLInputElement ? shown.value : '';
    });
    const second = await browser.newPage();
    viewer = second;
    const watch = await timed(async () => {
      await second.goto(link);
      await until(second, 'the picture', () => {
        const video = document.querySelector('#video');
        return (
          document.body.dataset['phase'] === 'live' &&
          video instanceof HTMLVideoElement &&
          video.getVideoPlaybackQuality().totalVideoFrames > 0
        );
      });
    });
    return { open, prepare, live, watch };
  } finally {
    await viewer?.close();
    await streamer.close();
  }
}

async function untilReady(page: BrowserPage): Promise<void> {
  await until(page, 'a preview', () => {
    const start = document.querySelector('#start');
    return start instanceof HTMLButtonElement && start.checkVisibility() && !start.disabled;
  });
}

async function until(page: BrowserPage, what: string, isThere: () => boolean): Promise<void> {
  await page.waitFor(isThere, { timeoutMs: STEP_MS, what });
}

async function timed(action: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await action();
  return Math.round(performance.now() - startedAt);
}

function report(browserVersion: string, runs: readonly Times[]): void {
  const { startMs } = started;
  if (values.json) {
    process.stdout.write(`${JSON.stringify({ browserVersion, startMs, runs })}\n`);
    return;
  }
  const steps = (Object.keys(STEPS) as (keyof Times)[]).map((step, index) => {
    const times = runs.map((run) => run[step]);
    return [`${index + 2}. ${STEPS[step]}`, seconds(median(times)), seconds(quantile(times, 1))];
  });
  const start = startMs === null ? [] : [['1. `npm start` in an empty clone', seconds(startMs), null]];
  process.stdout.write(
    renderTable({
      title: 'From nothing to a second screen',
      conditions: `${describeMachine(browserVersion)}; ${runs.length} of ${wantedRuns} visits went well`,
      head: ['step', 'median, s', 'max, s'],
      rows: [...start, ...steps],
    }),
  );
}

function seconds(ms: number | null): string | null {
  return ms === null ? null : (ms / 1000).toFixed(1);
}
