import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ChildStream, NO_LIMIT, type ChildLimit } from '../src/hub/child-stream.ts';
import type { HubFrame } from '../src/hub/hub-frame.ts';
import { LinkBudget, type LinkSample } from '../src/link-budget.ts';
import { L1T3, pictures, placed, undecodable } from './hub/frames.ts';

const LOOK_MS = 200;
const MEDIA_BPS = 1_000_000;
const PLENTY: LinkSample = { written: 0, payloadSent: 0, availableBps: 10 * MEDIA_BPS, mediaBps: MEDIA_BPS };
const BASE: ChildLimit = { maxTemporalLayer: 0, isClosed: false };
const TWO: ChildLimit = { maxTemporalLayer: 1, isClosed: false };
const ALL: ChildLimit = { maxTemporalLayer: 2, isClosed: false };

/** A sample of a link in front of which so much waits. */
function queued(queueMs: number, sample: Partial<LinkSample> = {}): LinkSample {
  const { availableBps } = { ...PLENTY, ...sample };
  return { ...PLENTY, written: (queueMs * availableBps) / 8_000, ...sample };
}

/** A budget that has seen the link empty. */
function fresh(): LinkBudget {
  const budget = new LinkBudget();
  budget.look(PLENTY, 0);
  return budget;
}

/** One that has gone down by one temporal layer, at 1 000 ms. */
function atTwo(): LinkBudget {
  const budget = fresh();
  expect(budget.look(queued(130), 1_000)).toEqual(TWO);
  return budget;
}

/** One that has gone down to the base, the last step at 1 600 ms. */
function atBase(): LinkBudget {
  const budget = fresh();
  expect(budget.look(queued(130), 1_000)).toEqual(TWO);
  expect(budget.look(queued(130), 1_600)).toEqual(BASE);
  return budget;
}

describe('a link that carries all', () => {
  test('is not limited', () => {
    const budget = new LinkBudget();
    for (let n = 0; n < 100; n++) expect(budget.look(PLENTY, n * LOOK_MS)).toBeNull();
    expect(budget.isLimited).toBe(false);
  });

  test('is not limited before anything is known of it', () => {
    const nothing = { written: 0, payloadSent: 0, availableBps: 0, mediaBps: null };
    expect(new LinkBudget().look(nothing, 0)).toBeNull();
    expect(new LinkBudget().look({ ...nothing, mediaBps: MEDIA_BPS }, 0)).toBeNull();
  });

  test('may keep a queue of 120 ms', () => {
    expect(fresh().look(queued(120), 1_000)).toBeNull();
  });

  test('has no false queue, though the sender counts the descriptors of its packets as sent', () => {
    const budget = new LinkBudget();
    for (let n = 0; n < 5_000; n++) {
      const written = n * 25_000;
      expect(budget.look({ ...PLENTY, written, payloadSent: written * 1.004 }, n * LOOK_MS)).toBeNull();
    }
    const written = 5_000 * 25_000;
    const late = { written, payloadSent: written * 1.004 - 130 * 1_250 };
    expect(budget.look({ ...PLENTY, ...late }, 5_000 * LOOK_MS)).toEqual(TWO);
  });
});

