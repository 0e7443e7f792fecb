/** Whether lips stay in sync after several pages have passed the broadcast on. */

import { measureLipSync } from '../harness/expectations.ts';
import type { LipSync } from '../harness/page/lip-sync.ts';
import { VIDEO } from '../broadcast/stage.ts';
import { BenchStage, describePicture, openChain, sleep, type BenchOptions } from './browser-stage.ts';
import { quantile, round, type PartResult } from './report.ts';

const DEPTHS = [1, 4] as const;
const FLASHES = 20;
const FLASH_EVERY_MS = 1_000;
/** Browsers move sound and picture together little by little. */
const SETTLE_MS = 10_000;
const PICTURE = { width: 320, height: 180, framesPerSecond: 20 };
const GOAL_MS = 80;

export async function measureLipSyncs({ runs, picture, progress }: BenchOptions): Promise<PartResult> {
  const shown = { ...(picture ?? PICTURE), flashEveryMs: FLASH_EVERY_MS };
  const pairs = runs ?? FLASHES;
  const found = await BenchStage.use(async (stage) => {
    const browser = await stage.launch();
    progress('lipsync: opening pages');
    const { pages } = await openChain(stage, browser, { viewers: Math.max(...DEPTHS), picture: shown });
    await sleep(SETTLE_MS);
    // One after the other: reading pictures and sound takes its share of the machine.
    const measured: { depth: number; sync: LipSync }[] = [];
    for (const depth of DEPTHS) {
      const page = pages[depth];
      if (page === undefined) throw new Error(`no page at depth ${depth}`);
      const sync = await measureLipSync(page, VIDEO, { pairs, withinMs: 3 * pairs * FLASH_EVERY_MS });
      progress(
        `lipsync at depth ${depth}: ${round(sync.medianMs, 0)} ms over ${sync.offsetsMs.length} flashes`,
      );
      measured.push({ depth, sync });
    }
    return measured;
  });
  const [near = null, far = null] = found.map(({ sync }) => sync.medianMs);
  return {
    part: 'lipsync',
    tables: [
      {
        title: 'Sound against picture, by depth',
        conditions: `${describePicture(shown)}. From a flash to the beep that belongs to it, at the page's own output; above zero when the sound comes late.`,
        head: ['depth', 'flashes', 'p10 ms', 'p50 ms', 'p90 ms'],
        rows: found.map(({ depth, sync }) => [
          depth,
          sync.offsetsMs.length,
          ...[0.1, 0.5, 0.9].map((share) => round(quantile(sync.offsetsMs, share), 0)),
        ]),
      },
    ],
    goals: [
      {
        what: 'sound against picture, depth 4 beyond depth 1',
        value: near === null || far === null ? null : Math.abs(far - near),
        atMost: GOAL_MS,
        unit: 'ms',
      },
    ],
    problems: [],
    raw: found,
  };
}
