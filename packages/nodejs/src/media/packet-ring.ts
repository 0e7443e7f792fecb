/**
 * The last packets of one stream, kept once for all its viewers: their NACKs are answered from here, and a joiner
 * starts from the last key frame. A slot is reused when its packet is `RING_PACKETS` old.
 */

import type { SenderReport } from './rtcp-packet.ts';
import type { Vp8Numbers } from './vp8-descriptor.ts';

/** 6.8 s at 300 packets/s, 1.4 s at the 1500 packets/s of a 12 Mbps stream. Must be a power of two. */
export const RING_PACKETS = 2048;
/** Nobody starts in the past of a sound, nor repeats it: 2.5 s at 50 packets/s. */
export const AUDIO_RING_PACKETS = 128;
/**
 * Packets are copied into memory of the ring. Left where they came, each would live just long enough to need a full
 * garbage collection, and with 300 of them per second and stream the process grows by megabytes until one comes.
 * Ethernet carries no more than this; a larger packet stays where it is.
 */
const SLOT_BYTES = 1536;

/**
 * One packet as it came in. The object is reused with its slot, so nobody holds it beyond the call that brought it.
 */
export interface RtpPacket extends Vp8Numbers {
  /** The stream's numbering. A source that starts over takes a fresh ring, and viewers renumber at a key frame. */
  readonly ring: PacketRing;
  /** In the twelve-byte form. Its header holds what the last viewer was sent; the fields below hold what came in. */
  bytes: Buffer;
  /** Extended to more than 16 bits, so it only ever rises. */
  sequence: number;
  timestamp: number;
  marker: boolean;
  /** The packet is the first of a key frame. */
  startsKeyFrame: boolean;
  arrivedAt: number;
  /** What players are sent of it (whip/trailer-stripper.ts), `null` until the first one is. */
  withoutTrailer: Buffer | null;
}

/** Where the latest key frame starts. */
export interface KeyFramePosition {
  readonly sequence: number;
  readonly timestamp: number;
  readonly arrivedAt: number;
}

export interface PacketRing {
  /** The highest sequence stored, -1 while empty. */
  readonly highest: number;
  readonly keyFrame: KeyFramePosition | null;
  /** What the sender said last about its timestamps; joiners are told at once, because lips stay apart until then. */
  senderReport: SenderReport | null;
  /** Says that packets after the latest key frame are missing for good, so nobody can start there. */
  forgetKeyFrame(): void;
  /** The packet with this extended sequence, or `null` when it never came or is too old. */
  get(sequence: number): RtpPacket | null;
  /**
   * Takes the slot for `sequence`; the caller fills it.
   *
   * @returns `null` for a packet that is there already, or whose slot belongs to a later one.
   */
  claim(sequence: number): RtpPacket | null;
  /** Copies a packet's bytes into its slot. */
  keep(packet: RtpPacket, bytes: Buffer): void;
  /** Notes a filled packet that starts a key frame. */
  markKeyFrame(packet: RtpPacket): void;
}

/** @param packets - How many it holds, a power of two. */
export function createPacketRing(packets: number = RING_PACKETS): PacketRing {
  return new SlotRing(packets);
}

const NO_BYTES = Buffer.alloc(0);

class SlotRing implements PacketRing {
  readonly #mask: number;
  readonly #slots: (RtpPacket | undefined)[];
  #memory: Buffer | null = null;
  highest = -1;
  keyFrame: KeyFramePosition | null = null;
  senderReport: SenderReport | null = null;

  constructor(packets: number) {
    this.#mask = packets - 1;
    this.#slots = new Array<undefined>(packets).fill(undefined);
  }

  forgetKeyFrame(): void {
    this.keyFrame = null;
  }

  get(sequence: number): RtpPacket | null {
    const packet = this.#slots[sequence & this.#mask];
    return packet === undefined || packet.sequence !== sequence ? null : packet;
  }

  claim(sequence: number): RtpPacket | null {
    const index = sequence & this.#mask;
    let packet = this.#slots[index];
    if (packet === undefined) {
      packet = this.#emptyPacket();
      this.#slots[index] = packet;
    } else if (packet.sequence >= sequence) {
      return null;
    }
    packet.sequence = sequence;
    if (sequence > this.highest) this.highest = sequence;
    return packet;
  }

  keep(packet: RtpPacket, bytes: Buffer): void {
    packet.withoutTrailer = null;
    if (bytes.length > SLOT_BYTES) {
      packet.bytes = bytes;
      return;
    }
    this.#memory ??= Buffer.allocUnsafeSlow(this.#slots.length * SLOT_BYTES);
    const start = (packet.sequence & this.#mask) * SLOT_BYTES;
    bytes.copy(this.#memory, start);
    packet.bytes = this.#memory.subarray(start, start + bytes.length);
  }

  markKeyFrame(packet: RtpPacket): void {
    const { sequence, timestamp, arrivedAt } = packet;
    const known = this.keyFrame;
    // Several packets of one key frame may look like its start (parameters, then a slice): the first one counts.
    if (known !== null && sequence < known.sequence !== (timestamp === known.timestamp)) return;
    this.keyFrame = { sequence, timestamp, arrivedAt };
  }

  #emptyPacket(): RtpPacket {
    return {
      ring: this,
      bytes: NO_BYTES,
      sequence: -1,
      timestamp: 0,
      marker: false,
      startsKeyFrame: false,
      arrivedAt: 0,
      withoutTrailer: null,
      pictureIdMask: 0,
      pictureIdAt: 0,
      pictureId: 0,
      tl0At: 0,
      tl0: 0,
      temporalLayer: 0,
      isLayerSync: true,
    };
  }
}
