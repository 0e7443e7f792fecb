/** For how long a viewer sees no new picture when the page that feeds it dies. */

import type { BrowserPage, RunningBrowser } from '../harness/browsers.ts';
import { readPictures } from '../harness/expectations.ts';
import type { PictureReading } from '../harness/page/picture-reader.ts';
import { goLive, stats, VIDEO, watch } from '../broadcast/stage.ts';
import {
  BenchStage,
  describePicture,
  sleep,
  waitForDepth,
  waitForSlots,
  type BenchOptions,
  type Picture,
} from './browser-stage.ts';
import { median, quantile, round, type Goal, type PartResult } from './report.ts';

const KILLS = 20;
const PICTURE = { width: 320, height: 180, framesPerSecond: 20 };
const SECOND_PARENT_MS = 60_000;
const CHILDREN_GONE_MS = 30_000;
/** Watched before and after the kill. */
const BEFORE_MS = 1_500;
const AFTER_MS = 3_500;
/** Pictures that do not come are waited for so long. */
const GIVE_UP_MS = 20_000;
/** Scenes that cannot be set: this many, or a quarter of the kills. */
const FAILURES_ACCEPTED = 3;
const STREAMERS = 2;

const MODES = {
  merged: { liveParents: 2, goalMs: 150, name: 'two live parents, merged' },
  standby: { liveParents: 1, goalMs: 500, name: 'one parent and a standby' },
} as const;
type Mode = keyof typeof MODES;

/** Longest times without a new picture. */
interface Gaps {
  readonly beforeMs: number;
  readonly afterMs: number;
}

export async function measureFailover(options: BenchOptions): Promise<PartResult> {
  const picture = options.picture ?? PICTURE;
  const problems: string[] = [];
  const gaps: Record<Mode, Gaps[]> = { merged: [], standby: [] };
  for (const mode of ['merged', 'standby'] as const) {
    gaps[mode] = await BenchStage.use((stage) => killOften(stage, { ...options, mode, picture, problems }));
  }
  const rows = (['merged', 'standby'] as const).map((mode) => {
    const after = gaps[mode].map(({ afterMs }) => afterMs);
    return [
      MODES[mode].name,
      after.length,
      ...[0.5, 0.9, 1].map((share) => round(quantile(after, share), 0)),
      round(median(gaps[mode].map(({ beforeMs }) => beforeMs)), 0),
    ];
  });
  return {
    part: 'failover',
    tables: [
      {
        title: 'Gap in the picture when a parent dies',
        conditions: `${describePicture(picture)}: a picture every ${Math.round(1000 / picture.framesPerSecond)} ms. A streamer feeds two pages, and those a viewer; the page that delivers is killed. Longest time without a new picture at the viewer.`,
        head: ['viewer has', 'kills', 'p50 ms', 'p90 ms', 'max ms', 'undisturbed, p50 ms'],
        rows,
      },
    ],
    goals: (['merged', 'standby'] as const).map((mode): Goal => ({
      what: `gap with ${MODES[mode].name}, p50`,
      value: median(gaps[mode].map(({ afterMs }) => afterMs)),
      atMost: MODES[mode].goalMs,
      unit: 'ms',
    })),
    problems,
    raw: gaps,
  };
}

interface KillOptions extends BenchOptions {
  readonly mode: Mode;
  readonly picture: Picture;
  readonly problems: string[];
}

async function killOften(stage: BenchStage, options: KillOptions): Promise<Gaps[]> {
  const { mode, picture, problems, progress } = options;
  const kills = options.runs ?? KILLS;
  const browser = await stage.launch();
  // A streamer counts on a dead page for seconds; meanwhile the next scene plays at another one.
  const venues: Venue[] = [];
  for (let i = 0; i < STREAMERS; i++) {
    const streamer = await stage.open(browser);
    const live = { relays: stage.relays, relay: { maxChildren: 2 } };
    venues.push({ browser, streamer, mode, channel: (await goLive(streamer, live, picture)).channel });
  }
  const gaps: Gaps[] = [];
  const tries = kills + Math.max(FAILURES_ACCEPTED, kills / 4);
  for (let tried = 0; gaps.length < kills && tried < tries; tried++) {
    const venue = venues[tried % venues.length];
    if (venue === undefined) break;
    const scene = new Scene(stage, venue);
    try {
      const seen = await scene.kill(picture);
      gaps.push(seen);
      const told = `${Math.round(seen.afterMs)} ms (${Math.round(seen.beforeMs)} ms before)`;
      progress(`failover, ${mode}: kill ${gaps.length} of ${kills}: ${told}`);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      problems.push(`${mode}: ${reason}`);
      progress(`failover, ${mode}: no kill: ${reason}`);
    } finally {
      await scene.close();
    }
  }
  return gaps;
}

