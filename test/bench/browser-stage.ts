/** Where the parts of `npm run bench:browser` take place: a relay that only introduces, and pages that carry all media. */

import { launchBrowser, type BrowserPage, type RunningBrowser } from '../harness/browsers.ts';
import type { PageServer } from '../harness/page-server.ts';
import { startRelay, type RelayProcess } from '../harness/relay-process.ts';
import { goLive, openPage, startStage, watch } from '../broadcast/stage.ts';

export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number;
}

export interface BenchOptions {
  /** Kills, joins or flashes that are measured; `null`: as many as the part needs. */
  readonly runs: number | null;
  /** How long a latency or a load is measured. */
  readonly measureMs: number;
  /** `null`: what suits the part. */
  readonly picture: Picture | null;
  readonly progress: (text: string) => void;
}

const SLOT_MS = 60_000;
const DEPTH_MS = 30_000;

export class BenchStage {
  readonly relay: RelayProcess;
  readonly #server: PageServer;
  readonly #browsers: RunningBrowser[] = [];

  private constructor(relay: RelayProcess, server: PageServer) {
    this.relay = relay;
    this.#server = server;
  }

  /** Runs one part and ends every process that it started, whatever comes of it. */
  static async use<Result>(run: (stage: BenchStage) => Promise<Result>): Promise<Result> {
    const relay = await startRelay({ flags: ['--max-viewers', '0'] });
    const server = await startStage(relay).catch(async (error: unknown) => {
      await relay.stop();
      throw error;
    });
    const stage = new BenchStage(relay, server);
    try {
      return await run(stage);
    } finally {
      for (const browser of stage.#browsers) await browser.close().catch(() => {});
      await server.close();
      await relay.stop();
    }
  }

  get relays(): string[] {
    return [this.relay.http];
  }

  /** A browser with processes of its own. */
  async launch(flags: string[] = []): Promise<RunningBrowser> {
    const browser = await launchBrowser('chromium', { flags });
    this.#browsers.push(browser);
    return browser;
  }

  async open(browser: RunningBrowser): Promise<BrowserPage> {
    return openPage(browser, this.#server.origin);
  }
}

export interface Chain {
  readonly channel: string;
  /** The streamer, then each viewer below the one before it. */
  readonly pages: readonly BrowserPage[];
}

interface ChainOptions {
  readonly viewers: number;
  readonly picture: Picture & { flashEveryMs?: number };
  /** Called for each page before it makes its CASTO object. */
  readonly prepare?: (page: BrowserPage) => Promise<void>;
}

/** Every page has room for one child, so each viewer stands below the one before it. */
export async function openChain(
  stage: BenchStage,
  browser: RunningBrowser,
  { viewers, picture, prepare }: ChainOptions,
): Promise<Chain> {
  const streamer = await stage.open(browser);
  await prepare?.(streamer);
  const { channel } = await goLive(streamer, { relays: stage.relays, relay: { maxChildren: 1 } }, picture);
  const pages = [streamer];
  for (let depth = 1; depth <= viewers; depth++) {
    pages.push(await extendChain(stage, browser, { channel, depth, ...(prepare && { prepare }) }));
  }
  return { channel, pages };
}

/** Another page with room for one child, at the end of a chain. */
export async function extendChain(
  stage: BenchStage,
  browser: RunningBrowser,
  at: { channel: string; depth: number; prepare?: (page: BrowserPage) => Promise<void> },
): Promise<BrowserPage> {
  const page = await stage.open(browser);
  await at.prepare?.(page);
  await watch(page, { relays: stage.relays, relay: { maxChildren: 1 }, channel: at.channel });
  await waitForDepth(page, at.depth);
  return page;
}

export async function waitForDepth(page: BrowserPage, depth: number): Promise<void> {
  await page.waitFor(
    async (wanted) => (await stage.casto.stats()).depth === wanted,
    { timeoutMs: DEPTH_MS, what: `the page stands at depth ${depth}` },
    depth,
  );
}

/** A page offers one place until its uplink is measured, and more as its links prove what they carry. */
export async function waitForSlots(page: BrowserPage, count: number): Promise<void> {
  await page.waitFor(
    async (wanted) => (await stage.casto.stats()).freeSlots >= wanted,
    { timeoutMs: SLOT_MS, what: `${count} free places` },
    count,
  );
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export function describePicture({ width, height, framesPerSecond }: Picture): string {
  return `${width}x${height} at ${framesPerSecond} frames a second, VP8`;
}
