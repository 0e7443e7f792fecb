/** Pages that broadcast and watch through real relays, as a web developer would write them. */

import type { CASTO, CastoOptions, CastoStats } from 'casto';
import type { BrowserPage, RunningBrowser } from '../harness/browsers.ts';
import { readPictures } from '../harness/expectations.ts';
import { startPageServer, testPage, type PageServer } from '../harness/page-server.ts';
import { countAdvances } from '../harness/page/picture-reader.ts';
import type { SyntheticSource, SyntheticSourceOptions } from '../harness/page/synthetic-source.ts';
import type { RelayProcess } from '../harness/relay-process.ts';

/** What a test page keeps between two calls of `evaluate`. */
interface StageGlobals {
  CASTO: typeof CASTO;
  casto: CASTO;
  events: { type: string; detail: unknown; at: number }[];
  source: SyntheticSource;
  started: Promise<MediaStream>;
}

declare global {
  var stage: StageGlobals;
}

export const VIDEO = '#video';
const START_MS = 30_000;
const EVENTS = ['live', 'attached', 'parent-changed', 'viewers', 'message', 'ended', 'error'] as const;

export interface StageOptions {
  readonly host?: string;
  /** Further modules, by path. */
  readonly files?: Readonly<Record<string, string>>;
  /** Statements that take something from them, before the page is ready. */
  readonly imports?: string;
}

/** A web server apart from the relay: every page imports `/casto.js` from another origin. */
export async function startStage(
  relay: RelayProcess,
  { files = {}, imports = '', host }: StageOptions = {},
): Promise<PageServer> {
  const module = `import { CASTO } from '${relay.http}/casto.js'; globalThis.stage = { CASTO, events: [] };`;
  const page = testPage(`<script type="module">${imports}${module}</script>`);
  return startPageServer({ '/': page, ...files }, host === undefined ? {} : { host });
}

export async function openPage(browser: RunningBrowser, origin: string): Promise<BrowserPage> {
  const page = await browser.newPage();
  await enter(page, origin);
  return page;
}

/** Goes to the stage's page and waits for the SDK. */
export async function enter(page: BrowserPage, url: string): Promise<void> {
  await page.goto(url);
  await page.waitFor(() => 'stage' in globalThis, { timeoutMs: START_MS, what: 'casto.js is loaded' });
}

/** Takes from a page what newer browsers have; called before the page makes a CASTO object. */
export async function takeAway(
  page: BrowserPage,
  what: 'encoded streams' | 'all access to frames',
): Promise<void> {
  await page.evaluate((taken) => {
    for (const { prototype } of [RTCRtpSender, RTCRtpReceiver]) {
      Reflect.deleteProperty(prototype, 'createEncodedStreams');
    }
    if (taken === 'all access to frames') Reflect.deleteProperty(globalThis, 'RTCRtpScriptTransform');
  }, what);
}

/** Options that can travel into a page. */
type PlainOptions = Omit<CastoOptions, 'source' | 'signal'>;

export interface Broadcast {
  channel: string;
  peerId: string;
  link: string;
}

/** Goes live with numbered pictures and a tone. */
export async function goLive(
  page: BrowserPage,
  options: PlainOptions,
  source: SyntheticSourceOptions = {},
): Promise<Broadcast> {
  return page.evaluate(
    async ({ plain, picture, events }) => {
      stage.source = await castoHarness.createSyntheticSource(picture);
      stage.casto = new stage.CASTO({ ...plain, source: stage.source.stream });
      for (const type of events) {
        stage.casto.addEventListener(type, ({ detail }: CustomEvent) =>
          stage.events.push({
            type,
            detail: detail instanceof Error ? detail.message : detail,
            at: Date.now(),
          }),
        );
      }
      const stream = await stage.casto.start();
      if (stream !== stage.source.stream) throw new Error('start() did not give the preview');
      const { channel, peerId, link } = stage.casto;
      return { channel, peerId, link };
    },
    { plain: options, picture: source, events: EVENTS },
  );
}

/** Begins to watch; does not wait for `start()`. */
export async function beginWatching(page: BrowserPage, options: PlainOptions): Promise<void> {
  await page.evaluate(
    ({ plain, events }) => {
      const casto = new stage.CASTO(plain);
      stage.casto = casto;
      for (const type of events) {
        casto.addEventListener(type, ({ detail }: CustomEvent) =>
          stage.events.push({
            type,
            detail: detail instanceof Error ? detail.message : detail,
            at: Date.now(),
          }),
        );
      }
      stage.started = casto.start().then((stream) => {
        const video = document.querySelector('video');
        if (video) video.srcObject = stream;
        return stream;
      });
      stage.started.catch(() => {});
    },
    { plain: options, events: EVENTS },
  );
}

/**
 * Watches: `start()` has given the stream, and the page's video has run through the pictures since the last key
 * frame.
 */
export async function watch(page: BrowserPage, options: PlainOptions): Promise<void> {
  await beginWatching(page, options);
  await page.evaluate(async () => {
    await stage.started;
  });
  await page.waitFor(() => (document.querySelector('video')?.currentTime ?? 0) > 1, {
    timeoutMs: START_MS,
    what: 'the video plays',
  });
}

/** The reason with which `start()` fails, or `null` when it does not. */
export async function startFailure(page: BrowserPage): Promise<string | null> {
  return page.evaluate(() =>
    stage.started.then(
      () => null,
      (error: { reason?: string; message: string }) => error.reason ?? error.message,
    ),
  );
}

export async function stop(page: BrowserPage): Promise<void> {
  await page.evaluate(() => stage.casto.stop());
}

export async function stats(page: BrowserPage): Promise<CastoStats> {
  return page.evaluate(() => stage.casto.stats());
}

/** How often an event came. */
export async function countEvents(page: BrowserPage, type: (typeof EVENTS)[number]): Promise<number> {
  return page.evaluate((name) => stage.events.filter((event) => event.type === name).length, type);
}

export async function waitForEvent(
  page: BrowserPage,
  type: (typeof EVENTS)[number],
  options: { count?: number; timeoutMs?: number } = {},
): Promise<void> {
  await page.waitFor(
    ({ name, count }) => stage.events.filter((event) => event.type === name).length >= count,
    { timeoutMs: options.timeoutMs ?? START_MS, what: `${options.count ?? 1} x ${type}` },
    { name: type, count: options.count ?? 1 },
  );
}

/** Heights of the pictures that a page encodes, if they are larger than the dummies that senders carry. */
export async function encodedHeights(page: BrowserPage): Promise<number[]> {
  return page.evaluate(async () => {
    const heights: number[] = [];
    for (const pc of castoHarness.openConnections()) {
      (await pc.getStats()).forEach(
        (entry: { type: string; frameHeight?: number; framesEncoded?: number }) => {
          const isEncoded = entry.type === 'outbound-rtp' && (entry.framesEncoded ?? 0) > 0;
          if (isEncoded && (entry.frameHeight ?? 0) > 16) heights.push(entry.frameHeight ?? 0);
        },
      );
    }
    return heights;
  });
}

/** The longest time without a new picture; endless when they did not go on as far as they should. */
export async function longestGapMs(
  page: BrowserPage,
  limits: { atLeast: number; withinMs: number },
): Promise<number> {
  const readings = await readPictures(page, VIDEO, limits);
  if (countAdvances(readings) < limits.atLeast) return Infinity;
  return Math.max(...readings.slice(1).map(({ at }, i) => at - (readings[i]?.at ?? at)));
}
