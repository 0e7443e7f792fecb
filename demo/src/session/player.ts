/** The picture with what belongs to it: sound, full screen, picture in picture, and the call to switch the sound on. */

import { element } from '../elements.ts';

/** `mirror` is the streamer's own camera: people know themselves from the mirror. */
export type PlayerUse = 'mirror' | 'own-picture' | 'watching';

/** Phones of Apple let only the video itself fill the screen. */
interface AppleVideo extends HTMLVideoElement {
  webkitEnterFullscreen(): void;
}

export class Player {
  readonly video = element('video', HTMLVideoElement);
  readonly #view = element('session', HTMLElement);
  readonly #stage = element('stage', HTMLDivElement);
  readonly #soundCall = element('sound-call', HTMLButtonElement);
  readonly #mute = element('mute', HTMLButtonElement);
  readonly #fullscreen = element('fullscreen', HTMLButtonElement);
  readonly #pictureInPicture = element('picture-in-picture', HTMLButtonElement);
  /** The same as in `<casto-player>`. */
  readonly #keys: Readonly<Record<string, HTMLButtonElement>> = {
    m: this.#mute,
    f: this.#fullscreen,
    i: this.#pictureInPicture,
  };
  #use: PlayerUse = 'watching';
  #answered = false;

  constructor() {
    this.#soundCall.addEventListener('click', () => this.#setMuted('off'));
    this.#mute.addEventListener('click', () => this.#setMuted(this.video.muted ? 'off' : 'on'));
    this.#fullscreen.addEventListener('click', () => void this.#toggleFullscreen());
    this.#pictureInPicture.addEventListener('click', () => void this.#togglePictureInPicture());
    this.video.addEventListener('dblclick', () => void this.#toggleFullscreen());
    document.addEventListener('keydown', (event) => this.#press(event));
    // Absent in Firefox, which puts a button of its own on videos.
    this.#pictureInPicture.hidden = !(
      'pictureInPictureEnabled' in document && document.pictureInPictureEnabled
    );
    document.addEventListener('fullscreenchange', () => this.#showState());
    this.video.addEventListener('loadedmetadata', () => void this.#play());
    this.video.addEventListener('volumechange', () => this.#showState());
    this.video.addEventListener('resize', () => this.#showState());
  }

  /** Prepares for a new session. Sound is off at first: browsers refuse to start with it. */
  prepare(use: PlayerUse): void {
    this.#use = use;
    this.#answered = false;
    this.video.muted = true;
    this.#stage.dataset['use'] = use;
    this.#showState();
  }

  clear(): void {
    this.video.srcObject = null;
    if (document.fullscreenElement !== null) void document.exitFullscreen();
    if (document.pictureInPictureElement === this.video) void document.exitPictureInPicture();
    this.prepare('watching');
  }

  #setMuted(muted: 'on' | 'off'): void {
    this.#answered = true;
    this.video.muted = muted === 'on';
    void this.#play();
    this.#showState();
  }

  /** Letters are for the picture while the focus is on it, or on the view as a whole. */
  #press({ key, target, ctrlKey, altKey, metaKey }: KeyboardEvent): void {
    // What fills the screen takes the focus from what is behind it, and gives it to nobody.
    const isFull = document.fullscreenElement === this.#stage;
    const isOnPicture = target === this.#view || (target instanceof Node && this.#stage.contains(target));
    if (!(isFull || isOnPicture) || ctrlKey || altKey || metaKey) return;
    const letter = key.toLowerCase();
    const button = Object.hasOwn(this.#keys, letter) ? this.#keys[letter] : undefined;
    if (button?.hidden === false) button.click();
  }

  async #play(): Promise<void> {
    await this.video.play().catch(() => undefined);
    this.#showState();
  }

  async #toggleFullscreen(): Promise<void> {
    if (document.fullscreenElement !== null) return document.exitFullscreen();
    // Absent on iPhones, though the types promise it.
    if ('requestFullscreen' in this.#stage) await this.#stage.requestFullscreen().catch(() => undefined);
    else if (canFillScreen(this.video)) this.video.webkitEnterFullscreen();
  }

  async #togglePictureInPicture(): Promise<void> {
    if (document.pictureInPictureElement === this.video) return document.exitPictureInPicture();
    await this.video.requestPictureInPicture().catch(() => undefined);
  }

  #showState(): void {
    const { srcObject, muted, paused } = this.video;
    const playing = srcObject instanceof MediaStream;
    const audible = playing && srcObject.getAudioTracks().length > 0;
    const watching = this.#use === 'watching';
    this.#soundCall.hidden = !(watching && playing && ((audible && muted && !this.#answered) || paused));
    this.#mute.hidden = !(watching && audible);
    this.#mute.setAttribute('aria-pressed', String(muted));
    const full = document.fullscreenElement !== null;
    this.#fullscreen.setAttribute('aria-label', full ? 'Leave full screen' : 'Full screen');
  }
}

function canFillScreen(video: HTMLVideoElement): video is AppleVideo {
  return 'webkitEnterFullscreen' in video && typeof video.webkitEnterFullscreen === 'function';
}
