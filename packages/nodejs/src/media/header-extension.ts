/** One element of an RTP header extension (RFC 8285), read where a packet enters and before the extension is stripped. */

import { RTP_HEADER_BYTES } from './rtp-packet.ts';

const EXTENSION_BIT = 0x10;
const SOURCE_COUNT_BITS = 0x0f;
/** The extension's own four bytes: its form, and how many 32-bit words follow. */
const HEAD_BYTES = 4;
const ONE_BYTE_FORM = 0xbede;
const TWO_BYTE_FORM = 0x1000;
const TWO_BYTE_FORM_BITS = 0xfff0;
/** In the shorter form: nothing that follows is to be read. */
const STOP_ID = 15;

/**
 * @param bytes - A packet as it came, with at least {@link RTP_HEADER_BYTES}.
 * @param id - Number of the element, as negotiated.
 * @returns The element's bytes, in the packet's memory; `null` when it is not there, or is cut off.
 */
export function readHeaderExtension(bytes: Buffer, id: number): Buffer | null {
  const first = bytes[0] ?? 0;
  if ((first & EXTENSION_BIT) === 0) return null;
  const head = RTP_HEADER_BYTES + (first & SOURCE_COUNT_BITS) * 4;
  if (head + HEAD_BYTES > bytes.length) return null;
  const form = bytes.readUInt16BE(head);
  const start = head + HEAD_BYTES;
  const end = Math.min(bytes.length, start + bytes.readUInt16BE(head + 2) * 4);
  if (form === ONE_BYTE_FORM) return readOneByteForm(bytes, start, end, id);
  return (form & TWO_BYTE_FORM_BITS) === TWO_BYTE_FORM ? readTwoByteForm(bytes, start, end, id) : null;
}

/** RFC 8285, section 4.2: number and length less one in a byte. */
function readOneByteForm(bytes: Buffer, start: number, end: number, id: number): Buffer | null {
  for (let at = start; at < end;) {
    const head = bytes[at++] ?? 0;
    // Padding.
    if (head === 0) continue;
    const found = head >>> 4;
    if (found === STOP_ID) return null;
    const next = at + (head & 0x0f) + 1;
    if (found === id) return next <= end ? bytes.subarray(at, next) : null;
    at = next;
  }
  return null;
}

/** RFC 8285, section 4.3: number and length in a byte each. */
function readTwoByteForm(bytes: Buffer, start: number, end: number, id: number): Buffer | null {
  for (let at = start; at < end;) {
    const found = bytes[at++] ?? 0;
    if (found === 0) continue;
    const next = at + 1 + (bytes[at] ?? 0);
    if (found === id) return next <= end ? bytes.subarray(at + 1, next) : null;
    at = next;
  }
  return null;
}
