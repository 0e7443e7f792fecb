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
  const stage = new Stage();
  const pages: BrowserPage[] = [];
  const others: RunningBrowser[] = [];

  beforeAll(async () => {
    await stage.open({}, options);
  });

  afterEach(async () => {
    await Promise.all(pages.splice(0).map((page) => page.close()));
    await Promise.all(others.splice(0).map((other) => other.close()));
  });

  afterAll(async () => {
    await stage.close();
  });

  return {
    get relay() {
      return stage.relay;
    },
    get origin() {
      return stage.origin;
    },
    newPage: async () => {
      const page = await stage.newPage();
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
  const stage = new Stage();

  afterEach(async () => {
    await stage.close();
  });

  return {
    get relay() {
      return stage.relay;
    },
    start: (options) => stage.open(options),
    newPage: () => stage.newPage(),
  };
}

/** What is open of it can be closed, also when the rest failed to open. */
class Stage {
  #relay: RelayProcess | null = null;
  #server: PageServer | null = null;
  #browser: RunningBrowser | null = null;

  get relay(): RelayProcess {
    return opened(this.#relay);
  }

  get origin(): string {
    return opened(this.#server).origin;
  }

  async open(relayOptions?: RelayOptions, options?: StageOptions): Promise<void> {
    this.#relay = await startRelay(relayOptions);
    this.#server = await startStage(this.#relay, options);
    this.#browser = await launchBrowser('chromium');
  }

  newPage(): Promise<BrowserPage> {
    return openPage(opened(this.#browser), this.origin);
  }

  async close(): Promise<void> {
    await this.#browser?.close();
    await this.#server?.close();
    await this.#relay?.stop();
  }
}

function opened<Part>(part: Part | null): Part {
  if (part === null) throw new Error('the stage is not open');
  return part;
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
