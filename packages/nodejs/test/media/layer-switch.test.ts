/** Viewers of a broadcast in three layers: which one each of them is sent, and that none of them notices the change. */

import { describe, expect, test } from 'vitest';
import { wishFor, type LayerWish } from '../../src/media/layer-choice.ts';
import { writeNack, writePictureLoss } from '../../src/media/rtcp-writer.ts';
import { RTP_HEADER_BYTES } from '../../src/media/rtp-packet.ts';
import { NO_LIMIT } from '../../src/media/viewer-budget.ts';
import {
  deliverRtcp,
  expectContinuous,
  FRAME_MS,
  type FrameOptions,
  MediaWorld,
  requestsOf,
  type Publisher,
  type Viewer,
} from './media-world.ts';

const KEY_EVERY = 50;

class LayeredWorld {
  readonly media = new MediaWorld();
  readonly layers: readonly Publisher[];
  /** Those that are encoded. */
  readonly silent = new Set<number>();
  #frame = 0;

  constructor() {
    // Numbers of their own, so that one that is not rewritten shows.
    this.layers = [0, 1, 2].map((layer) =>
      this.media.publisher(
        'video',
        { sequence: 1_000 * layer + 7, timestamp: 1e6 * layer, pictureId: 500 * layer, tl0: 60 * layer },
        layer,
      ),
    );
    for (const { source } of this.layers) this.media.hub.setSource(source);
  }

  viewer(asked: number): Viewer & { wish: LayerWish } {
    const wish = wishFor(asked);
    return Object.assign(this.media.viewer('video', { wish }), { wish });
  }

  /** Packets of a layer are told by how many its pictures have. */
  run(ms: number): void {
    for (let passed = 0; passed < ms; passed += FRAME_MS) {
      for (const [layer, publisher] of this.layers.entries()) {
        const isKey = this.#frame % KEY_EVERY === 0;
        const options = { key: isKey, packets: packetsOf(layer) };
        if (!this.silent.has(layer)) publisher.publish(options);
      }
      this.#frame += 1;
      this.media.advance(FRAME_MS);
    }
  }

  /** A key frame in all layers, as most encoders answer. */
  answerRequests(before: readonly number[]): void {
    this.layers.forEach((publisher, layer) => {
      if (requestsOf(publisher) === before[layer] || this.silent.has(layer)) return;
      publisher.publish({ key: true, packets: packetsOf(layer) });
    });
  }

  get requests(): number[] {
    return this.layers.map(requestsOf);
  }
}

function packetsOf(layer: number): number {
  return 4 - layer;
}

/** Of each picture that a viewer was sent. */
function layersOf({ packets }: Viewer): number[] {
  const counts = new Map<number, number>();
  for (const { timestamp } of packets) counts.set(timestamp, (counts.get(timestamp) ?? 0) + 1);
  return [...counts.values()].map((count) => 4 - count);
}

function firstChange({ packets }: Viewer, before: number): boolean {
  return packets[before]?.startsKeyFrame === true;
}

