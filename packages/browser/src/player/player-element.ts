/** The custom element `<casto-player>`: attributes and properties in, a picture and events out. */

import type { CASTO } from '../casto.ts';
import type { CastoError } from '../errors.ts';
import type { CastoOptions } from '../options.ts';
import type { CastoStats } from '../stats.ts';
import { Activity } from './activity.ts';
import { asCastoError, CastoRun } from './casto-run.ts';
import type { CastoState } from './casto-state.ts';
import { PlayerAttributes } from './player-attributes.ts';
import { listenToInput } from './player-input.ts';
import { steppedVolume, type PlayerCommand } from './player-keys.ts';
import { JOIN_ATTRIBUTES, LOOK_ATTRIBUTES } from './player-settings.ts';
import { PlayerView } from './player-view.ts';
import { ScreenModes } from './screen-modes.ts';
import { VideoPlayback } from './video-playback.ts';

/** Of the video, as they come. Media events do not bubble, so the element tells them again. */
const MEDIA_EVENTS = [
  'play',
  'pause',
  'playing',
  'waiting',
  'stalled',
  'emptied',
  'loadedmetadata',
  'loadeddata',
  'resize',
  'timeupdate',
  'volumechange',
  'enterpictureinpicture',
  'leavepictureinpicture',
] as const;

/**
 * Watches one channel.
 *
 * ```html
 * <casto-player channel="12D3KooW…" relays="https://relay.example" autoplay controls></casto-player>
 * ```
 *
 * Without `autoplay` it waits, poster shown, until somebody presses the button or the page calls `play()`. It leaves the
 * broadcast when it is taken out of the document; within one task it may be moved.
 */
export class CastoPlayerElement extends PlayerAttributes {
  static readonly observedAttributes: readonly string[] = [...JOIN_ATTRIBUTES, ...LOOK_ATTRIBUTES];

  readonly #view: PlayerView;
  readonly #activity = new Activity(() => this.#render());
  readonly #playback: VideoPlayback;
  readonly #screen: ScreenModes;
  #run: CastoRun | null = null;
  /** What the run was made with, as text. */
  #joined = '';
  #isSettling = false;
  #connected: AbortController | null = null;
  #stats: CastoStats | null = null;
  #error: CastoError | null = null;
  #hasBegun = false;

