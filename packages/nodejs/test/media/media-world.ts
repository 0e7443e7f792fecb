/** A hub with publishers and viewers around it, all in memory and on a clock that the test moves. */

import { expect } from 'vitest';
import type { MediaKind } from '@casto/host';
import { createHub } from '../../src/media/hub.ts';
import type { Hub, HubEvent } from '../../src/media/hub.ts';
import { FEEDBACK, RTCP, rtcpBlockLength, rtcpCountOf, rtcpTypeOf } from '../../src/media/rtcp-packet.ts';
import { sequenceOf, timestampOf } from '../../src/media/rtp-packet.ts';
import type { LayerWish } from '../../src/media/layer-choice.ts';
import { createRtpSink } from '../../src/media/rtp-sink.ts';
import type { RtpSink } from '../../src/media/rtp-sink.ts';
import { createRtpSource } from '../../src/media/rtp-source.ts';
import type { RtpSource } from '../../src/media/rtp-source.ts';
import { readNumbers, rtp, vp8 } from './rtp-builder.ts';

export const TICK_MS = 20;
export const FRAME_MS = 40;

export interface Publisher {
  readonly source: RtpSource;
  /** RTCP that the source sent upstream. */
  readonly rtcp: Buffer[];
  /** Number of the next packet. */
  sequence: number;
  timestamp: number;
  pictureId: number;
  tl0: number;
  /** The RTP packets of the next frame; the clock does not move. */
  frame(options?: FrameOptions): Buffer[];
  /** Makes the next frame and delivers it. */
  publish(options?: FrameOptions): void;
}

export interface FrameOptions {
  readonly key?: boolean;
  readonly packets?: number;
  readonly temporalLayer?: number;
  readonly layerSync?: boolean;
}

export interface Viewer {
  readonly sink: RtpSink;
  readonly packets: Received[];
  readonly rtcp: Buffer[];
  /** Answers of the sink's `send`. */
  isRefusing: boolean;
}

export interface Received {
  readonly bytes: Buffer;
  readonly sequence: number;
  readonly timestamp: number;
  readonly pictureId: number;
  readonly tl0: number;
  readonly startsKeyFrame: boolean;
  readonly at: number;
}

export class MediaWorld {
  now = 1000;
  readonly hub: Hub = createHub({ now: () => this.now });
  readonly events: HubEvent[] = [];
  #ssrc = 100;

  constructor() {
    this.hub.onEvent = (event) => this.events.push(event);
  }

  /** Moves the clock in ticks, as a healthy relay does. */
  advance(ms: number): void {
    const end = this.now + ms;
    while (this.now < end) {
      this.now = Math.min(end, this.now + TICK_MS);
      this.hub.tick(this.now);
    }
  }

  /** Moves the clock while the event loop stands still. */
  stall(ms: number): void {
    this.now += ms;
  }

  /** Publishes frames in their rhythm, the first of them a key frame. */
  stream(publisher: Publisher, frames: number, options: { packets?: number; keyEvery?: number } = {}): void {
    for (let frame = 0; frame < frames; frame += 1) {
      publisher.publish({ key: frame % (options.keyEvery ?? frames) === 0, packets: options.packets ?? 2 });
      this.advance(FRAME_MS);
    }
  }

