/** Numbers the frames of one stream as it comes in from a publisher, and puts trailers behind them (PROTOCOL.md, T1). */

import type { FrameTrailer } from '@casto/core';
import type { RtpPacket } from '../media/packet-ring.ts';
import { RTP_HEADER_BYTES } from '../media/rtp-packet.ts';
import type { MediaCodec } from '../media/rtp-source.ts';
import type { CaptureClock } from './capture-clock.ts';
import { FrameReferences } from './frame-references.ts';
import { appendToPacket } from './trailer-packets.ts';

/** The number of the next frame of a stream. A source that takes the place of another goes on with its count. */
export interface FrameCount {
  next: number;
}

export interface FrameStamperOptions {
  readonly codec: MediaCodec;
  readonly layer: number;
  readonly count: FrameCount;
  /** Of the broadcast, seconds since 1970. */
  readonly epoch: number;
  readonly clock: CaptureClock;
  /** Hears the packets with their new numbers; their memory is the listener's. */
  readonly onPacket: (bytes: Buffer) => void;
}

/** The frame that the latest packet belongs to. */
interface OpenFrame {
  readonly timestamp: number;
  /** Of its first packet. */
  readonly arrivedAt: number;
  isKey: boolean;
  readonly temporalLayer: number;
  readonly isLayerSync: boolean;
}

export class FrameStamper {
  readonly #options: FrameStamperOptions;
  readonly #references = new FrameReferences();
  #frame: OpenFrame | null = null;
  /** Of the next packet, modulo 2^16. */
  #sequence = 0;

  constructor(options: FrameStamperOptions) {
    this.#options = options;
  }

  /** @param packet - In order, without one missing since the last unless {@link skip} was told. */
  take(packet: RtpPacket): void {
    // They probe for bandwidth up to here; nobody below needs their numbers.
    if (packet.bytes.length <= RTP_HEADER_BYTES) return;
    const frame = this.#frameOf(packet);
    if (packet.startsKeyFrame) frame.isKey = true;
    const isLast = this.#options.codec === 'opus' || packet.marker;
    const packets = isLast ? this.#stamp(packet, frame) : [packet.bytes];
    for (const bytes of packets) this.#emit(bytes);
  }

  /** Packets are lost for good: those below must notice, and miss a frame. */
  skip(packets: number): void {
    this.#sequence = (this.#sequence + packets) & 0xffff;
    this.#countFrame();
    this.#references.lose();
    this.#frame = null;
  }

  #frameOf({ timestamp, arrivedAt, temporalLayer, isLayerSync }: RtpPacket): OpenFrame {
    const known = this.#frame;
    if (known !== null && known.timestamp === timestamp) return known;
    const frame = { timestamp, arrivedAt, isKey: false, temporalLayer, isLayerSync };
    this.#frame = frame;
    return frame;
  }

  #stamp({ bytes, timestamp }: RtpPacket, frame: OpenFrame): Buffer[] {
    const { codec, epoch, clock, layer, count } = this.#options;
    const trailer: FrameTrailer = {
      epoch,
      sequence: count.next,
      capturedAt: clock.capturedAt(timestamp, frame.arrivedAt),
      layer,
      temporalLayer: frame.temporalLayer,
      references: codec === 'opus' ? 0 : this.#references.of({ number: count.next, ...frame }),
      signature: null,
    };
    const stamped = appendToPacket(codec, bytes, trailer);
    const isUnstamped = stamped.length === 1 && stamped[0] === bytes;
    if (!isUnstamped) this.#countFrame();
    return stamped;
  }

  #countFrame(): void {
    const { count } = this.#options;
    count.next = (count.next + 1) >>> 0;
  }

  #emit(bytes: Buffer): void {
    bytes.writeUInt16BE(this.#sequence, 2);
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#options.onPacket(bytes);
  }
}
