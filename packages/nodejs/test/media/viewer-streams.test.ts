/** What a viewer's reports change of what it is sent: one with a section for video, and a relay with one for each layer. */

import { describe, expect, test } from 'vitest';
import { VirtualClock } from '@casto/host/conformance/virtual-clock';
import { wishFor } from '../../src/media/layer-choice.ts';
import { writeReceiverReport } from '../../src/media/rtcp-writer.ts';
import { ViewerStreams } from '../../src/media/viewer-streams.ts';
import { FRAME_MS, MediaWorld, requestsOf, type Publisher, type Viewer } from './media-world.ts';

class ReportingWorld {
  readonly media = new MediaWorld();
  readonly clock = new VirtualClock();
  readonly layers: readonly Publisher[] = [0, 1, 2].map((layer) => this.media.publisher('video', {}, layer));
  readonly viewers: readonly Viewer[];
  readonly streams: ViewerStreams;
  /** Temporal layers of the pictures, over and over. */
  temporalLayers: readonly number[] = [0];
  #frame = 0;

  constructor(viewers: (world: MediaWorld) => Viewer[]) {
    for (const { source } of this.layers) this.media.hub.setSource(source);
    this.run(200);
    this.viewers = viewers(this.media);
    this.streams = new ViewerStreams(
      this.viewers.map(({ sink }) => sink),
      this.clock,
    );
  }

  /** For so many seconds the viewer says each second that this share of its packets is lost. */
  report(seconds: number, fractionLost: number): void {
    for (let second = 0; second < seconds; second += 1) {
      this.run(1_000);
      const blocks = this.viewers.map(({ sink }) => ({
        ssrc: sink.ssrc,
        fractionLost,
        lost: 0,
        highestSequence: 0,
        jitter: 0,
        lastReport: 0,
        sinceLastReport: 0,
      }));
      this.streams.takeRtcp(writeReceiverReport(9, blocks, 'viewer'));
    }
  }