describe('a viewer of several layers', () => {
  test.each([0, 1, 2])('[M2.3] that asked for %i is sent it', (asked) => {
    const world = new LayeredWorld();
    const viewer = world.viewer(asked);
    world.run(3_000);
    expect(new Set(layersOf(viewer).slice(1))).toEqual(new Set([asked]));
    expectContinuous(viewer.packets);
  });

  test('[K6.1] that asks for another is sent it from its next key frame on, without a gap in any number', () => {
    const world = new LayeredWorld();
    const viewer = world.viewer(0);
    world.run(1_000);
    for (const asked of [2, 0, 1]) {
      const before = world.requests;
      viewer.wish.asked = asked;
      world.run(2_400);
      expect(layersOf(viewer).slice(-5)).toEqual(Array.from({ length: 5 }, () => asked));
      expect(world.requests).toEqual(before);
    }
    expectContinuous(viewer.packets);
    expect(new Set(layersOf(viewer))).toEqual(new Set([0, 1, 2]));
  });

  test('[M2.3] whose link carries less asks for a key frame of a lower layer, and goes on with it', () => {
    const world = new LayeredWorld();
    const [viewer, other] = [world.viewer(0), world.viewer(0)];
    world.run(3_000);
    const before = world.requests;
    const sent = viewer.packets.length;
    viewer.sink.limit({ ...NO_LIMIT, bestLayer: 1 });
    world.media.advance(120);
    expect(world.requests).toEqual([before[0], (before[1] ?? 0) + 1, before[2]]);
    world.answerRequests(before);
    expect(viewer.sink.key.layer).toBe(1);
    expect(firstChange(viewer, sent)).toBe(true);
    world.run(1_000);
    expect(new Set(layersOf(viewer).slice(-10))).toEqual(new Set([1]));
    expect(new Set(layersOf(other))).toEqual(new Set([0]));
    viewer.sink.limit(NO_LIMIT);
    world.run(2_400);
    expect(layersOf(viewer).at(-1)).toBe(0);
    expectContinuous(viewer.packets);
  });

  test('[M2.3] is sent the base of its layer alone until the key frame of a lower one comes', () => {
    const world = new LayeredWorld();
    const viewer = world.viewer(0);
    world.run(1_000);
    viewer.sink.limit({ ...NO_LIMIT, bestLayer: 1 });
    const before = viewer.packets.length;
    world.layers[0]?.publish({ temporalLayer: 1 });
    expect(viewer.packets).toHaveLength(before);
    world.layers[0]?.publish({ temporalLayer: 0 });
    expect(viewer.packets.length).toBeGreaterThan(before);
  });

  test('[M2.3] goes down when its layer falls silent, and up again when that has been back for a while', () => {
    const world = new LayeredWorld();
    const viewer = world.viewer(0);
    world.run(3_000);
    world.silent.add(0);
    const before = world.requests;
    world.run(960);
    world.answerRequests(before);
    world.run(1_000);
    expect(layersOf(viewer).at(-1)).toBe(1);
    world.silent.add(1);
    world.run(3_000);
    expect(layersOf(viewer).at(-1)).toBe(2);
    world.silent.clear();
    world.run(800);
    expect(layersOf(viewer).at(-1)).toBe(2);
    world.run(3_000);
    expect(layersOf(viewer).at(-1)).toBe(0);
    expectContinuous(viewer.packets);
    expect(world.media.events.filter(({ type }) => type === 'live')).toHaveLength(5);
  });

  test('stays where it is when the layer that it is to go to falls silent before its key frame comes', () => {
    const world = new LayeredWorld();
    const viewer = world.viewer(2);
    world.run(1_000);
    viewer.wish.asked = 1;
    world.media.advance(200);
    world.silent.add(1);
    world.run(3_000);
    expect(new Set(layersOf(viewer).slice(5))).toEqual(new Set([2]));
    expectContinuous(viewer.packets);
  });

  test('that asked for a layer that there is none of gets the lowest there is', () => {
    const world = new LayeredWorld();
    world.silent.add(1).add(2);
    const viewer = world.viewer(2);
    world.run(2_400);
    expect(layersOf(viewer).at(-1)).toBe(0);
  });

  test('can have packets again of the layer that it is sent, and asks for key frames of that one', () => {
    const world = new LayeredWorld();
    const viewer = world.viewer(0);
    world.run(1_000);
    viewer.wish.asked = 1;
    world.run(2_400);
    const lost = viewer.packets.slice(-4);
    const sent = viewer.packets.length;
    const numbers = lost.map(({ sequence }) => sequence);
    deliverRtcp(viewer.sink, writeNack(9, viewer.sink.ssrc, numbers));
    expect(viewer.packets.slice(sent).map(({ bytes }) => bytes.subarray(RTP_HEADER_BYTES))).toEqual(
      lost.map(({ bytes }) => bytes.subarray(RTP_HEADER_BYTES)),
    );
    const before = world.requests;
    deliverRtcp(viewer.sink, writePictureLoss(9, viewer.sink.ssrc));
    expect(world.requests).toEqual([before[0], (before[1] ?? 0) + 1, before[2]]);
  });

  test('leaves nothing behind when it goes while it waits for another layer', () => {
    const world = new LayeredWorld();
    const viewer = world.viewer(0);
    world.run(1_000);
    viewer.wish.asked = 2;
    world.media.advance(200);
    world.media.hub.removeSink(viewer.sink);
    const before = viewer.packets.length;
    world.run(4_000);
    expect(viewer.packets).toHaveLength(before);
    expect(world.media.hub.streams().map(({ viewers }) => viewers)).toEqual([0, 0, 0]);
  });
});