  constructor() {
    super();
    this.#view = new PlayerView(this.attachShadow({ mode: 'open' }));
    const { video, posterSlot } = this.#view.elements;
    this.#playback = new VideoPlayback(video, () => this.#render());
    this.#screen = new ScreenModes(this, video);
    listenToInput(this.#view.elements, this.#activity, {
      hasControls: () => this.controls,
      prompt: () => this.#playback.prompt,
      command: (command) => this.#obey(command),
      start: () => this.#play('person'),
      retry: () => this.#play('person'),
      unmute: () => this.#setSound('on'),
      setVolume: (volume) => this.#setVolume(volume),
    });
    for (const type of MEDIA_EVENTS) video.addEventListener(type, () => this.dispatchEvent(new Event(type)));
    video.addEventListener('loadeddata', () => this.#begun());
    for (const type of ['resize', 'volumechange', 'enterpictureinpicture', 'leavepictureinpicture']) {
      video.addEventListener(type, () => this.#render());
    }
    posterSlot.addEventListener('slotchange', () => this.#render());
    this.#render();
  }

  /** Whether the sound is off, by choice or because the browser refuses it. The attribute is what it is at first. */
  get muted(): boolean {
    return this.#playback.isMuted;
  }
  set muted(muted: boolean | null | undefined) {
    this.#playback.setSound(muted ? 'off' : 'on', 'page');
  }

  /** From 0 to 1. iPhones let no page change it. @throws {DOMException} `IndexSizeError` for any other. */
  get volume(): number {
    return this.video.volume;
  }
  set volume(volume: number) {
    this.video.volume = volume;
  }

  /** Whether the picture stands still by choice. */
  get paused(): boolean {
    return this.#playback.isPaused;
  }

  get state(): CastoState {
    return this.#run?.state ?? 'idle';
  }

  /** The latest of `castostats`; `null` before the first. */
  get stats(): CastoStats | null {
    return this.#stats;
  }

  /** The latest of `castoerror` since the player began; `null`: none. */
  get error(): CastoError | null {
    return this.#error;
  }

  /** What the player watches with; `null` before it is made. */
  get casto(): CASTO | null {
    return this.#run?.casto ?? null;
  }

  /** The video inside, for what the player has no property for. */
  get video(): HTMLVideoElement {
    return this.#view.elements.video;
  }

  /** Begins, or goes on at the live edge; after a failure tries again. */
  play(): void {
    this.#play('page');
  }

  /** The picture stands still. The page stays in the tree: `stop()` leaves it. */
  pause(): void {
    this.#playback.pause();
  }

  /** Leaves the broadcast. `play()` begins anew. */
  async stop(): Promise<void> {
    this.#playback.pause();
    await this.#leave();
  }

  connectedCallback(): void {
    adoptEarlyProperties(this);
    this.#connected ??= this.#listenToDocument();
    this.#settleSoon();
  }

  disconnectedCallback(): void {
    this.#settleSoon();
  }

  attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (before === after) return;
    if (name === 'muted') this.#playback.setSound(after === null ? 'on' : 'off', 'page');
    if (name === 'autoplay' || JOIN_ATTRIBUTES.some((one) => one === name)) this.#settleSoon();
    this.#render();
  }

  /** Several changes in one task are one: also when it is taken out here and put in there. */
  #settleSoon(): void {
    if (this.#isSettling) return;
    this.#isSettling = true;
    queueMicrotask(() => {
      this.#isSettling = false;
      this.#settle();
    });
  }

  #settle(): void {
    if (!this.isConnected) {
      this.#connected?.abort();
      this.#connected = null;
      this.#activity.close();
      void this.#leave();
      return;
    }
    const options = this.joinOptions();
    if (options === null) return void this.#leave();
    const isOther = this.#run !== null && JSON.stringify(options) !== this.#joined;
    if (isOther || (this.#run === null && this.autoplay)) {
      if (this.#run === null) this.#playback.play('page');
      this.#begin(options);
    }
  }

  #begin(options: CastoOptions): void {
    void this.#leave({ for: 'another' });
    this.#joined = JSON.stringify(options);
    this.#run = new CastoRun(() => createCasto(options), {
      onState: () => this.#tellState(),
      onStream: (stream) => this.#playback.show(stream),
      onAttached: () => this.#playback.mediaChanged(),
      onStats: (stats) => {
        this.#stats = stats;
        this.#render();
        this.dispatchEvent(new CustomEvent('castostats', { detail: stats }));
      },
      onError: (error) => {
        this.#error = error;
        this.dispatchEvent(new CustomEvent('castoerror', { detail: error }));
      },
    });
    this.#render();
  }

  /** @param options - Who leaves for another channel tells its state, and no state in between. */
  async #leave(options: { for: 'another' | 'good' } = { for: 'good' }): Promise<void> {
    const run = this.#run;
    const wasIdle = this.state === 'idle';
    this.#run = null;
    this.#joined = '';
    this.#stats = null;
    this.#error = null;
    this.#hasBegun = false;
    this.#playback.show(null);
    this.#render();
    if (options.for === 'good' && !wasIdle) this.#tellState();
    await run?.stop();
  }

  #tellState(): void {
    this.#render();
    this.dispatchEvent(new CustomEvent('castostate', { detail: { state: this.state } }));
  }

  #begun(): void {
    this.#hasBegun = true;
    this.#render();
  }

  #play(by: 'person' | 'page'): void {
    this.#playback.play(by);
    const options = this.joinOptions();
    const isOver = this.#run === null || this.#run.state === 'failed';
    if (isOver && options !== null && this.isConnected) this.#begin(options);
  }

  #setSound(sound: 'on' | 'off'): void {
    if (sound === 'on' && this.volume === 0) this.volume = 0.5;
    this.#playback.setSound(sound, 'person');
  }

  #setVolume(volume: number): void {
    this.volume = volume;
    if (volume > 0 && this.muted) this.#playback.setSound('on', 'person');
  }

  #obey(command: PlayerCommand): void {
    switch (command) {
      case 'toggle-play':
        if (this.#playback.isPaused || this.#playback.prompt === 'play') return this.#play('person');
        return this.#playback.pause();
      case 'toggle-sound':
        return this.#setSound(this.muted || this.volume === 0 ? 'on' : 'off');
      case 'louder':
      case 'quieter':
        return this.#setVolume(steppedVolume(this.muted ? 0 : this.volume, command));
      case 'toggle-fullscreen':
        return void this.#screen.toggleFullscreen();
      case 'toggle-picture-in-picture':
        return void this.#screen.togglePictureInPicture();
      default:
        return command satisfies never;
    }
  }

  #listenToDocument(): AbortController {
    const connected = new AbortController();
    const { signal } = connected;
    document.addEventListener('fullscreenchange', () => this.#render(), { signal });
    document.addEventListener('visibilitychange', () => this.#playback.seenAgain(), { signal });
    // The network is back: what failed for want of it is worth another try.
    const online = (): void => {
      if (this.state === 'failed' && this.#error?.reason === 'no-relay') this.#play('page');
    };
    globalThis.addEventListener('online', online, { signal });
    return connected;
  }

  #render(): void {
    const { video } = this;
    const stream = video.srcObject;
    this.#view.render({
      state: this.state,
      reason: this.#error?.reason ?? null,
      hasChannel: this.channel.trim() !== '',
      hasControls: this.controls,
      isActive: this.#activity.isActive,
      isPaused: this.#playback.isPaused,
      isMuted: this.#playback.isMuted,
      volume: video.volume,
      prompt: this.#playback.prompt,
      hasBegun: this.#hasBegun,
      hasPicture: this.#hasBegun && video.videoWidth > 0,
      hasSound: stream instanceof MediaStream && stream.getAudioTracks().length > 0,
      poster: this.poster,
      stats: this.#stats,
      canFillScreen: this.#screen.canFillScreen,
      fillsScreen: this.#screen.fillsScreen,
      canFloat: this.#screen.canFloat,
      floats: this.#screen.floats,
    });
  }
}

/** What a page has set before the element was defined would hide the accessors. */
function adoptEarlyProperties(player: CastoPlayerElement): void {
  for (const name of Object.keys(player)) {
    if (!(name in CastoPlayerElement.prototype)) continue;
    const value: unknown = Reflect.get(player, name);
    Reflect.deleteProperty(player, name);
    Reflect.set(player, name, value);
  }
}

/** The SDK is more than ten times as large as the player: pages that only may show a broadcast do not wait for it. */
async function createCasto(options: CastoOptions): Promise<CASTO> {
  const { CASTO } = await import('../index.ts').catch((error: unknown) => {
    throw asCastoError(error, 'no-relay');
  });
  return new CASTO(options);
}
