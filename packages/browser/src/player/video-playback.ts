/** Plays a stream in a video element, as far as the browser lets it (playback.ts). */

import { initialPlayback, isMuted, promptOf, stepPlayback } from './playback.ts';
import type { Playback, PlaybackEffect, PlaybackInput } from './playback.ts';

export class VideoPlayback {
  readonly #video: HTMLVideoElement;
  readonly #onChange: () => void;
  #playback: Playback = initialPlayback({ sound: 'on', wish: 'pause' });
  #attempt = 0;

  /** @param onChange - Called after each change of what can be read here. */
  constructor(video: HTMLVideoElement, onChange: () => void) {
    this.#video = video;
    this.#onChange = onChange;
    video.addEventListener('loadedmetadata', () => this.mediaChanged());
    video.addEventListener('pause', () => this.#paused());
    video.addEventListener('play', () => this.#resumed());
  }

  get prompt(): 'none' | 'sound' | 'play' {
    return promptOf(this.#playback);
  }

  /** Whether whoever watches wants it so. */
  get isPaused(): boolean {
    return this.#playback.wish === 'pause';
  }

  get isMuted(): boolean {
    return isMuted(this.#playback);
  }

  /** Shows a stream; `null` takes the picture away. What was granted and chosen stays. */
  show(stream: MediaStream | null): void {
    if (this.#video.srcObject === stream) return;
    this.#video.srcObject = stream;
    this.#take({ type: stream === null ? 'media-gone' : 'media' });
  }

  /** There may be other tracks in the stream than before. */
  mediaChanged(): void {
    if (this.#video.srcObject !== null) this.#take({ type: 'media' });
  }

  /** At the live edge: a stream keeps nothing of what came meanwhile. */
  play(by: 'person' | 'page'): void {
    if (by === 'person' && this.#video.srcObject === null) this.#useTouch();
    this.#take({ type: 'play', by });
  }

  /** The picture stands still; the page stays in the tree, and goes on serving others. */
  pause(): void {
    this.#take({ type: 'pause' });
  }

  setSound(sound: 'on' | 'off', by: 'person' | 'page'): void {
    this.#take({ type: 'sound', sound, by });
  }

  /** The page is seen again: some browsers have paused it in the meantime. */
  seenAgain(): void {
    if (this.#video.paused && !this.isPaused) this.mediaChanged();
  }

  /** WebKit opens an element for later use when `play()` is called on it within a touch, even without a source. */
  #useTouch(): void {
    this.#video.muted = isMuted({ ...this.#playback, granted: 'unknown' });
    this.#video.play().catch(() => {});
  }

  #take(input: PlaybackInput): void {
    const { playback, effect } = stepPlayback(this.#playback, input);
    this.#playback = playback;
    if (effect !== null) this.#apply(effect);
    this.#onChange();
  }

  #apply(effect: PlaybackEffect): void {
    switch (effect.type) {
      case 'play':
        return this.#ask(effect.muted);
      case 'mute':
        this.#video.muted = effect.muted;
        return;
      case 'pause':
        this.#attempt++;
        this.#video.pause();
        return;
      default:
        return effect satisfies never;
    }
  }

  #ask(muted: boolean): void {
    const attempt = ++this.#attempt;
    const answer = (input: PlaybackInput): void => {
      if (attempt === this.#attempt) this.#take(input);
    };
    this.#video.muted = muted;
    this.#video.play().then(
      () => answer({ type: 'playing' }),
      (error: unknown) => {
        const isRefusal = error instanceof DOMException && error.name === 'NotAllowedError';
        answer({ type: isRefusal ? 'refused' : 'interrupted' });
      },
    );
  }

  /** Keys on a keyboard or a window of the browser's own may pause too; browsers that hide a page are no person. */
  #paused(): void {
    const { asking, wish } = this.#playback;
    const isByBrowser = asking !== 'nothing' || document.visibilityState === 'hidden' || this.#video.ended;
    if (isByBrowser || wish === 'pause' || this.#video.srcObject === null || !this.#video.isConnected) return;
    this.#take({ type: 'pause' });
  }

  #resumed(): void {
    if (this.#playback.wish === 'pause' && this.#playback.media === 'there')
      this.#take({ type: 'play', by: 'page' });
  }
}
