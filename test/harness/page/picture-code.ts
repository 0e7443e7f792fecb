/**
 * A frame number that a picture carries as black and white cells, readable after lossy coding and scaling.
 *
 *   ┌────────────────────────────────┐
 *   │ 16 cells: number, high bits    │  two rows of square cells, each 1/16 of the picture's width
 *   │ 16 cells: number, tag, check   │  (20 px at 320x180: larger than a macroblock of VP8 or H264)
 *   │ moving colours        ┌───────┐│
 *   │                       │ flash ││  bright while the beep sounds
 *   └───────────────────────┴───────┴┘
 *
 * The number is Gray coded, so that one step changes one of its cells; the checksum refuses a picture that
 * is damaged, and those that are black or white all over.
 */

export const CELLS_PER_ROW = 16;
export const CELL_ROWS = 2;

/** 2^20 pictures are nine hours at 30 per second. */
export const NUMBER_BITS = 20;
/** Tells the sources of one test apart. */
export const TAG_BITS = 4;
const CHECKSUM_BITS = 8;

/** CRC-8 of ITU-T I.432.1: x^8 + x^2 + x + 1, with its final XOR, which keeps all zeros from being valid. */
const CRC_POLYNOMIAL = 0x07;
const CRC_FINAL_XOR = 0x55;

/** Where the flash is drawn, as shares of the picture's width and height. */
export const FLASH_AREA = { left: 0.75, top: 0.7, width: 0.25, height: 0.3 } as const;

export interface PictureCode {
  number: number;
  tag: number;
}

/** @returns The cells from left to right, upper row first; `true` is white. */
export function encodePictureCode({ number, tag }: PictureCode): boolean[] {
  const gray = number ^ (number >>> 1);
  const payload = (gray << TAG_BITS) | tag;
  return [...toBits(payload, NUMBER_BITS + TAG_BITS), ...toBits(checksum(payload), CHECKSUM_BITS)];
}

/** @returns The code, or `null` when the cells carry none. */
export function decodePictureCode(cells: readonly boolean[]): PictureCode | null {
  if (cells.length !== CELLS_PER_ROW * CELL_ROWS) return null;
  const payload = fromBits(cells.slice(0, NUMBER_BITS + TAG_BITS));
  if (fromBits(cells.slice(NUMBER_BITS + TAG_BITS)) !== checksum(payload)) return null;
  return { number: fromGray(payload >>> TAG_BITS), tag: payload & ((1 << TAG_BITS) - 1) };
}

function fromGray(gray: number): number {
  let number = gray;
  for (let shift = 1; shift < NUMBER_BITS; shift *= 2) number ^= number >>> shift;
  return number;
}

function toBits(value: number, count: number): boolean[] {
  return Array.from({ length: count }, (_, index) => ((value >>> (count - 1 - index)) & 1) === 1);
}

function fromBits(bits: readonly boolean[]): number {
  return bits.reduce((value, bit) => value * 2 + (bit ? 1 : 0), 0);
}

function checksum(payload: number): number {
  let crc = 0;
  for (const bit of toBits(payload, NUMBER_BITS + TAG_BITS)) {
    const feedback = (crc >>> 7) ^ (bit ? 1 : 0);
    crc = ((crc << 1) & 0xff) ^ (feedback === 1 ? CRC_POLYNOMIAL : 0);
  }
  return crc ^ CRC_FINAL_XOR;
}
