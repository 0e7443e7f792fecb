/** How long one page waits from `start()` to its first decoded frame, and for what. */

import type { BrowserPage } from '../harness/browsers.ts';

export const JOIN_STEPS = ['peer', 'relay', 'accepted', 'connected', 'frame'] as const;
/** Milliseconds after `start()` at which each step was done. */
export type JoinTimes = Record<(typeof JOIN_STEPS)[number], number>;

/** Joins in a page that has joined nothing before, and leaves `stage.casto` running. */
export async function measureJoin(
  page: BrowserPage,
  watched: { relays: string[]; channel: string; relay?: false },
): Promise<JoinTimes> {
  return page.evaluate(async (options) => {
    const video = document.querySelector('video');
    if (!video) throw new Error('no video');
    const startedAt = performance.now();
    stage.casto = new stage.CASTO(options);
    const frame = new Promise<number>((resolve) =>
      video.requestVideoFrameCallback(() => resolve(performance.now() - startedAt)),
    );
    video.srcObject = await stage.casto.start();
    const frameMs = await frame;
    const at = (step: string): number => {
      const [mark] = performance.getEntriesByName(`casto:${step}`);
      return Math.round((mark?.startTime ?? NaN) - startedAt);
    };
    const steps = {
      peer: at('peer'),
      relay: at('relay'),
      accepted: at('accepted'),
      connected: at('connected'),
    };
    return { ...steps, frame: Math.round(frameMs) };
  }, watched);
}