test('[M2.3] a key frame is not left out with the picture of the same time in the layer that was left', () => {
  const world = new MediaWorld();
  const [high, low] = [0, 1].map((layer) => world.publisher('video', {}, layer));
  if (high === undefined || low === undefined) throw new Error('no publishers');
  for (const { source } of [high, low]) world.hub.setSource(source);
  const both = (options: FrameOptions): void => {
    for (const publisher of [high, low]) publisher.publish(options);
    world.advance(FRAME_MS);
  };
  both({ key: true });
  const viewer = world.viewer('video', { wish: wishFor(0) });
  for (let frame = 0; frame < 20; frame += 1) both({});
  viewer.sink.limit({ ...NO_LIMIT, bestLayer: 1 });
  world.advance(200);
  // The higher layer is left out from here on but for its base.
  high.publish({ temporalLayer: 1 });
  const before = viewer.packets.length;
  low.publish({ key: true });
  expect(viewer.packets.length - before).toBe(2);
  expect(firstChange(viewer, before)).toBe(true);
});

test('a viewer of one layer alone is closed where its link does not carry that one', () => {
  const world = new LayeredWorld();
  const [top, middle] = [
    world.media.viewer('video', { layer: 0 }),
    world.media.viewer('video', { layer: 1 }),
  ];
  world.run(1_000);
  const limit = { ...NO_LIMIT, bestLayer: 1 };
  for (const { sink } of [top, middle]) sink.limit(limit);
  const before = [top.packets.length, middle.packets.length];
  world.run(1_000);
  expect(top.packets).toHaveLength(before[0] ?? 0);
  expect(middle.packets.length).toBeGreaterThan(before[1] ?? 0);
  for (const { sink } of [top, middle]) sink.limit(NO_LIMIT);
  world.run(2_400);
  expect(top.packets.length).toBeGreaterThan(before[0] ?? 0);
  expectContinuous(top.packets);
});

test('packets that a viewer asks for more than a second late are not sent again, and are counted', () => {
  const world = new LayeredWorld();
  const viewer = world.viewer(0);
  world.run(1_000);
  const [packet] = viewer.packets.slice(-1);
  world.media.advance(1_200);
  const before = viewer.packets.length;
  deliverRtcp(viewer.sink, writeNack(9, viewer.sink.ssrc, [packet?.sequence ?? 0]));
  expect(viewer.packets).toHaveLength(before);
  expect(viewer.sink.stats()).toMatchObject({ resent: 0, drops: { 'nack-stale': 1 } });
});

test('what a viewer catches up with may be old when it comes, and is sent again all the same', () => {
  const world = new LayeredWorld();
  world.run(2_000);
  const viewer = world.viewer(0);
  world.media.advance(500);
  const [first] = viewer.packets;
  const before = viewer.packets.length;
  deliverRtcp(viewer.sink, writeNack(9, viewer.sink.ssrc, [first?.sequence ?? 0]));
  expect(viewer.packets.length).toBe(before + 1);
});
