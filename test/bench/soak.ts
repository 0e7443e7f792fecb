/**
 * Minutes of a chain of pages whose lower ones die and are replaced, and which further pages join and leave. The streamer
 * and its first viewer stay from the beginning to the end, in a browser of their own: what grows there, grows.
 */

import type { BrowserPage, RunningBrowser } from '../harness/browsers.ts';
import { stats, stop, watch } from '../broadcast/stage.ts';
import {
  BenchStage,
  describePicture,
  extendChain,
  openChain,
  sleep,
  type BenchOptions,
} from './browser-stage.ts';
import { memoryOf, type Memory } from './memory.ts';
import { median, quantile, round, type Goal, type PartResult } from './report.ts';

const VIEWERS = 4;
const PICTURE = { width: 320, height: 180, framesPerSecond: 15 };
const TURN_MS = 10_000;
/** How long a page that joined for a moment stays. */
const VISIT_MS = 3_000;
/** A parent counts on a child that says nothing until its connection is given up. */
const MENDED_WITHIN_MS = 30_000;
const LOOK_MS = 250;
/** By then those below a dead page have noticed. */
const NOTICED_MS = 1_000;
/** `gc()` in pages, and heap sizes that are not rounded. */
const FLAGS = ['--js-flags=--expose-gc', '--enable-precise-memory-info'];

/** Between the second and the last fifth of the samples: the first fifth is for everything to be loaded. */
const MAX_HEAP_GROWTH_MB = 5;
/** Of all processes of the browser that stays. Native memory is given back late. */
const MAX_RESIDENT_GROWTH_MB = 100;
const MAX_LATENCY_GROWTH_MS = 100;

interface Sample {
  readonly atS: number;
  readonly streamer: Memory;
  readonly first: Memory;
  /** Of the whole browser that holds these two; `null` where the system does not tell. */
  readonly residentMb: number | null;
  readonly firstLatencyMs: number | null;
  /** Of each viewer that is attached. */
  readonly viewers: readonly { depth: number | null; latencyMs: number | null }[];
}

export async function measureSoak({ picture, progress }: BenchOptions, minutes: number): Promise<PartResult> {
  const shown = picture ?? PICTURE;
  const soak = await BenchStage.use(async (stage) => {
    const browsers = { staying: await stage.launch(FLAGS), others: await stage.launch() };
    progress('soak: opening pages');
    const { channel, pages } = await openChain(stage, browsers.staying, { viewers: 1, picture: shown });
    const [streamer, first] = pages;
    if (!streamer || !first) throw new Error('no pages');
    const running = new Soak(stage, { browsers, channel, streamer, first, progress });
    await running.run(minutes * 60_000);
    return running;
  });
  return evaluate(soak, { minutes, conditions: describePicture(shown) });
}

interface SoakParts {
  readonly browsers: { readonly staying: RunningBrowser; readonly others: RunningBrowser };
  readonly channel: string;
  readonly streamer: BrowserPage;
  readonly first: BrowserPage;
  readonly progress: (text: string) => void;
}

class Soak {
  readonly samples: Sample[] = [];
  readonly errors: string[] = [];
  /** From each death until everybody had a parent, and somebody a free place. */
  readonly mendedMs: number[] = [];
  kills = 0;
  joins = 0;
  readonly #stage: BenchStage;
  readonly #parts: SoakParts;
  /** The pages of the chain that may die. */
  readonly #mortal: BrowserPage[] = [];

  constructor(stage: BenchStage, parts: SoakParts) {
    this.#stage = stage;
    this.#parts = parts;
  }

