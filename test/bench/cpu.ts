/** How much processor time a browser takes. */

import type { RunningBrowser } from '../harness/browsers.ts';
import { sleep } from './browser-stage.ts';

/** Of a whole browser, in cores: seconds of processor time for each second. */
export interface Load {
  readonly cores: number;
  /** The processes of its pages alone: JavaScript, media, encoders and decoders. */
  readonly rendererCores: number;
}

/** Encoders and estimates of links find their level within this time. */
const SETTLE_MS = 5_000;

/** Takes the load of a browser, after everything in it has settled. */
export async function measureLoad(browser: RunningBrowser, forMs: number): Promise<Load> {
  await sleep(SETTLE_MS);
  const before = await cpuSeconds(browser);
  const began = performance.now();
  await sleep(forMs);
  const after = await cpuSeconds(browser);
  const seconds = (performance.now() - began) / 1000;
  return {
    cores: (after.all - before.all) / seconds,
    rendererCores: (after.renderers - before.renderers) / seconds,
  };
}

async function cpuSeconds(browser: RunningBrowser): Promise<{ all: number; renderers: number }> {
  let [all, renderers] = [0, 0];
  for (const { type, cpuSeconds: seconds } of await browser.processes()) {
    all += seconds;
    if (type === 'renderer') renderers += seconds;
  }
  return { all, renderers };
}
