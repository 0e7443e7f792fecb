/** Measures how far the sound lags behind the picture, from the flashes and beeps of a synthetic source. */

import { watchPictures } from './picture-reader.ts';
import { BEEP_HZ } from './synthetic-source.ts';
import { listenTo, powerAt } from './tone-meter.ts';

const POLL_MS = 10;
/** 2.7 ms at 48 kHz: four periods of the beep. */
const SLICE_SAMPLES = 128;
/** Mean square of the beep's part above which a slice belongs to it; the beep itself has about 0.18. */
const BEEP_POWER = 0.03;
/** Luminance above which the flash area is lit. */
const FLASH_LEVEL = 160;
/** A flash and a beep further apart than this do not belong together. */
const PAIR_WITHIN_MS = 450;

export interface LipSync {
  /** One per flash that has its beep, in milliseconds; above zero when the sound comes late. */
  offsetsMs: number[];
  medianMs: number | null;
  flashes: number;
  beeps: number;
}

/**
 * Watches and listens until `pairs` flashes have met their beeps, or the time is up.
 *
 * The figure includes what the page itself adds; subtract that of the source's own page for the path alone.
 */
export async function measureLipSync(
  video: HTMLVideoElement,
  limits: { pairs: number; withinMs: number },
): Promise<LipSync> {
  if (!(video.srcObject instanceof MediaStream)) throw new Error('the video plays no stream');
  const pictures = watchPictures(video);
  const ear = await listenTo(video.srcObject);
  const beeps: number[] = [];
  const deadline = performance.now() + limits.withinMs;
  let [flashes, offsetsMs]: [number[], number[]] = [[], []];
  while (performance.now() < deadline && offsetsMs.length < limits.pairs) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    noteBeep(beeps, ear.read(), ear.sampleRateHz);
    flashes = risingEdges(pictures.readings);
    offsetsMs = pairUp(flashes, beeps);
  }
  pictures.stop();
  ear.close();
  return { offsetsMs, medianMs: median(offsetsMs), flashes: flashes.length, beeps: beeps.length };
}

/** Adds the onset of a beep unless it is the one noted last. A beep that fills the window began before it. */
function noteBeep(beeps: number[], samples: Float32Array, sampleRateHz: number): void {
  const now = performance.timeOrigin + performance.now();
  const loud = (start: number) =>
    powerAt(samples.subarray(start, start + SLICE_SAMPLES), BEEP_HZ / sampleRateHz) > BEEP_POWER;
  if (loud(0)) return;
  for (let start = SLICE_SAMPLES; start < samples.length; start += SLICE_SAMPLES) {
    if (!loud(start)) continue;
    const onset = now - ((samples.length - start) / sampleRateHz) * 1000;
    if (onset - (beeps.at(-1) ?? 0) > PAIR_WITHIN_MS) beeps.push(onset);
    return;
  }
}

function risingEdges(readings: readonly { flash: number; at: number }[]): number[] {
  return readings
    .filter((reading, index) => {
      const before = readings[index - 1];
      return before !== undefined && before.flash < FLASH_LEVEL && reading.flash >= FLASH_LEVEL;
    })
    .map((reading) => reading.at);
}

function pairUp(flashes: readonly number[], beeps: readonly number[]): number[] {
  return flashes.flatMap((flash) => {
    const beep = beeps.find((onset) => Math.abs(onset - flash) < PAIR_WITHIN_MS);
    return beep === undefined ? [] : [beep - flash];
  });
}

function median(values: readonly number[]): number | null {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? null;
}