  async run(forMs: number): Promise<void> {
    const { browsers, channel, progress } = this.#parts;
    for (let depth = 2; depth <= VIEWERS; depth++) {
      this.#mortal.push(await extendChain(this.#stage, browsers.others, { channel, depth }));
    }
    const began = performance.now();
    for (let turn = 0; performance.now() - began < forMs; turn++) {
      const turned = performance.now();
      await this.#note(turn % 2 === 0 ? 'kill' : 'visit', () =>
        turn % 2 === 0 ? this.#kill() : this.#visit(),
      );
      await sleep(Math.max(0, TURN_MS - (performance.now() - turned)));
      await this.#note('sample', () => this.#sample((performance.now() - began) / 1000));
      progress(this.#describe());
    }
    for (const page of [this.#parts.streamer, this.#parts.first, ...this.#mortal]) await this.#collect(page);
  }

  /** One page dies without a word, another one comes. */
  async #kill(): Promise<void> {
    const at = Math.floor(Math.random() * this.#mortal.length);
    const [victim] = this.#mortal.splice(at, 1);
    if (victim) {
      await this.#collect(victim);
      await victim.crash();
      const died = performance.now();
      this.kills++;
      await victim.close();
      await this.#untilMended();
      this.mendedMs.push(performance.now() - died);
    }
    while (this.#mortal.length < VIEWERS - 1) this.#mortal.push(await this.#join({ maxChildren: 1 }));
  }

  /** Everybody has a parent again, and somebody a free place: a chain has just one. */
  async #untilMended(): Promise<void> {
    await sleep(NOTICED_MS);
    const deadline = performance.now() + MENDED_WITHIN_MS;
    for (;;) {
      const viewers = await Promise.all([this.#parts.first, ...this.#mortal].map(stats));
      const lost = viewers.filter(({ depth }) => depth === null).length;
      if (lost === 0 && viewers.some(({ freeSlots }) => freeSlots > 0)) return;
      if (performance.now() > deadline) throw new Error(`${lost} viewers without a parent, or no free place`);
      await sleep(LOOK_MS);
    }
  }

  async #visit(): Promise<void> {
    const page = await this.#join(false);
    await sleep(VISIT_MS);
    await stop(page);
    await this.#collect(page);
    await page.close();
  }

  async #join(relay: false | { maxChildren: number }): Promise<BrowserPage> {
    const { browsers, channel } = this.#parts;
    const page = await this.#stage.open(browsers.others);
    const began = performance.now();
    try {
      await watch(page, { relays: this.#stage.relays, channel, relay });
    } catch (error) {
      await page.close();
      const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
      throw new Error(`no place after ${Math.round(performance.now() - began)} ms: ${reason}`, {
        cause: error,
      });
    }
    this.joins++;
    return page;
  }

  async #sample(atS: number): Promise<void> {
    const { browsers, streamer, first } = this.#parts;
    const viewers = await Promise.all([first, ...this.#mortal].map(stats));
    const lost = viewers.filter(({ depth }) => depth === null).length;
    if (lost > 0) this.errors.push(`${lost} viewers without a parent after ${Math.round(atS)} s`);
    this.samples.push({
      atS: Math.round(atS),
      ...(await memoryOf({ browser: browsers.staying, streamer, first })),
      firstLatencyMs: viewers[0]?.latencyMs ?? null,
      viewers: viewers.map(({ depth, latencyMs }) => ({ depth, latencyMs })),
    });
  }

  /** What the page itself complained about. */
  async #collect(page: BrowserPage): Promise<void> {
    const told = await page.evaluate(() =>
      stage.events.filter(({ type }) => type === 'error').map(({ detail }) => String(detail)),
    );
    this.errors.push(...page.errors, ...told.map((detail) => `error event: ${detail}`));
  }

  async #note(what: string, act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.errors.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #describe(): string {
    const last = this.samples.at(-1);
    const depths = last?.viewers.map(({ depth }) => depth ?? '-').join(' ');
    const heaps = `${round(last?.streamer.heapMb ?? null, 1)} and ${round(last?.first.heapMb ?? null, 1)} MB`;
    const resident = `${round(last?.residentMb ?? null, 0)} MB`;
    return `soak, ${last?.atS} s: ${this.kills} kills, ${this.joins} joins, depths ${depths}, heaps ${heaps}, resident ${resident}, latency ${round(last?.firstLatencyMs ?? null, 0)} ms, ${this.errors.length} errors`;
  }
}

function evaluate(soak: Soak, { minutes, conditions }: { minutes: number; conditions: string }): PartResult {
  const { samples, errors, kills, joins, mendedMs } = soak;
  const [mended, mendedAtMost] = [0.5, 1].map((share) => round(quantile(mendedMs, share), 0));
  const series: { what: string; unit: 'MB' | 'ms'; most: number; of: (sample: Sample) => number | null }[] = [
    { what: 'JS heap, streamer', unit: 'MB', most: MAX_HEAP_GROWTH_MB, of: (one) => one.streamer.heapMb },
    { what: 'JS heap, first viewer', unit: 'MB', most: MAX_HEAP_GROWTH_MB, of: (one) => one.first.heapMb },
    { what: 'resident, both', unit: 'MB', most: MAX_RESIDENT_GROWTH_MB, of: (one) => one.residentMb },
    {
      what: 'latency, first viewer',
      unit: 'ms',
      most: MAX_LATENCY_GROWTH_MS,
      of: (one) => one.firstLatencyMs,
    },
    { what: 'latency per hop, all viewers', unit: 'ms', most: MAX_LATENCY_GROWTH_MS, of: perHop },
  ];
  const figures = series.map((one) => ({ ...one, ...growth(samples.map(one.of)) }));
  return {
    part: 'soak',
    tables: [
      {
        title: 'Soak',
        conditions: `${minutes} minutes, ${conditions}: a streamer and ${VIEWERS} viewers, ${kills} of them killed, ${joins} joins. After a kill the chain was whole, with a free place at its end, within ${mended} ms (p50), at most ${mendedAtMost} ms. Heaps after a collection; medians of the second and of the last fifth of ${samples.length} samples.`,
        head: ['', 'unit', 'early', 'late', 'growth', 'allowed'],
        rows: figures.map(({ what, unit, early, late, grown, most }) => [
          what,
          unit,
          round(early, 1),
          round(late, 1),
          round(grown, 1),
          most,
        ]),
      },
    ],
    goals: [
      // What a system does not tell cannot grow too much.
      ...figures
        .filter(({ what, grown }) => what !== 'resident, both' || grown !== null)
        .map(({ what, unit, grown, most }): Goal => ({
          what: `${what}, growth`,
          value: grown,
          atMost: most,
          unit,
        })),
      { what: 'errors of pages', value: errors.length, atMost: 0, unit: 'errors' },
    ],
    problems: errors,
    raw: { samples, kills, joins, mendedMs },
  };
}

function perHop({ viewers }: Sample): number | null {
  return median(
    viewers.flatMap(({ depth, latencyMs }) =>
      depth === null || latencyMs === null || depth === 0 ? [] : [latencyMs / depth],
    ),
  );
}

function growth(values: readonly (number | null)[]): Record<'early' | 'late' | 'grown', number | null> {
  const fifth = values.length / 5;
  const medianOf = (from: number, to: number): number | null =>
    median(values.slice(Math.floor(from), Math.max(Math.ceil(to), 1)).filter((value) => value !== null));
  const early = medianOf(fifth, 2 * fifth);
  const late = medianOf(4 * fifth, 5 * fifth);
  return { early, late, grown: early === null || late === null ? null : late - early };
}
