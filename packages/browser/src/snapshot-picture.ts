/** Takes a small picture of a video track. */

import { MAX_SNAPSHOT_BYTES, MAX_SNAPSHOT_SIDE } from '@casto/core';

/** Every browser writes JPEG; the first quality that fits is used. At 320 x 180 the first one mostly does. */
const TYPE = 'image/jpeg';
const QUALITIES = [0.75, 0.55, 0.35, 0.15] as const;
/** A track that shows nothing for so long has no picture. */
const PICTURE_MS = 4_000;

/** @returns The bytes of a JPEG within the limits of snapshots; `null` when the track shows nothing. Never rejects. */
export async function takePicture(track: MediaStreamTrack): Promise<Uint8Array | null> {
  const video = document.createElement('video');
  video.muted = true;
  video.playsInline = true;
  video.srcObject = new MediaStream([track]);
  try {
    await firstPicture(video);
    return await fittingJpeg(video);
  } catch {
    return null;
  } finally {
    video.srcObject = null;
  }
}

/** A size of the same shape whose longer side is at most `side` pixels, and not larger than it was. */
export function fittedSize(width: number, height: number, side: number): { width: number; height: number } {
  const scale = Math.min(1, side / Math.max(width, height, 1));
  const scaled = (length: number): number => Math.max(1, Math.round(length * scale));
  return { width: scaled(width), height: scaled(height) };
}

async function firstPicture(video: HTMLVideoElement): Promise<void> {
  const loaded = new Promise<void>((resolve, reject) => {
    video.addEventListener('loadeddata', () => resolve(), { once: true });
    AbortSignal.timeout(PICTURE_MS).addEventListener('abort', () => reject(new Error('no picture')));
  });
  await Promise.all([loaded, video.play()]);
}

async function fittingJpeg(video: HTMLVideoElement): Promise<Uint8Array | null> {
  const { videoWidth, videoHeight } = video;
  if (videoWidth === 0 || videoHeight === 0) return null;
  for (let side = MAX_SNAPSHOT_SIDE; side >= MAX_SNAPSHOT_SIDE / 4; side /= 2) {
    const canvas = document.createElement('canvas');
    Object.assign(canvas, fittedSize(videoWidth, videoHeight, side));
    canvas.getContext('2d')?.drawImage(video, 0, 0, canvas.width, canvas.height);
    for (const quality of QUALITIES) {
      const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, TYPE, quality));
      if (blob?.type === TYPE && blob.size <= MAX_SNAPSHOT_BYTES)
        return new Uint8Array(await blob.arrayBuffer());
    }
  }
  return null;
}
