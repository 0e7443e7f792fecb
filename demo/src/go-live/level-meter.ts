/** Shows how loud a stream is, and says whether anything is heard at all. */

/** Below this the room is quiet: a share of full scale. */
const HEARD = 0.01;
/** The meter shows decibels: this much below full scale is its left end. */
const FLOOR_DB = -60;
const SAMPLES = 1024;

/** @param rms - Of samples between -1 and 1. @returns 0 for silence to 1 for full scale, even to the ear. */
export function loudness(rms: number): number {
  if (!(rms > 0)) return 0;
  return Math.min(1, Math.max(0, 1 - (20 * Math.log10(rms)) / FLOOR_DB));
}

export class LevelMeter {
  readonly #bar: HTMLElement;
  readonly #words: HTMLElement;
  #audio: AudioContext | null = null;
  #stop: () => void = () => {};

  constructor(bar: HTMLElement, words: HTMLElement) {
    this.#bar = bar;
    this.#words = words;
  }

  /** Follows another stream. */
  follow(stream: MediaStream | null): void {
    this.#stop();
    this.#show(0);
    if (stream === null || stream.getAudioTracks().length === 0) {
      this.#words.textContent = stream === null ? '' : 'No sound';
      return;
    }
    this.#words.textContent = 'Quiet so far';
    const audio = new AudioContext();
    this.#audio = audio;
    this.wake();
    const analyser = audio.createAnalyser();
    analyser.fftSize = SAMPLES;
    // Chromium: what is connected while the context waits for a press may stay silent for good.
    let source: AudioNode | null = null;
    audio.addEventListener('statechange', () => {
      if (audio.state !== 'running' || source !== null) return;
      source = audio.createMediaStreamSource(stream);
      source.connect(analyser);
    });
    const samples = new Float32Array(SAMPLES);
    let heard = false;
    let frame = 0;
    const read = () => {
      analyser.getFloatTimeDomainData(samples);
      const rms = Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / SAMPLES);
      this.#show(loudness(rms));
      if (!heard && rms > HEARD) {
        heard = true;
        this.#words.textContent = 'Sound is on';
      }
      frame = requestAnimationFrame(read);
    };
    frame = requestAnimationFrame(read);
    this.#stop = () => {
      cancelAnimationFrame(frame);
      void audio.close();
      this.#audio = null;
      this.#stop = () => {};
    };
  }

  /** Called when something was pressed: before that, browsers let a page listen to nothing. */
  wake(): void {
    // Rejects when the meter is closed while it waits.
    void this.#audio?.resume().catch(() => undefined);
  }

  #show(level: number): void {
    this.#bar.style.setProperty('--level', level.toFixed(3));
  }
}
