/** How large the picture of a key frame is: what tells one layer of a broadcast from another, whatever it is called. */

import { H264_SEQUENCE_PARAMETERS, findH264Unit } from './h264-payload.ts';
import type { RtpPacket } from './packet-ring.ts';
import { RTP_HEADER_BYTES } from './rtp-packet.ts';
import { vp8DescriptorBytes } from './vp8-descriptor.ts';

/** A macroblock has 16 x 16 pixels. */
const MACROBLOCK_PIXELS = 256;
const VP8_SIZE_BITS = 0x3fff;
/** Behind a key frame's first three bytes (RFC 6386, section 9.1). */
const VP8_START_CODE = 0x9d012a;
/** No level of H264 has more macroblocks in a row. */
const MAX_MACROBLOCKS = 1 << 12;
/** RFC 6184, section 8.1: of these profiles the sequence parameters begin with nothing but their number. */
const BASELINE = 66;
const MAIN = 77;
const EXTENDED = 88;

/**
 * @param packet - One that starts a key frame, in the twelve-byte form.
 * @returns Pixels, to be compared only; `null` where the packet does not tell.
 */
export function pixelsOf(codec: 'vp8' | 'h264' | 'opus', { bytes }: Pick<RtpPacket, 'bytes'>): number | null {
  if (codec === 'vp8') return vp8Pixels(bytes);
  return codec === 'h264' ? h264Pixels(bytes) : null;
}

function vp8Pixels(bytes: Buffer): number | null {
  const at = RTP_HEADER_BYTES + vp8DescriptorBytes(bytes) + 3;
  if (at + 7 > bytes.length || bytes.readUIntBE(at, 3) !== VP8_START_CODE) return null;
  const width = bytes.readUInt16LE(at + 3) & VP8_SIZE_BITS;
  const height = bytes.readUInt16LE(at + 5) & VP8_SIZE_BITS;
  return width * height || null;
}

/** ITU-T H.264, section 7.3.2.1.1, as far as the size. Cropping is left out, because it is less than a macroblock. */
function h264Pixels(bytes: Buffer): number | null {
  const unit = findH264Unit(bytes, H264_SEQUENCE_PARAMETERS);
  const profile = unit?.[1];
  if (unit === null || (profile !== BASELINE && profile !== MAIN && profile !== EXTENDED)) return null;
  // Profile, constraints and level; emulation prevention (section 7.4.1) does not reach into so few small numbers.
  const bits = new BitReader(unit.subarray(4));
  bits.golomb(); // seq_parameter_set_id
  bits.golomb(); // log2_max_frame_num_minus4
  const order = bits.golomb();
  if (order === 0) bits.golomb(); // log2_max_pic_order_cnt_lsb_minus4
  if (order === 1) return null;
  bits.golomb(); // max_num_ref_frames
  bits.bit(); // gaps_in_frame_num_value_allowed_flag
  const width = bits.golomb() + 1;
  const height = bits.golomb() + 1;
  if (bits.isOver || width > MAX_MACROBLOCKS || height > MAX_MACROBLOCKS) return null;
  return width * height * MACROBLOCK_PIXELS;
}

class BitReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** More was read than there is. */
  get isOver(): boolean {
    return this.#at > 8 * this.#bytes.length;
  }

  bit(): number {
    const byte = this.#bytes[this.#at >>> 3] ?? 0;
    return (byte >>> (7 - (this.#at++ & 7))) & 1;
  }

  /** ITU-T H.264, section 9.1: as many bits as zeros come before the first one. */
  golomb(): number {
    let zeros = 0;
    while (this.bit() === 0 && !this.isOver && zeros < 31) zeros += 1;
    let value = 1;
    for (let bit = 0; bit < zeros; bit += 1) value = 2 * value + this.bit();
    return value - 1;
  }
}
