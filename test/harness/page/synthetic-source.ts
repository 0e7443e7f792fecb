/**
 * A camera made of a canvas and an oscillator: pictures carry their number (picture-code.ts), the sound is a
 * steady tone, and on request a flash and a beep start together, so that lip sync can be measured.
 */

import { CELL_ROWS, CELLS_PER_ROW, encodePictureCode, FLASH_AREA, NUMBER_BITS } from './picture-code.ts';
import { audioContext } from './audio-context.ts';

export const TONE_HZ = 440;
export const BEEP_HZ = 1500;
const TONE_GAIN = 0.2;
const BEEP_GAIN = 0.6;
const BEEP_MS = 100;

/** Draw times are kept for this many pictures: over two minutes at 30 per second. */
const DRAW_TIMES_KEPT = 4096;

export interface SyntheticSourceOptions {
  width?: number;
  height?: number;
  framesPerSecond?: number;
  /** 0 to 15: tells the sources of one test apart. */
  tag?: number;
  audio?: boolean;
  /** A flash and a beep, this often. Default: never. */
  flashEveryMs?: number;
}

export interface SyntheticSource {
  readonly stream: MediaStream;
  /** The number of the picture drawn last. */
  readonly number: number;
  /** When that picture was drawn, in milliseconds since 1970, or `null` when it was not or is forgotten. */
  drawnAt(number: number): number | null;
  /** `black` and `frozen` keep sending pictures: what a broken camera looks like. */
  setPicture(content: 'numbered' | 'black' | 'frozen'): void;
  setTone(state: 'on' | 'off'): void;
  stop(): void;
}

/** Starts a source. Its timer lives in a worker, because browsers slow down those of pages in the background. */
export async function createSyntheticSource(options: SyntheticSourceOptions = {}): Promise<SyntheticSource> {
  const framesPerSecond = options.framesPerSecond ?? 20;
  const painter = createPainter(options.width ?? 320, options.height ?? 180, options.tag ?? 0);
  const sound = options.audio === false ? null : await createSound();
  const flashEvery =
    options.flashEveryMs === undefined ? null : Math.round((options.flashEveryMs / 1000) * framesPerSecond);
  const flashFrames = Math.max(1, Math.round((BEEP_MS / 1000) * framesPerSecond));
  const drawTimes = new Map<number, number>();
  let number = 0;
  let content: 'numbered' | 'black' | 'frozen' = 'numbered';

  function draw(): void {
    if (content === 'frozen') return painter.redraw();
    if (content === 'black') return painter.blacken();
    number = (number + 1) % 2 ** NUMBER_BITS;
    const phase = flashEvery === null ? flashFrames : number % flashEvery;
    if (phase === 0) sound?.beep();
    painter.paint(number, phase < flashFrames ? 'lit' : 'dark');
    drawTimes.set(number, performance.timeOrigin + performance.now());
    drawTimes.delete(number - DRAW_TIMES_KEPT);
  }

  draw();
  const video = painter.canvas.captureStream(framesPerSecond);
  const ticker = startTicker(1000 / framesPerSecond, draw);
  const stream = new MediaStream([...video.getVideoTracks(), ...(sound?.stream.getAudioTracks() ?? [])]);
  return {
    stream,
    get number() {
      return number;
    },
    drawnAt: (wanted) => drawTimes.get(wanted) ?? null,
    setPicture: (wanted) => {
      content = wanted;
    },
    setTone: (state) => sound?.setTone(state),
    stop: () => {
      ticker.stop();
      sound?.stop();
      for (const track of stream.getTracks()) track.stop();
    },
  };
}

function createPainter(width: number, height: number, tag: number) {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d', { alpha: false });
  if (context === null) throw new Error('this browser gives no 2d canvas');
  const cell = width / CELLS_PER_ROW;
  let repaints = 0;

  function paint(number: number, flash: 'lit' | 'dark'): void {
    if (context === null) return;
    const patternTop = cell * CELL_ROWS;
    const stripe = width / 8;
    for (let x = -1; x < 9; x += 1) {
      context.fillStyle = `hsl(${((x + 1) * 40 + number) % 360} 70% 50%)`;
      context.fillRect(x * stripe + ((number * 3) % stripe), patternTop, stripe + 1, height - patternTop);
    }
    encodePictureCode({ number, tag }).forEach((white, index) => {
      context.fillStyle = white ? '#fff' : '#000';
      const row = Math.floor(index / CELLS_PER_ROW);
      context.fillRect((index % CELLS_PER_ROW) * cell, row * cell, cell, cell);
    });
    context.fillStyle = flash === 'lit' ? '#fff' : '#000';
    context.fillRect(
      FLASH_AREA.left * width,
      FLASH_AREA.top * height,
      FLASH_AREA.width * width,
      FLASH_AREA.height * height,
    );
  }

  /** Touches one pixel below the cells: an untouched canvas is not captured again. */
  function redraw(): void {
    if (context === null) return;
    repaints += 1;
    context.fillStyle = repaints % 2 === 0 ? '#101010' : '#111111';
    context.fillRect(0, height - 1, 1, 1);
  }

  function blacken(): void {
    if (context === null) return;
    context.fillStyle = '#000';
    context.fillRect(0, 0, width, height);
    redraw();
  }

  return { canvas, paint, redraw, blacken };
}

async function createSound() {
  const context = await audioContext();
  const output = context.createMediaStreamDestination();
  const tone = startOscillator(context, TONE_HZ, TONE_GAIN, output);
  const beeper = startOscillator(context, BEEP_HZ, 0, output);
  return {
    stream: output.stream,
    setTone: (state: 'on' | 'off') => {
      tone.gain.gain.value = state === 'on' ? TONE_GAIN : 0;
    },
    beep: () => {
      beeper.gain.gain.setValueAtTime(BEEP_GAIN, context.currentTime);
      beeper.gain.gain.setValueAtTime(0, context.currentTime + BEEP_MS / 1000);
    },
    stop: () => {
      tone.oscillator.stop();
      beeper.oscillator.stop();
    },
  };
}

function startOscillator(context: AudioContext, frequencyHz: number, level: number, output: AudioNode) {
  const oscillator = new OscillatorNode(context, { frequency: frequencyHz });
  const gain = new GainNode(context, { gain: level });
  oscillator.connect(gain).connect(output);
  oscillator.start();
  return { oscillator, gain };
}

function startTicker(everyMs: number, onTick: () => void): { stop(): void } {
  const source = `setInterval(() => postMessage(0), ${everyMs})`;
  const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
  const worker = new Worker(url);
  worker.onmessage = onTick;
  return {
    stop: () => {
      worker.terminate();
      URL.revokeObjectURL(url);
    },
  };
}
