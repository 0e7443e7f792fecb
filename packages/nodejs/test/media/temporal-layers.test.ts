/** A viewer whose link carries less than the stream: what it is sent, and how that is numbered. */

import { describe, expect, test } from 'vitest';
import { writeNack, writePictureLoss } from '../../src/media/rtcp-writer.ts';
import { NO_LIMIT } from '../../src/media/viewer-budget.ts';
import { FRAME_MS, MediaWorld, deliverRtcp, type Publisher, type Viewer } from './media-world.ts';

/** Three layers, as encoders order them; the first picture of the higher layers needs the base alone. */
const PATTERN = [
  { temporalLayer: 0 },
  { temporalLayer: 2, layerSync: true },
  { temporalLayer: 1, layerSync: true },
  { temporalLayer: 2 },
] as const;

function watching(): { world: MediaWorld; publisher: Publisher; viewer: Viewer; other: Viewer } {
  const world = new MediaWorld();
  const publisher = world.publisher();
  const [viewer, other] = [world.viewer(), world.viewer()];
  world.hub.setSource(publisher.source);
  return { world, publisher, viewer, other };
}

/** Groups of four pictures; the first one of them all is a key frame. */
function play(world: MediaWorld, publisher: Publisher, groups: number, { isKey = true } = {}): void {
  for (let group = 0; group < groups; group++) {
    for (const [at, layers] of PATTERN.entries()) {
      publisher.publish({ ...layers, key: isKey && group === 0 && at === 0 });
      world.advance(FRAME_MS);
    }
  }
}

function layersOf(viewer: Viewer): number[] {
  return viewer.packets.map(({ bytes }) => (bytes[17] ?? 0) >>> 6);
}

function expectNoGaps({ packets }: Viewer): void {
  packets.slice(1).forEach((packet, i) => {
    const before = packets[i];
    expect(packet.sequence - (before?.sequence ?? 0)).toBe(1);
    expect([0, 1]).toContain(packet.pictureId - (before?.pictureId ?? 0));
    expect([0, 1]).toContain(packet.tl0 - (before?.tl0 ?? 0));
  });
}

describe('a viewer of a slow link', () => {
  test.each([0, 1])('[M2.1] gets no layer above %i, without a gap in any number', (most) => {
    const { world, publisher, viewer, other } = watching();
    play(world, publisher, 2);
    viewer.sink.limit({ bestLayer: 0, maxTemporalLayer: most, isClosed: false });
    play(world, publisher, 20, { isKey: false });
    const limited = layersOf(viewer).slice(16);
    expect(Math.max(...limited)).toBe(most);
    expect(limited).toHaveLength(20 * 2 * (most + 1));
    expectNoGaps(viewer);
    expect(other.packets).toHaveLength(22 * 8);
    expectNoGaps(other);
    expect(viewer.sink.stats()).toMatchObject({ temporalLayer: most, drops: { 'nack-unknown': 0 } });
    expect(viewer.sink.stats().leftOutBytes).toBeGreaterThan(0);
  });

  test('[M2.1] can have packets again by the numbers that it saw', () => {
    const { world, publisher, viewer } = watching();
    play(world, publisher, 2);
    viewer.sink.limit({ bestLayer: 0, maxTemporalLayer: 1, isClosed: false });
    play(world, publisher, 10, { isKey: false });
    const sent = [...viewer.packets];
    const lost = [sent.at(-20), sent.at(-9), sent.at(-1)].flatMap((packet) => packet ?? []);
    const numbers = lost.map(({ sequence }) => sequence);
    deliverRtcp(viewer.sink, writeNack(9, viewer.sink.ssrc, numbers));
    expect(viewer.packets.slice(sent.length).map(({ bytes }) => bytes)).toEqual(
      lost.map(({ bytes }) => bytes),
    );
  });

  test('[M2.1] goes up again at a picture that needs nothing of what it missed', () => {
    const { world, publisher, viewer } = watching();
    play(world, publisher, 2);
    viewer.sink.limit({ bestLayer: 0, maxTemporalLayer: 0, isClosed: false });
    play(world, publisher, 2, { isKey: false });
    viewer.sink.limit(NO_LIMIT);
    const before = viewer.packets.length;
    for (const temporalLayer of [0, 2, 1, 2]) publisher.publish({ temporalLayer });
    expect(layersOf(viewer).slice(before)).toEqual([0, 0]);
    play(world, publisher, 2, { isKey: false });
    expect(new Set(layersOf(viewer).slice(before))).toEqual(new Set([0, 1, 2]));
    expectNoGaps(viewer);
  });

  test('[M2.1] that carries no video gets none, asks nobody for a key frame, and starts at the next one', () => {
    const { world, publisher, viewer, other } = watching();
    play(world, publisher, 2);
    const asked = publisher.source.stats().keyFrameRequests;
    viewer.sink.limit({ bestLayer: 0, maxTemporalLayer: 0, isClosed: true });
    const before = viewer.packets.length;
    play(world, publisher, 2);
    deliverRtcp(viewer.sink, writePictureLoss(9, viewer.sink.ssrc));
    expect(viewer.packets).toHaveLength(before);
    expect(viewer.sink.stats().temporalLayer).toBe(-1);
    viewer.sink.limit(NO_LIMIT);
    play(world, publisher, 2, { isKey: false });
    expect(viewer.packets).toHaveLength(before);
    play(world, publisher, 2);
    expect(viewer.packets).toHaveLength(before + 16);
    expect(viewer.packets[before]?.startsKeyFrame).toBe(true);
    expectNoGaps(viewer);
    expect(publisher.source.stats().keyFrameRequests).toBe(asked);
    expect(other.packets).toHaveLength(8 * 8);
  });

  test('[M2.1] packets that come late keep the numbers that were kept for them', () => {
    const { world, publisher, viewer } = watching();
    play(world, publisher, 2);
    viewer.sink.limit({ bestLayer: 0, maxTemporalLayer: 1, isClosed: false });
    const frames = [...PATTERN, ...PATTERN].map((layers) => publisher.frame(layers));
    const late = frames[4]?.[1];
    if (late === undefined) throw new Error('no packet');
    for (const packet of frames.flat()) if (packet !== late) publisher.source.takeRtp(packet);
    publisher.source.takeRtp(late);
    const numbers = viewer.packets.map(({ sequence }) => sequence);
    expect(numbers.toSorted((a, b) => a - b)).toEqual(numbers.map((_, i) => (numbers[0] ?? 0) + i));
    expect(numbers.at(-1)).toBeLessThan(Math.max(...numbers));
  });
});
