/** One stream of a publisher on a clock that the test moves: what reaches the hub when packets are lost on the way. */

import { expect, test } from 'vitest';
import { splitTrailer } from '@casto/core';
import { hasMarker, RTP_HEADER_BYTES, sequenceOf } from '../../src/media/rtp-packet.ts';
import { FEEDBACK, RTCP } from '../../src/media/rtcp-packet.ts';
import type { RtpSource } from '../../src/media/rtp-source.ts';
import { SenderBudget } from '../../src/media/sender-budget.ts';
import { PublisherClock } from '../../src/whip/capture-clock.ts';
import { IngestStream } from '../../src/whip/ingest-stream.ts';
import { countBlocks } from '../media/media-world.ts';
import { rtp, vp8 } from '../media/rtp-builder.ts';

const FRAME_MS = 40;
const TICK_MS = 20;

class IngestWorld {
  now = 1_700_000_000_000;
  readonly rtcp: Buffer[] = [];
  readonly sources: RtpSource[] = [];
  /** What each of them took the place of. */
  readonly formers: (RtpSource | null)[] = [];
  /** What the hub gets: the number of each packet, and of the frame that ends with it. */
  readonly packets: { sequence: number; frame: number | null; isKey: boolean }[] = [];
  readonly stream: IngestStream;
  readonly #count = { next: 0 };
  #frame = 0;
  #sequence = 65_530;

  constructor() {
    this.stream = new IngestStream({
      kind: 'video',
      codec: {
        mimeType: 'video/vp8',
        payloadType: 98,
        clockRate: 90_000,
        parameters: {},
        rtcpFeedback: [{ type: 'nack' }, { type: 'nack', parameter: 'pli' }],
      },
      epoch: 1_700_000_000,
      clock: new PublisherClock(),
      layer: 0,
      frames: () => this.#count,
      budget: new SenderBudget(1e6, 0),
      limitedSsrcs: () => [],
      localSsrc: 1,
      cname: 'relay',
      now: () => this.now,
      send: (rtcp) => this.rtcp.push(Buffer.from(rtcp)) > 0,
      onSource: (source, former) => {
        this.formers.push(former);
        if (source === null) return;
        this.sources.push(source);
        source.onUnit = ({ bytes }) => this.#keep(bytes);
      },
    });
  }

  /** The packets of the next frame. */
  frame({ key = false, ssrc = 7 } = {}): Buffer[] {
    const packets = [0, 1, 2].map((index) =>
      rtp({
        payloadType: 98,
        ssrc,
        sequence: this.#sequence + index,
        timestamp: this.#frame * 90 * FRAME_MS,
        marker: index === 2,
        payload: vp8({ key, start: index === 0, pictureId: this.#frame }),
      }),
    );
    this.#sequence += 3;
    this.#frame += 1;
    return packets;
  }

  take(packets: readonly Buffer[]): void {
    for (const packet of packets) this.stream.takeRtp(Buffer.from(packet));
  }

  wait(ms: number): void {
    for (let passed = 0; passed < ms; passed += TICK_MS) {
      this.now += TICK_MS;
      this.stream.tick(this.now);
    }
  }

  get frames(): (number | null)[] {
    return this.packets.map(({ frame }) => frame).filter((frame) => frame !== null);
  }

  #keep(bytes: Buffer): void {
    const trailer = hasMarker(bytes) ? splitTrailer(bytes.subarray(RTP_HEADER_BYTES))?.trailer : null;
    this.packets.push({
      sequence: sequenceOf(bytes),
      frame: trailer?.sequence ?? null,
      isKey: trailer?.references === 0,
    });
  }
}

test('frames are numbered one by one, and so are packets', () => {
  const world = new IngestWorld();
  for (let frame = 0; frame < 5; frame += 1) {
    world.take(world.frame({ key: frame === 0 }));
    world.wait(FRAME_MS);
  }
  expect(world.frames).toEqual([0, 1, 2, 3, 4]);
  expect(world.packets.map(({ sequence }) => sequence)).toEqual(
    Array.from({ length: 15 }, (_, index) => index),
  );
  expect(world.packets.filter(({ isKey }) => isKey)).toHaveLength(1);
});

test('a packet that is lost is asked for, and its frame keeps its number when it comes after the next', () => {
  const world = new IngestWorld();
  world.take(world.frame({ key: true }));
  const [first, second, last] = world.frame();
  if (!first || !second || !last) throw new Error('no frame');
  world.take([first, second]);
  world.take(world.frame());
  expect(countBlocks(world.rtcp, RTCP.transportFeedback, FEEDBACK.nack)).toBe(1);
  expect(world.frames).toEqual([0]);
  world.wait(FRAME_MS);
  world.take([last]);
  expect(world.frames).toEqual([0, 1, 2]);
  expect(world.packets.map(({ sequence }) => sequence)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
});

test('what does not come again leaves a gap that all below can see, and a key frame is asked for', () => {
  const world = new IngestWorld();
  world.take(world.frame({ key: true }));
  world.wait(FRAME_MS);
  world.frame();
  world.take(world.frame());
  const before = countBlocks(world.rtcp, RTCP.payloadFeedback, FEEDBACK.pictureLoss);
  world.wait(400);
  expect(world.frames).toEqual([0, 2]);
  expect(world.packets.map(({ sequence }) => sequence)).toEqual([0, 1, 2, 6, 7, 8]);
  expect(countBlocks(world.rtcp, RTCP.payloadFeedback, FEEDBACK.pictureLoss)).toBeGreaterThan(before);
});

test('a key frame comes every two seconds, asked for if need be', () => {
  const world = new IngestWorld();
  for (let frame = 0; frame < 250; frame += 1) {
    world.take(world.frame({ key: frame === 0 }));
    world.wait(FRAME_MS);
  }
  const asked = countBlocks(world.rtcp, RTCP.payloadFeedback, FEEDBACK.pictureLoss);
  expect(asked).toBeGreaterThanOrEqual(4);
});

test('another SSRC counts only when the first has fallen silent', () => {
  const world = new IngestWorld();
  world.take(world.frame({ key: true }));
  world.take(world.frame({ ssrc: 8 }));
  expect(world.sources).toHaveLength(1);
  world.wait(1_000);
  world.take(world.frame({ ssrc: 8, key: true }));
  expect(world.sources.map(({ ssrc }) => ssrc)).toEqual([7, 8]);
  expect(world.sources[0]?.isClosed).toBe(true);
  expect(world.formers).toEqual([null, world.sources[0]]);
});
