/** What pages and their browser hold in memory. */

import { readFileSync } from 'node:fs';
import type { BrowserPage, RunningBrowser } from '../harness/browsers.ts';

const MB = 2 ** 20;

export interface Memory {
  /** Of the page's own JavaScript, its worker's not included. */
  readonly heapMb: number;
  /** Peer connections that are not closed. */
  readonly connections: number;
}

/** Of two pages, and of the browser that holds nothing else. */
export async function memoryOf(of: {
  browser: RunningBrowser;
  streamer: BrowserPage;
  first: BrowserPage;
}): Promise<{ streamer: Memory; first: Memory; residentMb: number | null }> {
  return {
    streamer: await pageMemory(of.streamer),
    first: await pageMemory(of.first),
    residentMb: residentMb((await of.browser.processes()).map(({ pid }) => pid)),
  };
}

/** Of what is left after a collection. The browser was started with `--js-flags=--expose-gc`. */
async function pageMemory(page: BrowserPage): Promise<Memory> {
  const { bytes, connections } = await page.evaluate(() => {
    // Neither is in TypeScript's library: the one comes with the flag, the other is Chromium's alone.
    const collect = Reflect.get(globalThis, 'gc') as (() => void) | undefined;
    const memory = Reflect.get(performance, 'memory') as { usedJSHeapSize: number };
    collect?.();
    return { bytes: memory.usedJSHeapSize, connections: castoHarness.openConnections().length };
  });
  return { heapMb: bytes / MB, connections };
}

/**
 * Memory of processes, what they share divided among them (proc(5), smaps_rollup).
 *
 * @returns `null` outside Linux.
 */
function residentMb(pids: readonly number[]): number | null {
  try {
    const kilobytes = pids.map((pid) => {
      const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
      return Number(/^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1] ?? 0);
    });
    return kilobytes.reduce((sum, one) => sum + one, 0) / 1024;
  } catch {
    return null;
  }
}