describe('[M2.1] a link that carries less', () => {
  test('loses a temporal layer when more than 120 ms wait', () => {
    const budget = fresh();
    expect(budget.look(queued(121), 1_000)).toEqual(TWO);
    expect(budget.isLimited).toBe(true);
  });

  test('loses a temporal layer when its estimate is too small for all', () => {
    expect(fresh().look({ ...PLENTY, availableBps: MEDIA_BPS * 0.96 }, 1_000)).toBeNull();
    expect(fresh().look({ ...PLENTY, availableBps: MEDIA_BPS * 0.94 }, 1_000)).toEqual(TWO);
  });

  test('keeps what its estimate is enough for', () => {
    const budget = fresh();
    const tight = { ...PLENTY, availableBps: MEDIA_BPS * 0.6 };
    expect(budget.look(tight, 1_000)).toEqual(TWO);
    for (let ms = 1_200; ms < 20_000; ms += LOOK_MS) expect(budget.look(tight, ms)).toBeNull();
  });

  test('loses the next one no sooner than after 600 ms, and never the base', () => {
    const budget = fresh();
    expect(budget.look(queued(130), 1_000)).toEqual(TWO);
    expect(budget.look(queued(130), 1_599)).toBeNull();
    expect(budget.look(queued(130), 1_600)).toEqual(BASE);
    for (let ms = 1_800; ms < 20_000; ms += LOOK_MS) expect(budget.look(queued(130), ms)).toBeNull();
  });

  test('is closed when more than 500 ms wait, and opened again when no more than 40 ms do', () => {
    const budget = fresh();
    expect(budget.look(queued(500), 1_000)).toEqual(TWO);
    expect(budget.look(queued(501), 1_100)).toEqual({ ...TWO, isClosed: true });
    expect(budget.isLimited).toBe(true);
    expect(budget.look(queued(41), 1_200)).toBeNull();
    expect(budget.look(queued(40), 1_300)).toEqual(TWO);
  });

  test('is closed at once, whatever it has lost before', () => {
    expect(fresh().look(queued(2_000), 1_000)).toEqual({ ...TWO, isClosed: true });
  });

  test('is not closed for ever by bytes that its sender has lost', () => {
    const budget = fresh();
    // What was written to a sender that just then was made anew is never sent.
    const lost = queued(800);
    expect(budget.look(lost, 1_000)?.isClosed).toBe(true);
    const isClosedAfter = (soundBytes: number): boolean => {
      let isClosed = true;
      for (let n = 1; n < 300; n++) {
        const { written, payloadSent } = lost;
        const sound = { written: written + n * soundBytes, payloadSent: payloadSent + n * soundBytes };
        isClosed = budget.look({ ...lost, ...sound }, 1_000 + n * LOOK_MS)?.isClosed ?? isClosed;
      }
      return isClosed;
    };
    // While nothing at all goes out, the link may be down, and what waits will go.
    expect(isClosedAfter(0)).toBe(true);
    expect(isClosedAfter(2_000)).toBe(false);
  });
});

