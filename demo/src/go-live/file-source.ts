/**
 * A video file as a broadcast, over and over. The page plays it and paints what it plays, so that it works in browsers
 * whose video elements cannot be captured, and the picture has the size that was chosen.
 */

import type { OpenSource } from './open-source.ts';
import { paintStream } from './painted-stream.ts';
import { SourceError } from './source-problems.ts';

/** A file that has not shown its first picture by then is none that this browser plays. */
const FIRST_PICTURE_MS = 15_000;

/** @throws {SourceError} `unplayable-file` */
export async function openFile(file: File, size: { width: number; height: number }): Promise<OpenSource> {
  const video = document.createElement('video');
  const address = URL.createObjectURL(file);
  const audio = new AudioContext();
  const close = () => {
    video.removeAttribute('src');
    video.load();
    URL.revokeObjectURL(address);
    void audio.close();
  };
  try {
    const sound = audio.createMediaStreamDestination();
    audio.createMediaElementSource(video).connect(sound);
    Object.assign(video, { loop: true, playsInline: true, src: address });
    await firstPicture(video);
    await Promise.all([video.play(), audio.resume()]);
    const picture = paintStream(fitInto(size, video), (context) => {
      context.drawImage(video, 0, 0, context.canvas.width, context.canvas.height);
    });
    return {
      kind: 'file',
      stream: new MediaStream([picture.track, ...sound.stream.getAudioTracks()]),
      isMirror: false,
      wake: () => void audio.resume().catch(() => undefined),
      stop: () => {
        picture.stop();
        close();
      },
    };
  } catch (error) {
    close();
    throw error instanceof SourceError ? error : new SourceError('unplayable-file', { cause: error });
  }
}

function firstPicture(video: HTMLVideoElement): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = () => reject(new SourceError('unplayable-file'));
    const timer = setTimeout(fail, FIRST_PICTURE_MS);
    video.addEventListener('error', fail, { once: true });
    video.addEventListener('loadeddata', () => (video.videoWidth > 0 ? resolve() : fail()), { once: true });
    video.addEventListener('loadeddata', () => clearTimeout(timer), { once: true });
  });
}

/** The shape of the file, in the chosen size; encoders want even numbers. */
export function fitInto(
  room: { width: number; height: number },
  { videoWidth, videoHeight }: { videoWidth: number; videoHeight: number },
): { width: number; height: number } {
  const scale = Math.min(1, room.width / videoWidth, room.height / videoHeight);
  const even = (pixels: number) => Math.max(2, Math.round((pixels * scale) / 2) * 2);
  return { width: even(videoWidth), height: even(videoHeight) };
}
