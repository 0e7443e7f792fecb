/** What children cost a streamer's page: one encoder for all of them, against an encoder for each. */

import { goLive, stats, takeAway, watch } from '../broadcast/stage.ts';
import {
  BenchStage,
  describePicture,
  waitForDepth,
  waitForSlots,
  type BenchOptions,
  type Picture,
} from './browser-stage.ts';
import type { Load } from './cpu.ts';
import { tellLoad } from './relay-cpu.ts';
import { ratio, round, type PartResult } from './report.ts';

const CHILDREN = [0, 1, 2, 4, 8] as const;
const PICTURE = { width: 320, height: 180, framesPerSecond: 15 };
const GROWTH_GOAL = 1.5;
const PLAIN_GOAL = 0.6;

type Mode = 'once' | 'plain';
type Loads = ReadonlyMap<number, Load>;

export async function measureStreamerCpu(options: BenchOptions): Promise<PartResult> {
  const picture = options.picture ?? PICTURE;
  const problems: string[] = [];
  const once = await measureMode('once', picture, { ...options, problems });
  const plain = await measureMode('plain', picture, { ...options, problems });
  const cores = (loads: Loads, children: number): number | null => loads.get(children)?.cores ?? null;
  const growth = ratio(cores(once, 8), cores(once, 1));
  const against = ratio(cores(once, 8), cores(plain, 8));
  return {
    part: 'streamer',
    tables: [
      {
        title: 'Processor time of a streamer',
        conditions: `${describePicture(picture)}, ${options.measureMs / 1000} s each. Cores of the Chromium that holds nothing but the streamer's page, all its processes, drawing the picture included; the children are in another.`,
        head: ['children', 'encode once', 'an encoder per child', 'ratio'],
        rows: CHILDREN.map((children) => [
          children,
          round(cores(once, children), 3),
          round(cores(plain, children), 3),
          round(ratio(cores(once, children), cores(plain, children)), 2),
        ]),
      },
    ],
    goals: [
      { what: 'encode once, 8 children against 1', value: growth, atMost: GROWTH_GOAL, unit: 'x' },
      { what: '8 children, encode once against plain', value: against, atMost: PLAIN_GOAL, unit: 'x' },
    ],
    problems,
    raw: { once: [...once], plain: [...plain] },
  };
}

/** Children that do not come are a problem, but not the end: the figures so far stand. */
async function measureMode(
  mode: Mode,
  picture: Picture,
  { measureMs, progress, problems }: BenchOptions & { problems: string[] },
): Promise<Loads> {
  return BenchStage.use(async (stage) => {
    const under = await stage.launch();
    const others = await stage.launch();
    const streamer = await stage.open(under);
    if (mode === 'plain') await takeAway(streamer, 'all access to frames');
    const most = Math.max(...CHILDREN);
    const { channel } = await goLive(
      streamer,
      { relays: stage.relays, relay: { maxChildren: most } },
      picture,
    );
    const { forwarding } = await stats(streamer);
    if ((forwarding === 'encoders') !== (mode === 'plain')) throw new Error(`the streamer has ${forwarding}`);
    const loads = new Map<number, Load>();
    try {
      let open = 0;
      for (const children of CHILDREN) {
        for (; open < children; open++) {
          await waitForSlots(streamer, 1);
          const child = await stage.open(others);
          await watch(child, { relays: stage.relays, channel, relay: false });
          await waitForDepth(child, 1);
        }
        const what = `streamer, ${mode}, ${children} children`;
        loads.set(children, await tellLoad(under, { measureMs, progress, what }));
      }
    } catch (error) {
      problems.push(`${mode}: ${error instanceof Error ? error.message : String(error)}`);
      progress(`streamer, ${mode}: ${problems.at(-1)}`);
    }
    return loads;
  });
}