describe('a link that has become better', () => {
  test('gets a temporal layer back after 5 s, and the next one after 5 s more', () => {
    const budget = atBase();
    expect(budget.look(PLENTY, 6_599)).toBeNull();
    expect(budget.look(PLENTY, 6_600)).toEqual(TWO);
    expect(budget.look(PLENTY, 11_599)).toBeNull();
    expect(budget.look(PLENTY, 11_600)).toEqual(ALL);
    expect(budget.isLimited).toBe(false);
  });

  test('gets none back while its estimate is not enough for it', () => {
    // 1.15 times what all need: 1.4 times what the lower two do is less, 0.84.
    expect(atTwo().look({ ...PLENTY, availableBps: 0.83 * MEDIA_BPS }, 60_000)).toBeNull();
    expect(atTwo().look({ ...PLENTY, availableBps: 0.85 * MEDIA_BPS }, 60_000)).toEqual(ALL);
  });

  test('gets one back when the estimate is as high as that of a link with room ever is', () => {
    // The base alone takes 0.4, and the congestion control looks no further than half as much again.
    expect(atBase().look({ ...PLENTY, availableBps: 0.55 * MEDIA_BPS }, 60_000)).toBeNull();
    expect(atBase().look({ ...PLENTY, availableBps: 0.57 * MEDIA_BPS }, 60_000)).toEqual(TWO);
  });

  test('waits twice as long after each vain try, and a minute at most', () => {
    const budget = atBase();
    let at = 1_600;
    for (const cleanMs of [5_000, 10_000, 20_000, 40_000, 60_000, 60_000]) {
      expect(budget.look(PLENTY, at + cleanMs - 1)).toBeNull();
      expect(budget.look(PLENTY, at + cleanMs)).toEqual(TWO);
      at += cleanMs + 9_000;
      expect(budget.look(queued(130), at)).toEqual(BASE);
    }
  });

  test('waits 5 s again once more was carried for 10 s', () => {
    const budget = atBase();
    expect(budget.look(PLENTY, 6_600)).toEqual(TWO);
    expect(budget.look(queued(130), 8_000)).toEqual(BASE);
    expect(budget.look(PLENTY, 18_000)).toEqual(TWO);
    expect(budget.look(queued(130), 28_000)).toEqual(BASE);
    expect(budget.look(PLENTY, 33_000)).toEqual(TWO);
  });

  test('waits twice as long after a vain try that has cost two temporal layers, and not longer', () => {
    const budget = atTwo();
    expect(budget.look(PLENTY, 6_000)).toEqual(ALL);
    expect(budget.look(queued(130), 8_000)).toEqual(TWO);
    expect(budget.look(queued(130), 8_600)).toEqual(BASE);
    expect(budget.look(PLENTY, 18_599)).toBeNull();
    expect(budget.look(PLENTY, 18_600)).toEqual(TWO);
  });

  test('gets none back while something waits', () => {
    expect(atBase().look(queued(40), 60_000)).toBeNull();
  });

  test('gets none back until it was clean for 5 s, however long it has had too little', () => {
    const budget = atBase();
    for (let ms = 1_800; ms <= 20_000; ms += LOOK_MS) budget.look(queued(130), ms);
    expect(budget.look(PLENTY, 20_200)).toBeNull();
    expect(budget.look(PLENTY, 24_900)).toBeNull();
    expect(budget.look(PLENTY, 25_200)).toEqual(TWO);
  });

  test('gets none back when it has just been opened', () => {
    const budget = atBase();
    expect(budget.look(queued(600), 20_000)).toEqual({ ...BASE, isClosed: true });
    expect(budget.look(PLENTY, 20_200)).toEqual(BASE);
  });
});

interface Link {
  readonly linkBps: (ms: number) => number;
  /** What the sender's congestion control tells. */
  readonly estimateBps: (ms: number) => number;
  readonly seconds: number;
}

/** How much larger the picture is than the average: the base has 40 % of the bytes, the others 20 % and 40 %. */
const SIZES = [1.6, 0.8, 0.8] as const;
const KEY_SIZE = 3;
const STREAM_BPS = 500_000;
const STEP_MS = 10;
const PER_SECOND = 30;

/** Sends an L1T3 stream of 500 kbps over a link. @returns The longest queue in milliseconds, and what was written. */
function simulate({ linkBps, estimateBps, seconds }: Link) {
  const averageBytes = STREAM_BPS / 8 / PER_SECOND;
  const written: HubFrame<null>[] = [];
  let queueBytes = 0;
  let payloadSent = 0;
  let writtenBytes = 0;
  const child = new ChildStream<null>({
    isReady: true,
    write: ({ frame }) => {
      written.push(frame);
      // Each packet of 1 100 bytes begins with a descriptor of 4.
      queueBytes += frame.bytes * (1 + 4 / 1_100);
      writtenBytes += frame.bytes;
    },
  });
  child.begin();
  const frames = pictures(L1T3, seconds * PER_SECOND, { keyEvery: 2 * PER_SECOND }).map((frame) => ({
    ...frame,
    bytes: Math.round(averageBytes * (frame.isKey ? KEY_SIZE : (SIZES[frame.temporalLayer] ?? 1))),
  }));
  const budget = new LinkBudget();
  const limits: ChildLimit[] = [];
  let longestMs = 0;
  for (let ms = 0, next = 0; ms < seconds * 1_000; ms += STEP_MS) {
    const sent = Math.min(queueBytes, (linkBps(ms) * STEP_MS) / 8_000);
    queueBytes -= sent;
    payloadSent += sent;
    for (; next * (1_000 / PER_SECOND) <= ms; next++) {
      const frame = frames[next];
      if (frame) child.take(placed(frame), () => [placed(frame)], ms);
    }
    longestMs = Math.max(longestMs, (queueBytes * 8_000) / linkBps(ms));
    if (ms % LOOK_MS !== 0) continue;
    const sample = {
      written: writtenBytes,
      payloadSent,
      availableBps: estimateBps(ms),
      mediaBps: STREAM_BPS,
    };
    const limit = budget.look(sample, ms);
    if (limit === null) continue;
    child.limit = limit;
    limits.push(limit);
  }
  return { longestMs, written, frames, limits };
}

