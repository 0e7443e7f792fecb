/**
 * Loads the SDK for the start page, and does not give up when it does not come.
 *
 * Firefox before 155 and older versions of other browsers remember for as long as a page lives that a module did not
 * come (whatwg/html#6768), and a relay that was updated has its modules at other addresses: where trying again does not
 * help, the page is loaded anew.
 */

import type * as Sdk from 'casto';

/** A relay that starts again answers within seconds. */
const RETRY_MS = 5000;

/** What is needed of the page. */
export interface LoadingPage<Loaded> {
  load(): Promise<Loaded>;
  /** Whether the relay serves the page at the moment. */
  isServed(): Promise<boolean>;
  /** By the person or by itself: a page that has just been is no better for being loaded anew. */
  readonly wasLoadedAnew: boolean;
  loadAnew(): void;
  /** Ends early with the signal. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
}

/**
 * @param onLost - At every attempt in vain.
 * @returns `null` when the signal was aborted, or the page is on its way out.
 */
export async function loadSdk<Loaded>(
  page: LoadingPage<Loaded>,
  signal: AbortSignal,
  onLost: () => void,
): Promise<Loaded | null> {
  let mayLoadAnew = !page.wasLoadedAnew;
  for (let attempt = 0; !signal.aborted; attempt += 1) {
    const sdk = await page.load().catch(() => null);
    if (sdk !== null) return signal.aborted ? null : sdk;
    if (signal.aborted) return null;
    onLost();
    // The first attempt may have met a relay that starts again: the second tells whether the browser forgets that.
    const isServed = attempt > 0 && (await page.isServed());
    if (isServed && mayLoadAnew && !signal.aborted) {
      page.loadAnew();
      return null;
    }
    // A relay that was away may bring another page with it.
    if (attempt > 0 && !isServed) mayLoadAnew = true;
    await page.pause(RETRY_MS, signal);
  }
  return null;
}

export const thisPage: LoadingPage<typeof Sdk> = {
  load: () => import('casto'),
  isServed: async () => {
    try {
      return (await fetch(location.pathname, { method: 'HEAD', cache: 'no-store' })).ok;
    } catch {
      return false;
    }
  },
  get wasLoadedAnew() {
    const [navigation] = performance.getEntriesByType('navigation');
    return navigation instanceof PerformanceNavigationTiming && navigation.type === 'reload';
  },
  loadAnew: () => location.reload(),
  pause: (ms, signal) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
    }),
};
