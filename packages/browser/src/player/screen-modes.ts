/** Full screen and picture-in-picture, whatever a browser calls them. */

/** iPhones let only the video itself fill the screen. */
interface WebKitVideo extends HTMLVideoElement {
  webkitEnterFullscreen(): void;
}

export class ScreenModes {
  readonly #host: HTMLElement;
  readonly #video: HTMLVideoElement;

  constructor(host: HTMLElement, video: HTMLVideoElement) {
    this.#host = host;
    this.#video = video;
  }

  /** False in a frame whose page does not allow it. */
  get canFillScreen(): boolean {
    return hasFullscreen() ? document.fullscreenEnabled : isWebKitVideo(this.#video);
  }

  get fillsScreen(): boolean {
    const root = this.#host.getRootNode();
    return (root instanceof Document || root instanceof ShadowRoot) && root.fullscreenElement === this.#host;
  }

  get canFloat(): boolean {
    return 'pictureInPictureEnabled' in document && document.pictureInPictureEnabled;
  }

  get floats(): boolean {
    const root = this.#video.getRootNode();
    return root instanceof ShadowRoot && root.pictureInPictureElement === this.#video;
  }

  /** What a browser refuses stays as it is: there is nothing that the person could do about it. */
  async toggleFullscreen(): Promise<void> {
    if (this.fillsScreen) return document.exitFullscreen().catch(() => {});
    if (hasFullscreen()) return this.#host.requestFullscreen().catch(() => {});
    if (isWebKitVideo(this.#video)) this.#video.webkitEnterFullscreen();
  }

  /** As above. */
  async togglePictureInPicture(): Promise<void> {
    if (!this.canFloat) return;
    if (this.floats) return document.exitPictureInPicture().catch(() => {});
    await this.#video.requestPictureInPicture().catch(() => {});
  }
}

/** Absent on iPhones, though the types promise it. */
function hasFullscreen(): boolean {
  return 'fullscreenEnabled' in document;
}

function isWebKitVideo(video: HTMLVideoElement): video is WebKitVideo {
  return 'webkitEnterFullscreen' in video && typeof video.webkitEnterFullscreen === 'function';
}
