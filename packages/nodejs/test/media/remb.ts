/** Reading REMB (draft-alvestrand-rmcat-remb), as the senders do that a relay tells what they may send. */

const BYTES = 20;
const NAME = 'REMB';

/** @returns Bits per second; `null` when the block is none. */
export function readRemb(block: Buffer): number | null {
  if (block.length < BYTES || block.toString('latin1', 12, 16) !== NAME) return null;
  const packed = block.readUIntBE(17, 3);
  const exponent = packed >>> 18;
  return (packed & 0x3ffff) * 2 ** exponent;
}
