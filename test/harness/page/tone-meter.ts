/** Tells a heard tone from silence, and finds the instant at which a beep begins. */

import { audioContext } from './audio-context.ts';

const WINDOW_SAMPLES = 2048;
/** At 48 kHz a window covers 42 ms, so that every sample falls into at least one. */
const POLL_MS = 20;

export interface ToneLevel {
  /** Root mean square of the whole signal; full scale is 1. */
  rms: number;
  /** Root mean square of its part at the wanted frequency. */
  toneRms: number;
  windows: number;
}

/** Listens to a stream. Without an audio track, the level is zero over zero windows. */
export async function measureTone(
  stream: MediaStream,
  options: { frequencyHz: number; forMs: number },
): Promise<ToneLevel> {
  if (stream.getAudioTracks().length === 0) return { rms: 0, toneRms: 0, windows: 0 };
  const ear = await listenTo(stream);
  const deadline = performance.now() + options.forMs;
  let [power, tonePower, windows] = [0, 0, 0];
  while (performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    const samples = ear.read();
    power += samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    tonePower += powerAt(samples, options.frequencyHz / ear.sampleRateHz);
    windows += 1;
  }
  ear.close();
  return { rms: Math.sqrt(power / windows), toneRms: Math.sqrt(tonePower / windows), windows };
}

/** Samples of a stream as they are heard. */
export interface Ear {
  readonly sampleRateHz: number;
  /** The last 2048 samples. The buffer is reused by the next call. */
  read(): Float32Array;
  close(): void;
}

/** Opens an ear on the audio of a stream. */
export async function listenTo(stream: MediaStream): Promise<Ear> {
  const context = await audioContext();
  const audio = new MediaStream(stream.getAudioTracks());
  // Chromium decodes a remote track only while a media element plays it (crbug.com/933677).
  const player = new Audio();
  player.muted = true;
  player.srcObject = audio;
  await player.play().catch(() => undefined);
  const source = context.createMediaStreamSource(audio);
  const analyser = new AnalyserNode(context, { fftSize: WINDOW_SAMPLES });
  source.connect(analyser);
  const samples = new Float32Array(WINDOW_SAMPLES);
  return {
    sampleRateHz: context.sampleRate,
    read: () => {
      analyser.getFloatTimeDomainData(samples);
      return samples;
    },
    close: () => {
      source.disconnect();
      player.srcObject = null;
    },
  };
}

/**
 * Power of one frequency (Goertzel's algorithm).
 *
 * @param cyclesPerSample - The frequency divided by the sample rate.
 * @returns The mean square of the sinusoid at that frequency.
 */
export function powerAt(samples: Float32Array, cyclesPerSample: number): number {
  const coefficient = 2 * Math.cos(2 * Math.PI * cyclesPerSample);
  let [previous, beforePrevious] = [0, 0];
  for (const sample of samples) {
    const current = sample + coefficient * previous - beforePrevious;
    beforePrevious = previous;
    previous = current;
  }
  const energy = previous ** 2 + beforePrevious ** 2 - coefficient * previous * beforePrevious;
  return (2 * energy) / samples.length ** 2;
}
