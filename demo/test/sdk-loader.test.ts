import { expect, test } from 'vitest';

import { loadSdk } from '../src/home/sdk-loader.ts';
import type { LoadingPage } from '../src/home/sdk-loader.ts';

const SDK = { name: 'the SDK' };
/** More attempts than any of these needs. */
const MOST_PAUSES = 10;

/**
 * A page that remembers failures as older browsers do, or forgets them.
 *
 * @param served - Whether the relay serves the page, pause after pause; the last holds on.
 */
class FakePage implements LoadingPage<typeof SDK> {
  readonly wasLoadedAnew: boolean;
  readonly #served: readonly boolean[];
  readonly #memory: 'remembers' | 'forgets';
  readonly leaving = new AbortController();
  pauses = 0;
  attempts = 0;
  timesLoadedAnew = 0;

  constructor(
    served: readonly boolean[],
    { memory, wasLoadedAnew }: { memory: 'remembers' | 'forgets'; wasLoadedAnew: boolean },
  ) {
    this.#served = served;
    this.#memory = memory;
    this.wasLoadedAnew = wasLoadedAnew;
  }

  get #isUp(): boolean {
    return this.#served[Math.min(this.pauses, this.#served.length - 1)] === true;
  }

  async load(): Promise<typeof SDK> {
    this.attempts += 1;
    const remembered = this.#memory === 'remembers' && this.attempts > 1;
    if (remembered || !this.#isUp) throw new TypeError('Failed to fetch dynamically imported module');
    return SDK;
  }

  async isServed(): Promise<boolean> {
    return this.#isUp;
  }

  loadAnew(): void {
    this.timesLoadedAnew += 1;
  }

  async pause(): Promise<void> {
    this.pauses += 1;
    if (this.pauses === MOST_PAUSES) this.leaving.abort();
  }
}

async function run(page: FakePage): Promise<{ sdk: typeof SDK | null; lost: number }> {
  let lost = 0;
  const sdk = await loadSdk(page, page.leaving.signal, () => (lost += 1));
  return { sdk, lost };
}

test('what comes at once is not waited for', async () => {
  const page = new FakePage([true], { memory: 'remembers', wasLoadedAnew: false });
  expect(await run(page)).toEqual({ sdk: SDK, lost: 0 });
  expect(page.pauses).toBe(0);
});

test('it is asked for until it comes', async () => {
  const page = new FakePage([false, false, false, true], { memory: 'forgets', wasLoadedAnew: false });
  expect(await run(page)).toEqual({ sdk: SDK, lost: 3 });
  expect(page.timesLoadedAnew).toBe(0);
});

test('a browser that remembers the failure gets the page anew as soon as it is served', async () => {
  const page = new FakePage([false, false, false, true], { memory: 'remembers', wasLoadedAnew: false });
  expect(await run(page)).toEqual({ sdk: null, lost: 4 });
  expect(page.timesLoadedAnew).toBe(1);
});

test('a page without its SDK is not loaded anew over and over, unless its relay was away', async () => {
  class WithoutSdk extends FakePage {
    override load = () => Promise.reject(new TypeError('404'));
  }
  const broken = new WithoutSdk([true], { memory: 'remembers', wasLoadedAnew: true });
  expect((await run(broken)).sdk).toBeNull();
  expect(broken.timesLoadedAnew).toBe(0);
  expect(broken.pauses).toBe(MOST_PAUSES);

  const restarted = new WithoutSdk([true, false, true], { memory: 'remembers', wasLoadedAnew: true });
  await run(restarted);
  expect(restarted.timesLoadedAnew).toBe(1);
});

test('whoever leaves the list is asked nothing more', async () => {
  const page = new FakePage([true], { memory: 'forgets', wasLoadedAnew: false });
  page.leaving.abort();
  expect(await run(page)).toEqual({ sdk: null, lost: 0 });
  expect(page.attempts).toBe(0);
});
