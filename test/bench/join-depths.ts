/** How long a page waits for its first picture, by how deep below the streamer it joins. */

import type { RunningBrowser } from '../harness/browsers.ts';
import { stop } from '../broadcast/stage.ts';
import {
  BenchStage,
  describePicture,
  extendChain,
  openChain,
  sleep,
  waitForDepth,
  waitForSlots,
  type BenchOptions,
} from './browser-stage.ts';
import { JOIN_STEPS, measureJoin, type JoinTimes } from './measure-join.ts';
import { median, quantile, round, type Goal, type PartResult } from './report.ts';

const DEPTHS = [1, 2, 4] as const;
const JOINS = 10;
const PICTURE = { width: 320, height: 180, framesPerSecond: 30 };
const GOAL_MS = 500;
/** Pages tell the relay of a free place at most every 2 s; a joiner that comes sooner searches in vain. */
const REPORTED_MS = 3_000;

export async function measureJoins(options: BenchOptions): Promise<PartResult> {
  const picture = options.picture ?? PICTURE;
  const problems: string[] = [];
  const joins = await BenchStage.use(async (stage) => {
    const browser = await stage.launch();
    const { channel, pages } = await openChain(stage, browser, { viewers: 0, picture });
    const chain = [...pages];
    const found: { depth: number; runs: JoinTimes[] }[] = [];
    for (const depth of DEPTHS) {
      while (chain.length < depth) {
        chain.push(await extendChain(stage, browser, { channel, depth: chain.length }));
      }
      const runs: JoinTimes[] = [];
      for (let i = 0; i < (options.runs ?? JOINS); i++) {
        const parent = chain.at(-1);
        if (parent) await waitForSlots(parent, 1);
        await sleep(REPORTED_MS);
        const run = await joinOnce(stage, browser, { channel, depth });
        runs.push(run);
        options.progress(`join at depth ${depth}: run ${i + 1}: first frame after ${run.frame} ms`);
      }
      found.push({ depth, runs });
    }
    return found;
  });
  return {
    part: 'join',
    tables: [
      {
        title: 'Join, by depth',
        conditions: `${describePicture(picture)}. From start() in a fresh page to the first decoded frame; medians in milliseconds, of ${options.runs ?? JOINS} joins each. The only free place is at the end of a chain, and the relay has heard of it.`,
        head: ['depth', 'libp2p up', 'relay', 'accepted', 'link up', 'first frame', 'min', 'max'],
        rows: joins.map(({ depth, runs }) => [
          depth,
          ...JOIN_STEPS.map((step) => median(runs.map((run) => run[step]))),
          ...[0, 1].map((share) =>
            round(
              quantile(
                runs.map(({ frame }) => frame),
                share,
              ),
              0,
            ),
          ),
        ]),
      },
    ],
    goals: joins.map(({ depth, runs }): Goal => ({
      what: `first frame at depth ${depth}, median`,
      value: median(runs.map(({ frame }) => frame)),
      atMost: GOAL_MS,
      unit: 'ms',
    })),
    problems,
    raw: joins,
  };
}

/** The only free place is the last page of the chain. */
async function joinOnce(
  stage: BenchStage,
  browser: RunningBrowser,
  { channel, depth }: { channel: string; depth: number },
): Promise<JoinTimes> {
  const page = await stage.open(browser);
  const run = await measureJoin(page, { relays: stage.relays, channel, relay: false });
  await waitForDepth(page, depth);
  await stop(page);
  await page.close();
  return run;
}
