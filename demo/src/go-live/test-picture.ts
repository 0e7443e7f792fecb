/** A picture for people without a camera: colour bars, a clock whose hand turns once a second, and a soft beep. */

import type { OpenSource } from './open-source.ts';
import { paintStream } from './painted-stream.ts';
import type { Painter } from './painted-stream.ts';

const BARS = ['#f4f1ea', '#f2c230', '#2fb5c4', '#46a758', '#b659c9', '#e5492d', '#3d63dd'] as const;
const BEEP_HZ = 660;
/** Quiet: it comes once a second for as long as the broadcast lasts. */
const BEEP_GAIN = 0.12;
const BEEP_S = 0.09;
const BEEP_EVERY_MS = 1000;
/** Beeps are set ahead of time, so that a busy page does not stumble. */
const AHEAD_S = 3;

export function openTestPicture(size: { width: number; height: number }): OpenSource {
  const sound = createBeeper();
  const picture = paintStream(size, (context, elapsedMs) => {
    paintTestPicture(context, elapsedMs);
    sound.keepUp();
  });
  return {
    kind: 'test-picture',
    stream: new MediaStream([picture.track, ...sound.tracks]),
    isMirror: false,
    wake: () => sound.wake(),
    stop: () => {
      picture.stop();
      sound.stop();
    },
  };
}

const paintTestPicture: Painter = (context, elapsedMs) => {
  const { width, height } = context.canvas;
  const barWidth = width / BARS.length;
  BARS.forEach((colour, index) => {
    context.fillStyle = colour;
    context.fillRect(Math.floor(index * barWidth), 0, Math.ceil(barWidth) + 1, height);
  });
  context.fillStyle = '#14161a';
  context.fillRect(0, height * 0.78, width, height * 0.22);
  paintClock(context, elapsedMs);

  const unit = height / 100;
  context.textBaseline = 'middle';
  context.fillStyle = '#ffffff';
  context.font = `650 ${7 * unit}px system-ui, sans-serif`;
  context.textAlign = 'left';
  context.fillText('CASTO test picture', 6 * unit, height * 0.89);
  context.textAlign = 'right';
  context.font = `500 ${7 * unit}px ui-monospace, Menlo, Consolas, monospace`;
  context.fillText(clockWords(new Date()), width - 6 * unit, height * 0.89);
};

function paintClock(context: CanvasRenderingContext2D, elapsedMs: number): void {
  const { width, height } = context.canvas;
  const [x, y, radius] = [width / 2, height * 0.39, height * 0.27];
  const turn = ((elapsedMs % BEEP_EVERY_MS) / BEEP_EVERY_MS) * 2 * Math.PI - Math.PI / 2;
  context.fillStyle = '#14161a';
  circle(context, x, y, radius);
  context.fillStyle = '#e5492d';
  context.beginPath();
  context.moveTo(x, y);
  context.arc(x, y, radius * 0.88, -Math.PI / 2, turn);
  context.fill();
  context.fillStyle = '#14161a';
  circle(context, x, y, radius * 0.58);
  context.fillStyle = '#ffffff';
  circle(context, x + Math.cos(turn) * radius * 0.73, y + Math.sin(turn) * radius * 0.73, radius * 0.1);
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.font = `700 ${radius * 0.5}px system-ui, sans-serif`;
  context.fillText(String(Math.floor(elapsedMs / 1000)), x, y + radius * 0.03);
}

function circle(context: CanvasRenderingContext2D, x: number, y: number, radius: number): void {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

/** Hours to tenths of a second: two screens side by side show the delay. */
function clockWords(now: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const tenths = Math.floor(now.getMilliseconds() / 100);
  return `${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}.${tenths}`;
}

interface Beeper {
  readonly tracks: readonly MediaStreamTrack[];
  /** Sets the beeps of the next seconds; called at every picture. */
  keepUp(): void;
  wake(): void;
  stop(): void;
}

function createBeeper(): Beeper {
  const context = new AudioContext();
  const output = context.createMediaStreamDestination();
  const oscillator = context.createOscillator();
  const gain = context.createGain();
  oscillator.frequency.value = BEEP_HZ;
  gain.gain.value = 0;
  oscillator.connect(gain).connect(output);
  oscillator.start();
  // Whoever pressed something on the way here hears it at once. Whoever opened this address has not: the sound then
  // waits for `wake`.
  const wake = () => void context.resume().catch(() => undefined);
  wake();
  let nextS = 0;
  return {
    tracks: output.stream.getAudioTracks(),
    keepUp: () => {
      const nowS = context.currentTime;
      for (nextS = Math.max(nextS, Math.ceil(nowS)); nextS < nowS + AHEAD_S; nextS += BEEP_EVERY_MS / 1000) {
        gain.gain.setTargetAtTime(BEEP_GAIN, nextS, 0.004);
        gain.gain.setTargetAtTime(0, nextS + BEEP_S, 0.02);
      }
    },
    wake,
    stop: () => void context.close(),
  };
}
