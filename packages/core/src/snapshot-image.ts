/**
 * What a snapshot may be: a small JPEG or WebP. Only headers are read. They say how large the decoder of whoever shows
 * the picture would make it, and 24 KiB of a hostile file may say a gigapixel.
 */

export interface ImageShape {
  readonly type: 'image/jpeg' | 'image/webp';
  /** Pixels. */
  readonly width: number;
  readonly height: number;
}

/** @returns `null` when the bytes do not begin as a JPEG or a WebP, or end before their size. */
export function readImageShape(image: Uint8Array): ImageShape | null {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  return readJpeg(view) ?? readWebp(view);
}

const JPEG_START = 0xffd8;
/** Frames of ITU-T T.81, table B.1: C0 to CF without DHT (C4), JPG (C8) and DAC (CC). */
const isFrameMarker = (marker: number): boolean =>
  marker >= 0xffc0 && marker <= 0xffcf && marker !== 0xffc4 && marker !== 0xffc8 && marker !== 0xffcc;
/** Start of scan: behind it there is no header any more. */
const JPEG_SCAN = 0xffda;

/** ITU-T T.81, annex B: segments of a marker and a length, until the one that gives the frame's size. */
function readJpeg(view: DataView): ImageShape | null {
  if (view.byteLength < 4 || view.getUint16(0) !== JPEG_START) return null;
  for (let at = 2; at + 9 <= view.byteLength;) {
    const marker = view.getUint16(at);
    if (marker < 0xff01 || marker === JPEG_SCAN) return null;
    if (isFrameMarker(marker)) {
      return { type: 'image/jpeg', width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    }
    // The length counts itself: at least two bytes, so that the loop goes on.
    const length = view.getUint16(at + 2);
    if (length < 2) return null;
    at += 2 + length;
  }
  return null;
}

const RIFF = 0x52494646;
const WEBP = 0x57454250;
const CHUNKS = { lossy: 0x56503820, lossless: 0x5650384c, extended: 0x56503858 } as const;
const SIZE_14_BITS = 0x3fff;

/** RFC 9649, section 2: the first chunk of the RIFF container says the size, each of three kinds in its own way. */
function readWebp(view: DataView): ImageShape | null {
  if (view.byteLength < 30 || view.getUint32(0) !== RIFF || view.getUint32(8) !== WEBP) return null;
  const type = 'image/webp';
  switch (view.getUint32(12)) {
    case CHUNKS.lossy:
      return {
        type,
        width: view.getUint16(26, true) & SIZE_14_BITS,
        height: view.getUint16(28, true) & SIZE_14_BITS,
      };
    case CHUNKS.lossless: {
      const sizes = view.getUint32(21, true);
      return { type, width: (sizes & SIZE_14_BITS) + 1, height: ((sizes >>> 14) & SIZE_14_BITS) + 1 };
    }
    case CHUNKS.extended:
      return { type, width: 1 + read24(view, 24), height: 1 + read24(view, 27) };
    default:
      return null;
  }
}

function read24(view: DataView, at: number): number {
  return view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
}
