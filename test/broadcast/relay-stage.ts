/** What most tests here need: one relay, one browser, and pages that are gone after each test. */

import { afterAll, afterEach, beforeAll } from 'vitest';
import { launchBrowser, type BrowserPage, type RunningBrowser } from '../harness/browsers.ts';
import type { PageServer } from '../harness/page-server.ts';
import { startRelay, type RelayOptions, type RelayProcess } from '../harness/relay-process.ts';
import { openPage, startStage, type StageOptions } from './stage.ts';

export interface RelayStage {
  readonly relay: RelayProcess;
  /** Of the pages: another one than the relay's. */
  readonly origin: string;
  readonly newPage: () => Promise<BrowserPage>;
  /** Another browser, closed after the test. */
  readonly newBrowser: (name: 'chromium' | 'firefox') => Promise<RunningBrowser>;
}

/** Registers the hooks of a test file. What is returned may be used in its tests. */
export function useRelayStage(options: StageOptions = {}): RelayStage {
  let relay: RelayProcess;
  let server: PageServer;
  let browser: RunningBrowser;
  const pages: BrowserPage[] = [];
  const others: RunningBrowser[] = [];

  beforeAll(async () => {
    relay = await startRelay();
    server = await startStage(relay, options);
    browser = await launchBrowser('chromium');
  });

  afterEach(async () => {
    await Promise.all(pages.splice(0).map((page) => page.close()));
    await Promise.all(others.splice(0).map((other) => other.close()));
  });

  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await relay?.stop();
  });

  return {
    get relay() {
      return relay;
    },
    get origin() {
      return server.origin;
    },
    newPage: async () => {
      const page = await openPage(browser, server.origin);
      pages.push(page);
      return page;
    },
    newBrowser: async (name) => {
      const other = await launchBrowser(name);
      others.push(other);
      return other;
    },
  };
}

export interface OwnRelay {
  readonly relay: RelayProcess;
  readonly start: (options?: RelayOptions) => Promise<void>;
  readonly newPage: () => Promise<BrowserPage>;
}

/** For tests that begin with a relay of their own: it, the browser and its pages are gone after each test. */
export function useOwnRelay(): OwnRelay {
  let relay: RelayProcess;
  let server: PageServer;
  let browser: RunningBrowser;

  afterEach(async () => {
    await browser?.close();
    await server?.close();
    await relay?.stop();
  });

  return {
    get relay() {
      return relay;
    },
    start: async (options) => {
      relay = await startRelay(options);
      server = await startStage(relay);
      browser = await launchBrowser('chromium');
    },
    newPage: () => openPage(browser, server.origin),
  };
}

/** A second relay, which finds the stage's own and is found by it. Registers its hooks behind those of the stage. */
export function useNeighbour(stage: RelayStage): { readonly relay: RelayProcess } {
  let relay: RelayProcess;
  beforeAll(async () => {
    const tcp = stage.relay.multiaddrs.find((address) => /\/tcp\/\d+\/p2p\//.test(address));
    relay = await startRelay({ peers: [tcp ?? ''] });
  });
  afterAll(async () => {
    await relay?.stop();
  });
  return {
    get relay() {
      return relay;
    },
  };
}
