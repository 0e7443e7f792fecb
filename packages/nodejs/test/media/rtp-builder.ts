/** Builds packets as senders do, for tests. */

export interface RtpFields {
  payloadType?: number;
  marker?: boolean;
  sequence?: number;
  timestamp?: number;
  ssrc?: number;
  /** Contributing sources. */
  sources?: number[];
  /** Bytes of a header extension, a multiple of four. */
  extension?: Uint8Array;
  payload?: Uint8Array;
  padding?: number;
}

export function rtp(fields: RtpFields = {}): Buffer {
  const { sources = [], extension, payload = Buffer.from([1, 2, 3]), padding = 0 } = fields;
  const header = Buffer.alloc(12 + sources.length * 4);
  header[0] = 0x80 | (padding > 0 ? 0x20 : 0) | (extension === undefined ? 0 : 0x10) | sources.length;
  header[1] = (fields.marker === true ? 0x80 : 0) | (fields.payloadType ?? 96);
  header.writeUInt16BE((fields.sequence ?? 0) & 0xffff, 2);
  header.writeUInt32BE((fields.timestamp ?? 0) >>> 0, 4);
  header.writeUInt32BE(fields.ssrc ?? 1, 8);
  sources.forEach((source, index) => header.writeUInt32BE(source, 12 + index * 4));
  const parts: Uint8Array[] = [header];
  if (extension !== undefined) {
    const head = Buffer.alloc(4);
    head.writeUInt16BE(0xbede, 0);
    head.writeUInt16BE(extension.length / 4, 2);
    parts.push(head, extension);
  }
  parts.push(payload);
  if (padding > 0) parts.push(Buffer.concat([Buffer.alloc(padding - 1), Buffer.from([padding])]));
  return Buffer.concat(parts);
}

export interface Vp8Fields {
  key?: boolean;
  /** First packet of its frame. */
  start?: boolean;
  pictureId?: number;
  tl0?: number;
  temporalLayer?: number;
  /** The frame needs none of its own or a higher layer. */
  layerSync?: boolean;
  /** Payload after the descriptor. */
  body?: Uint8Array;
}

/** A VP8 payload with a 15-bit PictureID and TL0PICIDX, as Chromium sends it. */
export function vp8(fields: Vp8Fields = {}): Buffer {
  const { key = false, start = true, pictureId = 0, tl0 = 0, body = Buffer.alloc(20) } = fields;
  const { temporalLayer = 0, layerSync = false } = fields;
  const descriptor = Buffer.from([
    0x80 | (start ? 0x10 : 0),
    0x80 | 0x40 | 0x20,
    0x80 | ((pictureId >> 8) & 0x7f),
    pictureId & 0xff,
    tl0 & 0xff,
    (temporalLayer << 6) | (layerSync ? 0x20 : 0),
  ]);
  const first = Buffer.from([start && key ? 0x00 : 0x01]);
  return Buffer.concat([descriptor, first, body]);
}

/** Picture numbers of a payload made by {@link vp8}. */
export function readNumbers(packet: Buffer): { pictureId: number; tl0: number } {
  return { pictureId: packet.readUInt16BE(14) & 0x7fff, tl0: packet[16] ?? 0 };
}