describe('a stream of 500 kbps', () => {
  test('[M2.2] over a link of 300 kbps waits less than 600 ms, and its base arrives', () => {
    const link = { linkBps: () => 300_000, estimateBps: () => 300_000, seconds: 60 };
    const { longestMs, written, frames, limits } = simulate(link);
    expect(longestMs).toBeLessThan(600);
    expect(undecodable(written)).toEqual([]);
    const base = frames.filter(({ temporalLayer }) => temporalLayer === 0);
    expect(written.filter(({ temporalLayer }) => temporalLayer === 0)).toEqual(base);
    expect(limits.at(-1)).toEqual(BASE);
  });

  test('[M2.2] waits no longer than 1.5 s where the sender never has an estimate, and then not at all', () => {
    const link = { linkBps: () => 300_000, estimateBps: () => 0, seconds: 60 };
    const { longestMs, limits } = simulate(link);
    expect(longestMs).toBeLessThan(1_500);
    expect(limits.at(-1)).toEqual(BASE);
  });

  test('[M2.2] waits less than 600 ms though the estimate of 2.5 Mbps takes half a second to fall', () => {
    const link = {
      linkBps: () => 300_000,
      estimateBps: (ms: number) => (ms < 500 ? 2_500_000 : 300_000),
      seconds: 60,
    };
    expect(simulate(link).longestMs).toBeLessThan(600);
  });

  test('[M2.1] over a link of 120 kbps arrives from key frame to key frame, and waits no longer than 1.2 s', () => {
    const link = { linkBps: () => 120_000, estimateBps: () => 120_000, seconds: 60 };
    const { longestMs, written } = simulate(link);
    expect(longestMs).toBeLessThan(1_200);
    expect(undecodable(written)).toEqual([]);
    expect(written.length).toBeGreaterThan(60);
  });

  test('over a link of 2 Mbps loses nothing', () => {
    const link = { linkBps: () => 2_000_000, estimateBps: () => 2_000_000, seconds: 60 };
    const { written, frames, limits } = simulate(link);
    expect(written).toEqual(frames);
    expect(limits).toEqual([]);
  });

  test('over a link that is slow for ten seconds is complete again 20 s later', () => {
    const bps = (ms: number): number => (ms >= 10_000 && ms < 20_000 ? 300_000 : 2_000_000);
    const { longestMs, written, limits, frames } = simulate({ linkBps: bps, estimateBps: bps, seconds: 60 });
    expect(longestMs).toBeLessThan(600);
    expect(limits.at(-1)).toEqual(ALL);
    const after = 40 * PER_SECOND;
    expect(written.filter(({ sequence }) => sequence >= after)).toEqual(frames.slice(after));
  });

  test('[M2.2] never waits longer than the rate of the link makes inevitable', () => {
    const rates = fc.array(fc.integer({ min: 250, max: 3_000 }), { minLength: 10, maxLength: 10 });
    fc.assert(
      fc.property(rates, (rates) => {
        const bps = (ms: number): number => (rates[Math.floor(ms / 4_000) % rates.length] ?? 300) * 1_000;
        const { longestMs, written } = simulate({ linkBps: bps, estimateBps: bps, seconds: 40 });
        expect(undecodable(written)).toEqual([]);
        expect(longestMs).toBeLessThan(1_000);
      }),
      { numRuns: 30 },
    );
  });
});

test('the highest rung leaves out nothing that there is', () => {
  expect(NO_LIMIT.maxTemporalLayer).toBeGreaterThanOrEqual(ALL.maxTemporalLayer);
});