/** Where scenes play. */
interface Venue {
  readonly browser: RunningBrowser;
  readonly streamer: BrowserPage;
  readonly channel: string;
  readonly mode: Mode;
}

/** Two pages below the streamer and a viewer below them, for one kill. */
class Scene {
  readonly #stage: BenchStage;
  readonly #on: Venue;
  readonly #pages: BrowserPage[] = [];

  constructor(stage: BenchStage, on: Venue) {
    this.#stage = stage;
    this.#on = on;
  }

  async kill(picture: Picture): Promise<Gaps> {
    const { streamer, mode } = this.#on;
    await streamer.waitFor(async () => (await stage.casto.stats()).children.length === 0, {
      timeoutMs: CHILDREN_GONE_MS,
      what: 'the pages of the last scene are gone',
    });
    await waitForSlots(streamer, 1);
    const a = await this.#open({ relay: { maxChildren: 1 } });
    await waitForSlots(streamer, 1);
    const b = await this.#open({ relay: { maxChildren: 1 } });
    for (const page of [a, b]) await waitForDepth(page, 1);
    const { liveParents } = MODES[mode];
    const viewer = await this.#open({ relay: false, liveParents });
    await viewer.waitFor(
      async (live) => {
        const { parents } = await stage.casto.stats();
        return parents.filter(({ role }) => role === 'active').length === live && parents.length >= 2;
      },
      { timeoutMs: SECOND_PARENT_MS, what: 'a second parent' },
      liveParents,
    );
    const middles = new Map([
      [(await stats(a)).peerId, a],
      [(await stats(b)).peerId, b],
    ]);
    const { parents } = await stats(viewer);
    const live = parents.find(({ peerId, role }) => role === 'active' && middles.has(peerId));
    const middle = middles.get(live?.peerId ?? '');
    if (middle === undefined) throw new Error('neither of the two pages feeds the viewer');
    return watchKill(viewer, middle, picture);
  }

  async close(): Promise<void> {
    for (const page of this.#pages.toReversed()) await page.close().catch(() => {});
  }

  async #open(options: object): Promise<BrowserPage> {
    const page = await this.#stage.open(this.#on.browser);
    this.#pages.push(page);
    await watch(page, { relays: this.#stage.relays, channel: this.#on.channel, ...options });
    return page;
  }
}

async function watchKill(viewer: BrowserPage, middle: BrowserPage, picture: Picture): Promise<Gaps> {
  const atLeast = Math.ceil(((BEFORE_MS + AFTER_MS) / 1000) * picture.framesPerSecond);
  const reading = readPictures(viewer, VIDEO, { atLeast, withinMs: GIVE_UP_MS });
  await sleep(BEFORE_MS);
  const killedAt = Date.now();
  const [readings] = await Promise.all([reading, middle.crash()]);
  const gaps = gapsOf(readings);
  const longest = (some: readonly { gapMs: number }[]): number =>
    Math.max(0, ...some.map(({ gapMs }) => gapMs));
  const after = gaps.filter(({ at }) => at > killedAt);
  if (gaps.length < atLeast) throw new Error(`pictures stayed away: ${gaps.length} of ${atLeast} came`);
  return { beforeMs: longest(gaps.filter(({ at }) => at <= killedAt)), afterMs: longest(after) };
}

/** The times between new pictures, and when each of them ended. */
function gapsOf(readings: readonly PictureReading[]): { at: number; gapMs: number }[] {
  const gaps: { at: number; gapMs: number }[] = [];
  let last: { number: number; at: number } | null = null;
  for (const { number, at } of readings) {
    if (number === null || (last !== null && number <= last.number)) continue;
    if (last !== null) gaps.push({ at, gapMs: at - last.at });
    last = { number, at };
  }
  return gaps;
}
