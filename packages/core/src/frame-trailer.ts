/**
 * The trailer that a streamer appends to every encoded frame (PROTOCOL.md, T1 to T5).
 *
 *   [ encoded frame ][ content, 7 bits per byte ][ content length ][ C4 ][ D3 ]
 *
 * Every byte of it has its high bit set: an H264 decoder sees neither a start code nor an emulation
 * prevention byte, and a VP8 decoder ignores what follows the last partition. Audio carries the trailer as
 * Opus padding (opus-padding.ts).
 */

const MAGIC = [0xc4, 0xd3] as const;
const TRAILER_VERSION = 1;
const FOOTER_BYTES = 3;
const CONTENT_BYTES = 16;
const SIGNATURE_BYTES = 64;

export interface FrameTrailer {
  /** Epoch of the broadcast, seconds since 1970 (ChannelRecord.epoch). */
  epoch: number;
  /** Rises by one per frame of one stream, modulo 2^32. */
  sequence: number;
  /** When the frame was captured: milliseconds since 1970 in the streamer's clock. */
  capturedAt: number;
  /** 0 is the highest quality. */
  layer: number;
  /** 0 is the base; frames of a higher temporal layer may be dropped first. */
  temporalLayer: number;
  /** The earlier frames that this one needs: bit n for the one n + 1 before it, 0..15. A key frame needs none. */
  references: number;
  /** Ed25519 signature of the streamer, 64 bytes; `null` when the frame is not signed. */
  signature: Uint8Array | null;
}

/** @returns A copy of `frame` with the trailer behind it. */
export function appendTrailer(frame: Uint8Array, trailer: FrameTrailer): Uint8Array<ArrayBuffer> {
  const escaped = encodeTrailer(trailer);
  const joined = new Uint8Array(frame.length + escaped.length);
  joined.set(frame);
  joined.set(escaped, frame.length);
  return joined;
}

/**
 * Finds the trailer at the end of a frame.
 *
 * @returns The trailer and the frame before it (a view of the same memory), or `null` when there is none.
 * Never throws: a frame of another sender may end in any bytes.
 */
export function splitTrailer(frame: Uint8Array): { frame: Uint8Array; trailer: FrameTrailer } | null {
  const end = frame.length;
  if (end < FOOTER_BYTES || frame[end - 2] !== MAGIC[0] || frame[end - 1] !== MAGIC[1]) return null;
  const lengthByte = frame[end - 3] ?? 0;
  const begin = end - FOOTER_BYTES - (lengthByte & 0x7f);
  if (lengthByte < 0x80 || begin < 0) return null;
  const content = unescapeBytes(frame.subarray(begin, end - FOOTER_BYTES));
  const trailer = content && readContent(content);
  return trailer && { frame: frame.subarray(0, begin), trailer };
}

/** The trailer alone, as it is appended. */
export function encodeTrailer(trailer: FrameTrailer): Uint8Array<ArrayBuffer> {
  const signed = trailer.signature !== null;
  const content = new Uint8Array(CONTENT_BYTES + (signed ? SIGNATURE_BYTES : 0));
  const view = new DataView(content.buffer);
  view.setUint8(0, (TRAILER_VERSION << 4) | (signed ? 1 : 0));
  view.setUint32(1, trailer.epoch);
  view.setUint32(5, trailer.sequence >>> 0);
  const capturedAt = Math.max(0, Math.floor(trailer.capturedAt));
  view.setUint16(9, Math.floor(capturedAt / 0x1_0000_0000) & 0xffff);
  view.setUint32(11, capturedAt >>> 0);
  const { layer, temporalLayer, references } = trailer;
  view.setUint8(15, ((layer & 0x03) << 6) | ((temporalLayer & 0x03) << 4) | (references & 0x0f));
  if (trailer.signature) content.set(trailer.signature.subarray(0, SIGNATURE_BYTES), CONTENT_BYTES);
  return escapeBytes(content);
}

function readContent(content: Uint8Array): FrameTrailer | null {
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  if (content.length < CONTENT_BYTES || view.getUint8(0) >> 4 !== TRAILER_VERSION) return null;
  const flags = view.getUint8(0) & 0x0f;
  if (flags > 1) return null;
  const signed = flags === 1;
  if (content.length !== CONTENT_BYTES + (signed ? SIGNATURE_BYTES : 0)) return null;
  return {
    epoch: view.getUint32(1),
    sequence: view.getUint32(5),
    capturedAt: view.getUint16(9) * 0x1_0000_0000 + view.getUint32(11),
    layer: view.getUint8(15) >> 6,
    temporalLayer: (view.getUint8(15) >> 4) & 0x03,
    references: view.getUint8(15) & 0x0f,
    signature: signed ? content.slice(CONTENT_BYTES) : null,
  };
}

/** Spreads the bits of `content` over bytes of seven, and adds the footer. */
function escapeBytes(content: Uint8Array): Uint8Array<ArrayBuffer> {
  const escapedLength = Math.ceil((content.length * 8) / 7);
  const escaped = new Uint8Array(escapedLength + FOOTER_BYTES);
  let pending = 0;
  let pendingBits = 0;
  let at = 0;
  for (const byte of content) {
    pending = (pending << 8) | byte;
    pendingBits += 8;
    while (pendingBits >= 7) {
      pendingBits -= 7;
      escaped[at++] = 0x80 | ((pending >> pendingBits) & 0x7f);
    }
    pending &= (1 << pendingBits) - 1;
  }
  if (pendingBits > 0) escaped[at++] = 0x80 | ((pending << (7 - pendingBits)) & 0x7f);
  escaped[at++] = 0x80 | escapedLength;
  escaped.set(MAGIC, at);
  return escaped;
}

function unescapeBytes(escaped: Uint8Array): Uint8Array | null {
  const content = new Uint8Array(Math.floor((escaped.length * 7) / 8));
  let pending = 0;
  let pendingBits = 0;
  let at = 0;
  for (const byte of escaped) {
    if (byte < 0x80) return null;
    pending = (pending << 7) | (byte & 0x7f);
    pendingBits += 7;
    if (pendingBits >= 8 && at < content.length) {
      pendingBits -= 8;
      content[at++] = (pending >> pendingBits) & 0xff;
    }
    pending &= (1 << pendingBits) - 1;
  }
  // The bits that fill up the last byte are zero: one trailer has one form.
  return pending === 0 ? content : null;
}
