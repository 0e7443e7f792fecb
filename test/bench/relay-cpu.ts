/** What passing a broadcast on costs a page: encoded frames against sending the decoded track again. */

import type { RunningBrowser } from '../harness/browsers.ts';
import { goLive, stats, takeAway, watch } from '../broadcast/stage.ts';
import {
  BenchStage,
  describePicture,
  waitForDepth,
  type BenchOptions,
  type Picture,
} from './browser-stage.ts';
import { measureLoad, type Load } from './cpu.ts';
import { ratio, round, type PartResult } from './report.ts';

const PICTURE = { width: 640, height: 360, framesPerSecond: 20 };
const GOAL = 0.4;
const ADAPTERS = ['encoded-streams', 'track'] as const;
type Adapter = (typeof ADAPTERS)[number];

/** Of a page that only watches, and of the same page once it has a child. */
interface Loads {
  readonly alone: Load;
  readonly withChild: Load;
}

export async function measureRelayCpu(options: BenchOptions): Promise<PartResult> {
  const picture = options.picture ?? PICTURE;
  const loads: Record<Adapter, Loads> = {
    'encoded-streams': await measureAdapter('encoded-streams', picture, options),
    track: await measureAdapter('track', picture, options),
  };
  const forwarding = (adapter: Adapter): number =>
    loads[adapter].withChild.cores - loads[adapter].alone.cores;
  const rows = ADAPTERS.map((adapter) => [
    adapter,
    round(loads[adapter].alone.cores, 3),
    round(loads[adapter].withChild.cores, 3),
    round(loads[adapter].withChild.rendererCores, 3),
    round(forwarding(adapter), 3),
  ]);
  const whole = ratio(loads['encoded-streams'].withChild.cores, loads.track.withChild.cores);
  const alone = ratio(forwarding('encoded-streams'), forwarding('track'));
  return {
    part: 'cpu',
    tables: [
      {
        title: 'Processor time of a page with one child',
        conditions: `${describePicture(picture)}, ${options.measureMs / 1000} s each. Cores of the Chromium that holds nothing but this page, all its processes; streamer and child are in others. Forwarding is the difference to the same page before it had the child.`,
        head: ['forwarding', 'no child', 'one child', 'of it the page itself', 'forwarding alone'],
        rows: [...rows, ['ratio', null, round(whole, 2), null, round(alone, 2)]],
      },
    ],
    goals: [
      {
        what: 'page with a child, encoded frames against track',
        value: whole,
        atMost: GOAL,
        unit: 'x',
      },
      { what: 'forwarding alone, encoded frames against track', value: alone, atMost: GOAL, unit: 'x' },
    ],
    problems: [],
    raw: loads,
  };
}

async function measureAdapter(
  adapter: Adapter,
  picture: Picture,
  { measureMs, progress }: BenchOptions,
): Promise<Loads> {
  return BenchStage.use(async (stage) => {
    const others = await stage.launch();
    const under = await stage.launch();
    const one = { relays: stage.relays, relay: { maxChildren: 1 } };
    const streamer = await stage.open(others);
    const { channel } = await goLive(streamer, one, picture);
    const middle = await stage.open(under);
    if (adapter === 'track') await takeAway(middle, 'all access to frames');
    await watch(middle, { ...one, channel });
    const { forwarding } = await stats(middle);
    if (forwarding !== adapter) throw new Error(`the page forwards by ${forwarding}, not by ${adapter}`);
    const alone = await tellLoad(under, { measureMs, progress, what: `cpu, ${adapter}, no child` });
    const child = await stage.open(others);
    await watch(child, { relays: stage.relays, channel, relay: false });
    await waitForDepth(child, 2);
    const withChild = await tellLoad(under, { measureMs, progress, what: `cpu, ${adapter}, one child` });
    return { alone, withChild };
  });
}

/** Measures, and says what was found. */
export async function tellLoad(
  browser: RunningBrowser,
  { measureMs, progress, what }: Pick<BenchOptions, 'measureMs' | 'progress'> & { what: string },
): Promise<Load> {
  const load = await measureLoad(browser, measureMs);
  progress(`${what}: ${load.cores.toFixed(3)} cores`);
  return load;
}