  publisher(kind: MediaKind = 'video', start: Partial<Publisher> = {}, layer = 0): Publisher {
    const ssrc = (this.#ssrc += 1);
    const rtcp: Buffer[] = [];
    const isVideo = kind === 'video';
    const source = createRtpSource({
      key: { kind, layer },
      codec: isVideo ? 'vp8' : 'opus',
      clockRate: isVideo ? 90_000 : 48_000,
      payloadType: isVideo ? 96 : 111,
      ssrc,
      localSsrc: 1,
      cname: 'relay',
      feedback: { nack: isVideo, pictureLoss: isVideo, fullIntraRequest: false, remb: null },
      now: () => this.now,
      roundTripMs: () => null,
      send: (packet) => rtcp.push(Buffer.from(packet)) > 0,
    });
    const publisher: Publisher = {
      source,
      rtcp,
      sequence: 1000,
      timestamp: 5000,
      pictureId: 300,
      tl0: 20,
      ...start,
      frame: ({ key = false, packets = 2, temporalLayer = 0, layerSync = false } = {}) => {
        if (temporalLayer === 0) publisher.tl0 += 1;
        const { pictureId, tl0 } = publisher;
        const made = Array.from({ length: packets }, (_, index) =>
          rtp({
            payloadType: isVideo ? 96 : 111,
            ssrc,
            sequence: publisher.sequence + index,
            timestamp: publisher.timestamp,
            marker: index === packets - 1,
            payload: isVideo
              ? vp8({ key, start: index === 0, pictureId, tl0, temporalLayer, layerSync })
              : Buffer.from([1, 2, 3]),
          }),
        );
        publisher.sequence += packets;
        publisher.timestamp += (isVideo ? 90 : 48) * FRAME_MS;
        publisher.pictureId += 1;
        return made;
      },
      publish: (options) => {
        for (const packet of publisher.frame(options)) source.takeRtp(packet);
      },
    };
    return publisher;
  }

  viewer(
    kind: MediaKind = 'video',
    options: { isOpen?: boolean; layer?: number; wish?: LayerWish } = {},
  ): Viewer {
    const ssrc = (this.#ssrc += 1);
    const packets: Received[] = [];
    const rtcp: Buffer[] = [];
    const isVideo = kind === 'video';
    const viewer: Viewer = {
      packets,
      rtcp,
      isRefusing: false,
      sink: createRtpSink({
        key: { kind, layer: options.layer ?? options.wish?.asked ?? 0 },
        wish: options.wish ?? null,
        clockRate: isVideo ? 90_000 : 48_000,
        payloadType: isVideo ? 96 : 111,
        ssrc,
        cname: 'relay',
        now: () => this.now,
        send: (bytes) => {
          if (viewer.isRefusing) return false;
          const copy = Buffer.from(bytes);
          if ((copy[1] ?? 0) >= 192 && (copy[1] ?? 0) < 224) rtcp.push(copy);
          else packets.push(this.#received(copy, isVideo));
          return true;
        },
      }),
    };
    this.hub.addSink(viewer.sink);
    if (options.isOpen !== false) viewer.sink.open();
    return viewer;
  }

  #received(bytes: Buffer, isVideo: boolean): Received {
    const numbers = isVideo && bytes.length > 18 ? readNumbers(bytes) : { pictureId: 0, tl0: 0 };
    return {
      bytes,
      sequence: sequenceOf(bytes),
      timestamp: timestampOf(bytes),
      ...numbers,
      startsKeyFrame: isVideo && ((bytes[12] ?? 0) & 0x10) !== 0 && ((bytes[18] ?? 1) & 1) === 0,
      at: this.now,
    };
  }
}

/** How many blocks of a type (and kind) these RTCP packets hold. */
export function countBlocks(packets: readonly Buffer[], type: number, kind?: number): number {
  let count = 0;
  for (const packet of packets) {
    for (let at = 0, length = 0; at < packet.length; at += length) {
      length = rtcpBlockLength(packet, at);
      if (length === 0) throw new Error('bad RTCP was sent');
      if (rtcpTypeOf(packet, at) === type && (kind === undefined || rtcpCountOf(packet, at) === kind))
        count += 1;
    }
  }
  return count;
}

/** Hands an RTCP packet to a sink or source, block by block. */
export function deliverRtcp(receiver: Pick<RtpSink, 'takeRtcp'>, packet: Buffer): void {
  for (let at = 0, length = 0; at < packet.length; at += length) {
    length = rtcpBlockLength(packet, at);
    if (length === 0) return;
    receiver.takeRtcp(packet, at, length);
  }
}

/** Asserts what a decoder needs: no jump in sequence, pictures that follow each other, time that goes on. */
export function expectContinuous(packets: readonly Received[]): void {
  packets.forEach((packet, index) => {
    const before = packets[index - 1];
    if (before === undefined) return;
    expect((packet.sequence - before.sequence) & 0xffff).toBe(1);
    const elapsed = (packet.timestamp - before.timestamp) | 0;
    expect(elapsed).toBeGreaterThanOrEqual(0);
    const pictures = (packet.pictureId - before.pictureId) & 0x7fff;
    expect(pictures).toBe(elapsed === 0 ? 0 : 1);
    expect((packet.tl0 - before.tl0) & 0xff).toBe(pictures);
  });
}

/** Key frames that were asked for. */
export function requestsOf(publisher: Publisher): number {
  return countBlocks(publisher.rtcp, RTCP.payloadFeedback, FEEDBACK.pictureLoss);
}
