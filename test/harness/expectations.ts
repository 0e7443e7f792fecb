/** What tests claim about a page: pictures advance, sound is heard, or neither. Each failure says what was seen. */

import type { LipSync } from './page/lip-sync.ts';
import type { PictureReading } from './page/picture-reader.ts';
import type { ToneLevel } from './page/tone-meter.ts';
import { TONE_HZ } from './page/synthetic-source.ts';
import type { BrowserPage } from './browser-page.ts';

/** The synthetic tone has 0.14; a tenth of it is still unmistakable, and digital silence has 0. */
const HEARD_RMS = 0.014;
const SILENT_RMS = 0.002;
const LISTEN_MS = 400;

export interface PictureExpectation {
  /** How many times the numbers must advance. */
  atLeast: number;
  withinMs: number;
  /** The source the pictures must come from. Default: any. */
  tag?: number;
}

export interface PictureSummary {
  first: number;
  last: number;
  /** Pictures with a readable number, and without. */
  read: number;
  unreadable: number;
  longestGapMs: number;
  /** When the first and the last were shown, in milliseconds since 1970. */
  firstAt: number;
  lastAt: number;
}

/** Fails unless the `<video>` shows numbered pictures whose numbers grow. */
export async function expectPicturesAdvance(
  page: BrowserPage,
  video: string,
  expected: PictureExpectation,
): Promise<PictureSummary> {
  const readings = await readPictures(page, video, expected);
  const numbered = readings.filter(({ number }) => number !== null);
  const steps = numbered.slice(1).map((reading, index) => ({
    advance: (reading.number ?? 0) - (numbered[index]?.number ?? 0),
    gapMs: reading.at - (numbered[index]?.at ?? 0),
  }));
  const advances = steps.filter(({ advance }) => advance > 0).length;
  const strangers = numbered.filter(({ tag }) => expected.tag !== undefined && tag !== expected.tag);
  const [first, last] = [numbered[0], numbered.at(-1)];
  const seen = `${readings.length} pictures, ${numbered.length} readable, ${advances} advances (${numbered
    .slice(-8)
    .map(({ number }) => number)
    .join(' ')})`;
  if (strangers.length > 0) fail(page, video, `pictures of source ${strangers[0]?.tag}; ${seen}`);
  if (steps.some(({ advance }) => advance < 0)) fail(page, video, `numbers went back; ${seen}`);
  if (first === undefined || last === undefined || advances < expected.atLeast) {
    return fail(page, video, `wanted ${expected.atLeast} advances in ${expected.withinMs} ms; saw ${seen}`);
  }
  return {
    first: first.number ?? 0,
    last: last.number ?? 0,
    read: numbered.length,
    unreadable: readings.length - numbered.length,
    longestGapMs: Math.max(0, ...steps.map(({ gapMs }) => gapMs)),
    firstAt: first.at,
    lastAt: last.at,
  };
}

/** Reads the pictures of a `<video>` until they have advanced often enough, or the time is up. */
export async function readPictures(
  page: BrowserPage,
  video: string,
  limits: { atLeast: number; withinMs: number },
): Promise<PictureReading[]> {
  return page.evaluate(
    ({ selector, atLeast, withinMs }) => {
      const element = document.querySelector(selector);
      if (!(element instanceof HTMLVideoElement)) throw new Error(`no video at ${selector}`);
      return castoHarness.readPictures(element, { atLeast, withinMs });
    },
    { selector: video, atLeast: limits.atLeast, withinMs: limits.withinMs },
  );
}

/** Fails unless the tone of the synthetic source is heard within the time. */
export async function expectTone(
  page: BrowserPage,
  video: string,
  options: { withinMs: number; frequencyHz?: number },
): Promise<ToneLevel> {
  const deadline = performance.now() + options.withinMs;
  for (;;) {
    const level = await listen(page, video, options.frequencyHz ?? TONE_HZ);
    if (level.toneRms >= HEARD_RMS) return level;
    if (performance.now() > deadline) return fail(page, video, `no tone; level ${JSON.stringify(level)}`);
  }
}

/** Fails when anything at all is heard. */
export async function expectSilence(page: BrowserPage, video: string): Promise<ToneLevel> {
  const level = await listen(page, video, TONE_HZ);
  if (level.rms > SILENT_RMS) fail(page, video, `not silent; level ${JSON.stringify(level)}`);
  return level;
}

/** How far the sound of a `<video>` lags behind its picture. Needs a source with `flashEveryMs`. */
export async function measureLipSync(
  page: BrowserPage,
  video: string,
  limits: { pairs: number; withinMs: number },
): Promise<LipSync> {
  return page.evaluate(
    ({ selector, pairs, withinMs }) => {
      const element = document.querySelector(selector);
      if (!(element instanceof HTMLVideoElement)) throw new Error(`no video at ${selector}`);
      return castoHarness.measureLipSync(element, { pairs, withinMs });
    },
    { selector: video, ...limits },
  );
}

function listen(page: BrowserPage, video: string, frequencyHz: number): Promise<ToneLevel> {
  return page.evaluate(
    ({ selector, hz, forMs }) => {
      const element = document.querySelector(selector);
      if (!(element instanceof HTMLVideoElement)) throw new Error(`no video at ${selector}`);
      if (!(element.srcObject instanceof MediaStream)) return { rms: 0, toneRms: 0, windows: 0 };
      return castoHarness.measureTone(element.srcObject, { frequencyHz: hz, forMs });
    },
    { selector: video, hz: frequencyHz, forMs: LISTEN_MS },
  );
}

function fail(page: BrowserPage, video: string, problem: string): never {
  const errors = page.errors.length === 0 ? '' : `; page errors: ${page.errors.slice(-5).join(' | ')}`;
  throw new Error(`${video} in ${page.browser}: ${problem}${errors}`);
}