  run(ms: number): void {
    for (let passed = 0; passed < ms; passed += FRAME_MS) {
      const key = this.#frame % 48 === 0;
      const temporalLayer = this.temporalLayers[this.#frame % this.temporalLayers.length] ?? 0;
      for (const publisher of this.layers) publisher.publish({ key, temporalLayer, layerSync: true });
      this.#frame += 1;
      this.media.advance(FRAME_MS);
      this.clock.advance(FRAME_MS);
    }
  }

  /** Packets that each viewer was sent meanwhile. */
  sentIn(ms: number): number[] {
    const before = this.viewers.map(({ packets }) => packets.length);
    this.run(ms);
    return this.viewers.map(({ packets }, index) => packets.length - (before[index] ?? 0));
  }
}

test('[M2.3] a viewer that reports loss is sent a lower layer, one after the other, and goes up again', () => {
  const world = new ReportingWorld((media) => [media.viewer('video', { wish: wishFor(0) })]);
  const layer = (): number | undefined => world.viewers[0]?.sink.key.layer;
  world.report(3, 0);
  expect(layer()).toBe(0);
  world.report(2, 0.2);
  world.run(2_400);
  expect(layer()).toBe(1);
  world.report(2, 0.2);
  world.run(2_400);
  expect(layer()).toBe(2);
  world.report(8, 0.2);
  expect(world.streams.limit.isClosed).toBe(true);
  world.report(40, 0);
  expect(layer()).toBe(0);
  expect(world.streams.limit).toMatchObject({ bestLayer: 0, isClosed: false });
});

test('[M2.1] temporal layers are left out before the layer changes, and come back after it', () => {
  const world = new ReportingWorld((media) => [media.viewer('video', { wish: wishFor(0) })]);
  const sink = world.viewers[0]?.sink;
  const place = (): unknown => [sink?.key.layer, sink?.stats().temporalLayer];
  world.temporalLayers = [0, 2, 1, 2];
  world.report(3, 0);
  const seen = [2, 2, 2].map((seconds) => {
    world.report(seconds, 0.2);
    world.run(2_400);
    return place();
  });
  expect(seen).toEqual([
    [0, 1],
    [0, 0],
    [1, 3],
  ]);
  const places = Array.from({ length: 20 }, () => {
    world.report(1, 0);
    return String(place());
  });
  // Half of the pictures from when more is tried, which may be up to a key frame before the layer changes.
  expect([...new Set(places)].filter((seen) => seen !== '1,1')).toEqual(['1,3', '0,1', '0,3']);
});

test('[M2.3] a relay with a section for each layer has the highest closed, and keeps the others', () => {
  const world = new ReportingWorld((media) => [0, 1, 2].map((layer) => media.viewer('video', { layer })));
  world.report(3, 0);
  expect(world.sentIn(1_000).every((packets) => packets > 0)).toBe(true);
  world.report(2, 0.2);
  expect(world.sentIn(1_000).map((packets) => packets > 0)).toEqual([false, true, true]);
  world.report(2, 0.2);
  expect(world.sentIn(1_000).map((packets) => packets > 0)).toEqual([false, false, true]);
  world.report(30, 0);
  expect(world.sentIn(2_400).every((packets) => packets > 0)).toBe(true);
  expect(world.viewers.map(({ sink }) => sink.key.layer)).toEqual([0, 1, 2]);
});

describe('[M2.1] a viewer of pictures alone, whose link is too slow for them,', () => {
  /** Closed after 8 s of loss; the viewer says nothing of what it is not sent. */
  function closedWorld(): ReportingWorld {
    const world = new ReportingWorld((media) => [media.viewer()]);
    world.report(3, 0);
    world.report(8, 0.2);
    expect(world.streams.limit.isClosed).toBe(true);
    return world;
  }

  test('gets them again from a key frame on when it has not reported for as long as a link has to be clean', () => {
    const world = closedWorld();
    expect(world.sentIn(4_900)).toEqual([0]);
    const [packets = 0] = world.sentIn(2_400);
    expect(packets).toBeGreaterThan(0);
    world.report(3, 0);
    expect(world.streams.limit.isClosed).toBe(false);
  });

  test('waits longer after each vain try', () => {
    const world = closedWorld();
    const waits = Array.from({ length: 5 }, () => {
      let seconds = 0;
      for (; world.streams.limit.isClosed; seconds += 1) world.run(1_000);
      world.report(4, 0.2);
      expect(world.streams.limit.isClosed).toBe(true);
      return seconds;
    });
    expect(waits).toEqual([5, 10, 20, 40, 60]);
  });

  test('is not tried for as long as its reports tell of loss', () => {
    const world = closedWorld();
    world.report(100, 0.2);
    expect(world.streams.limit.isClosed).toBe(true);
  });

  test('leaves no timer behind when it goes', () => {
    const world = closedWorld();
    expect(world.clock.pending).toBe(1);
    world.streams.close();
    expect(world.clock.pending).toBe(0);
    expect(world.streams.limit.isClosed).toBe(true);
  });
});

test('[M2.3] a wish for a key frame is about the layer that is sent, whichever was asked for', () => {
  const world = new ReportingWorld((media) => [media.viewer('video', { wish: wishFor(0) })]);
  world.streams.chooseLayer(2);
  world.run(2_400);
  const before = world.layers.map(requestsOf);
  world.streams.wantKeyFrame(0);
  world.media.advance(250);
  expect(world.layers.map(requestsOf)).toEqual([before[0], before[1], (before[2] ?? 0) + 1]);
});

test('a relay asks for key frames of each of its sections', () => {
  const world = new ReportingWorld((media) => [0, 1, 2].map((layer) => media.viewer('video', { layer })));
  world.run(1_000);
  const before = world.layers.map(requestsOf);
  world.streams.chooseLayer(0);
  world.streams.wantKeyFrame(1);
  world.media.advance(250);
  expect(world.layers.map(requestsOf)).toEqual([before[0], (before[1] ?? 0) + 1, before[2]]);
});
