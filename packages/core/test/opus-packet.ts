/** Opus packets read by the letter of RFC 6716, section 3, independently of the core. */

export interface OpusPacket {
  /** Configuration and channels: the upper six bits of the first byte. */
  readonly mode: number;
  readonly code: number;
  readonly frames: readonly Uint8Array[];
  readonly padding: Uint8Array;
}

/** The longest frame: 1275 bytes (requirement R2). */
const MAX_FRAME_BYTES = 1_275;
/** The most frames in a packet, 120 ms of 2.5 ms each (requirement R5). */
const MAX_FRAMES = 48;

/** @throws {Error} When the packet breaks one of the requirements R1 to R7 of section 3.4. */
export function parseOpusPacket(packet: Uint8Array): OpusPacket {
  const [toc] = packet;
  if (toc === undefined) throw new Error('R1: no byte');
  const body = packet.subarray(1);
  const read = [oneFrame, twoEqualFrames, twoFrames, countedFrames][toc & 3] ?? oneFrame;
  const { frames, padding } = read(body);
  if (frames.some((frame) => frame.length > MAX_FRAME_BYTES)) throw new Error('R2: a frame is too long');
  return { mode: toc >> 2, code: toc & 3, frames, padding };
}

type Content = Pick<OpusPacket, 'frames' | 'padding'>;

const NO_PADDING = new Uint8Array(0);

function oneFrame(body: Uint8Array): Content {
  return { frames: [body], padding: NO_PADDING };
}

function twoEqualFrames(body: Uint8Array): Content {
  if (body.length % 2 !== 0) throw new Error('R3: two frames cannot be equal');
  return { frames: equalParts(body, 2), padding: NO_PADDING };
}

function twoFrames(body: Uint8Array): Content {
  const { length, rest } = frameLength(body);
  if (length > rest.length) throw new Error('R4: the first frame is longer than the packet');
  return { frames: [rest.subarray(0, length), rest.subarray(length)], padding: NO_PADDING };
}

function countedFrames(body: Uint8Array): Content {
  const [count] = body;
  if (count === undefined) throw new Error('R6: no frame count');
  const number = count & 0x3f;
  if (number === 0 || number > MAX_FRAMES) throw new Error('R5: frame count');
  const { content, padding } = (count & 0x40) === 0 ? unpadded(body.subarray(1)) : padded(body.subarray(1));
  const frames = (count & 0x80) === 0 ? equalParts(content, number) : unequalParts(content, number);
  return { frames, padding };
}

function unpadded(rest: Uint8Array): { content: Uint8Array; padding: Uint8Array } {
  return { content: rest, padding: NO_PADDING };
}

/** 255 means 254 bytes and another length byte (section 3.2.5). */
function padded(rest: Uint8Array): { content: Uint8Array; padding: Uint8Array } {
  let length = 0;
  let at = 0;
  for (;;) {
    const byte = rest[at++];
    if (byte === undefined) throw new Error('R6: padding length is cut');
    length += byte === 255 ? 254 : byte;
    if (byte !== 255) break;
  }
  const end = rest.length - length;
  if (end < at) throw new Error('R6: more padding than packet');
  return { content: rest.subarray(at, end), padding: rest.subarray(end) };
}

function equalParts(content: Uint8Array, number: number): Uint8Array[] {
  if (content.length % number !== 0) throw new Error('R6: frames are not equal');
  const length = content.length / number;
  return Array.from({ length: number }, (_, i) => content.subarray(i * length, (i + 1) * length));
}

function unequalParts(content: Uint8Array, number: number): Uint8Array[] {
  const lengths: number[] = [];
  let rest = content;
  while (lengths.length < number - 1) {
    const first = frameLength(rest);
    lengths.push(first.length);
    rest = first.rest;
  }
  const frames: Uint8Array[] = [];
  for (const length of lengths) {
    if (length > rest.length) throw new Error('R7: a frame is longer than the packet');
    frames.push(rest.subarray(0, length));
    rest = rest.subarray(length);
  }
  return [...frames, rest];
}

/** Section 3.2.1: one byte up to 251, else two. */
function frameLength(bytes: Uint8Array): { length: number; rest: Uint8Array } {
  const [first, second] = bytes;
  if (first === undefined) throw new Error('R4: frame length is cut');
  if (first < 252) return { length: first, rest: bytes.subarray(1) };
  if (second === undefined) throw new Error('R4: frame length is cut');
  return { length: second * 4 + first, rest: bytes.subarray(2) };
}
