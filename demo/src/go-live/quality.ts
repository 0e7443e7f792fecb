/** Picture sizes that people may choose from, and what they are good for. */

export const PICTURE_SIZES = ['360', '720', '1080'] as const;
/** Lines of the picture. */
export type PictureSize = (typeof PICTURE_SIZES)[number];

/** Width and height in pixels of a wide picture. */
export const PIXELS: Readonly<Record<PictureSize, { width: number; height: number }>> = {
  '360': { width: 640, height: 360 },
  '720': { width: 1280, height: 720 },
  '1080': { width: 1920, height: 1080 },
};

export const FRAMES_PER_SECOND = 30;

/** How many qualities the broadcast is encoded in. */
export type Layers = 1 | 2 | 3;

/** @param value - Of a form's field. @returns 720 lines for anything that is no size. */
export function pictureSize(value: unknown): PictureSize {
  return PICTURE_SIZES.find((size) => size === value) ?? '720';
}

/** @param value - Of a form's field. @returns One for anything that is no number of layers. */
export function layerCount(value: unknown): Layers {
  return value === '3' ? 3 : value === '2' ? 2 : 1;
}
