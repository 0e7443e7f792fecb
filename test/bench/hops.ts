/** What each page adds to the latency of the pictures that pass it. */

import type { PictureTime } from '../harness/page/picture-times.ts';
import { stats } from '../broadcast/stage.ts';
import { BenchStage, describePicture, openChain, sleep, type BenchOptions } from './browser-stage.ts';
import { median, quantile, round, type PartResult } from './report.ts';

const VIEWERS = 4;
const PICTURE = { width: 640, height: 360, framesPerSecond: 20 };
/** What newcomers start from is older than what follows. */
const SETTLE_MS = 5_000;
const GOAL_MS = 15;

export async function measureHops({ measureMs, picture, progress }: BenchOptions): Promise<PartResult> {
  const shown = picture ?? PICTURE;
  const { times, latencies } = await BenchStage.use(async (stage) => {
    const browser = await stage.launch();
    progress(`hops: opening ${VIEWERS + 1} pages`);
    const { pages } = await openChain(stage, browser, {
      viewers: VIEWERS,
      picture: shown,
      prepare: (page) => page.evaluate(() => castoHarness.recordPictureTimes()),
    });
    const take = (): Promise<PictureTime[][]> =>
      Promise.all(pages.map((page) => page.evaluate(() => castoHarness.takePictureTimes())));
    await sleep(SETTLE_MS);
    await take();
    progress(`hops: measuring for ${measureMs / 1000} s`);
    await sleep(measureMs);
    const taken = await take();
    const told = await Promise.all(pages.slice(1).map(async (page) => (await stats(page)).latencyMs));
    return { times: taken, latencies: told };
  });
  return evaluateHops(times, latencies, {
    conditions: `${describePicture(shown)}, ${measureMs / 1000} s, all pages in one Chromium. A hop is the time from a picture's arrival at one page, or from its leaving the streamer's encoder, to its arrival at the next page, for each picture by the capture time in its trailer.`,
  });
}

function evaluateHops(
  times: readonly PictureTime[][],
  latencies: readonly (number | null)[],
  { conditions }: { conditions: string },
): PartResult {
  const hops = times.slice(1).map((below, i) => hopTimes(times[i] ?? [], below));
  const rows = hops.map((added, i) => [
    i === 0 ? 'streamer to depth 1' : `depth ${i} to ${i + 1}`,
    added.length,
    round(median(added), 1),
    round(quantile(added, 0.95), 1),
    round(quantile(added, 1), 1),
    round(median((times[i + 1] ?? []).map(({ at, capturedAt }) => at - capturedAt)), 1),
    round(latencies[i] ?? null, 0),
  ]);
  // The first hop is no page's forwarding: the streamer has the frame from its encoder.
  const forwarded = hops.slice(1);
  const medians = forwarded.map(median);
  const worst = medians.includes(null) ? null : Math.max(...medians.map((ms) => ms ?? 0));
  return {
    part: 'hops',
    tables: [
      {
        title: 'Latency that a hop adds',
        conditions,
        head: [
          'hop',
          'pictures',
          'p50 ms',
          'p95 ms',
          'max ms',
          'since capture, p50 ms',
          'latencyMs of stats()',
        ],
        rows: [...rows, ['depth 1 to 4, all hops', ...summary(forwarded.flat()), null, null]],
      },
    ],
    goals: [
      { what: 'added by the slowest hop between viewers, p50', value: worst, atMost: GOAL_MS, unit: 'ms' },
    ],
    problems: hops.flatMap((added, i) => (added.length === 0 ? [`no picture passed hop ${i + 1}`] : [])),
    raw: { hops, latencies },
  };
}

function hopTimes(above: readonly PictureTime[], below: readonly PictureTime[]): number[] {
  const leftAt = new Map(above.map(({ capturedAt, at }) => [capturedAt, at]));
  return below.flatMap(({ capturedAt, at }) => {
    const left = leftAt.get(capturedAt);
    return left === undefined ? [] : [at - left];
  });
}

function summary(added: readonly number[]): (number | null)[] {
  return [
    added.length,
    round(median(added), 1),
    round(quantile(added, 0.95), 1),
    round(quantile(added, 1), 1),
  ];
}
