/** Reads the numbers of the pictures a `<video>` shows, one reading per presented picture. */

import { CELL_ROWS, CELLS_PER_ROW, decodePictureCode, FLASH_AREA } from './picture-code.ts';

/** The picture is scaled to this before it is read: 8 px per cell, of which the middle 4 x 4 are averaged. */
const CELL_PX = 8;
const SAMPLE_PX = 4;
const FLASH_PX = 8;

/** Mean luminance of 255 up to which a cell is black, and from which it is white; between them it is unreadable. */
const BLACK_BELOW = 96;
const WHITE_FROM = 160;

/** Two minutes at 30 pictures per second. */
const READINGS_KEPT = 3600;

export interface PictureReading {
  /** `null` when the picture carries no readable number. */
  number: number | null;
  tag: number | null;
  /** Mean luminance of the flash area, 0 to 255. */
  flash: number;
  /** When the picture was handed to the compositor, in milliseconds since 1970. */
  at: number;
}

export interface PictureWatch {
  readonly readings: readonly PictureReading[];
  stop(): void;
}

/** Reads every presented picture until stopped. */
export function watchPictures(video: HTMLVideoElement): PictureWatch {
  const read = createReader();
  const readings: PictureReading[] = [];
  let handle = video.requestVideoFrameCallback(onPicture);

  function onPicture(_now: number, metadata: VideoFrameCallbackMetadata): void {
    handle = video.requestVideoFrameCallback(onPicture);
    if (readings.length >= READINGS_KEPT) readings.shift();
    readings.push({ ...read(video), at: performance.timeOrigin + metadata.presentationTime });
  }

  return { readings, stop: () => video.cancelVideoFrameCallback(handle) };
}

/**
 * Reads until the numbered pictures have advanced `atLeast` times, or the time is up.
 *
 * @returns All readings; whether they suffice is for the caller to judge.
 */
export async function readPictures(
  video: HTMLVideoElement,
  limits: { atLeast: number; withinMs: number },
): Promise<PictureReading[]> {
  const watch = watchPictures(video);
  const deadline = performance.now() + limits.withinMs;
  while (performance.now() < deadline && countAdvances(watch.readings) < limits.atLeast) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  watch.stop();
  return [...watch.readings];
}

/** How many readings show a higher number than every one before them. */
export function countAdvances(readings: readonly PictureReading[]): number {
  let highest: number | null = null;
  let advances = 0;
  for (const { number } of readings) {
    if (number === null) continue;
    if (highest !== null && number > highest) advances += 1;
    highest = Math.max(highest ?? number, number);
  }
  return advances;
}

function createReader(): (video: HTMLVideoElement) => Omit<PictureReading, 'at'> {
  const canvas = document.createElement('canvas');
  canvas.width = CELLS_PER_ROW * CELL_PX;
  canvas.height = CELL_ROWS * CELL_PX + FLASH_PX;
  const context = canvas.getContext('2d', { willReadFrequently: true, alpha: false });
  if (context === null) throw new Error('this browser gives no 2d canvas');

  return (video) => {
    const { videoWidth, videoHeight } = video;
    const codeHeight = (videoWidth / CELLS_PER_ROW) * CELL_ROWS;
    const flashTop = CELL_ROWS * CELL_PX;
    context.drawImage(video, 0, 0, videoWidth, codeHeight, 0, 0, canvas.width, flashTop);
    context.drawImage(
      video,
      FLASH_AREA.left * videoWidth,
      FLASH_AREA.top * videoHeight,
      FLASH_AREA.width * videoWidth,
      FLASH_AREA.height * videoHeight,
      0,
      flashTop,
      FLASH_PX,
      FLASH_PX,
    );
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
    const margin = (CELL_PX - SAMPLE_PX) / 2;
    const levels = Array.from({ length: CELLS_PER_ROW * CELL_ROWS }, (_, index) => {
      const left = (index % CELLS_PER_ROW) * CELL_PX + margin;
      return meanLuminance(pixels, left, Math.floor(index / CELLS_PER_ROW) * CELL_PX + margin);
    });
    const readable = levels.every((level) => level < BLACK_BELOW || level >= WHITE_FROM);
    const code = readable ? decodePictureCode(levels.map((level) => level >= WHITE_FROM)) : null;
    return {
      number: code?.number ?? null,
      tag: code?.tag ?? null,
      flash: meanLuminance(pixels, margin, flashTop + margin),
    };
  };
}

function meanLuminance(pixels: ImageData, left: number, top: number): number {
  let sum = 0;
  for (let y = top; y < top + SAMPLE_PX; y += 1) {
    for (let x = left; x < left + SAMPLE_PX; x += 1) {
      const at = (y * pixels.width + x) * 4;
      const [red = 0, green = 0, blue = 0] = pixels.data.subarray(at, at + 3);
      // ITU-R BT.601, the weights of standard-definition luma.
      sum += 0.299 * red + 0.587 * green + 0.114 * blue;
    }
  }
  return sum / SAMPLE_PX ** 2;
}
