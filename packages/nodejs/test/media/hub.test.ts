import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { writeNack, writePictureLoss } from '../../src/media/rtcp-writer.ts';
import { FRAME_MS, MediaWorld, deliverRtcp, expectContinuous, requestsOf } from './media-world.ts';
import type { Viewer } from './media-world.ts';

describe('instant start', () => {
  test('a joiner gets everything since the last key frame, then the live stream, without asking upstream', () => {
    const world = new MediaWorld();
    const publisher = world.publisher();
    world.hub.setSource(publisher.source);
    world.viewer();
    world.stream(publisher, 30, { packets: 5 });
    const asked = requestsOf(publisher);
    const late = world.viewer();
    expect(late.packets).toHaveLength(32);
    expect(late.packets[0]?.startsKeyFrame).toBe(true);
    world.stream(publisher, 10, { packets: 5, keyEvery: 100 });
    expectContinuous(late.packets);
    expect(late.packets).toHaveLength(200);
    expect(late.sink.state).toBe('flowing');
    expect(requestsOf(publisher)).toBe(asked);
  });

  test('it catches up in a bounded burst, at a multiple of real time', () => {
    const world = new MediaWorld();
    const publisher = world.publisher();
    world.hub.setSource(publisher.source);
    world.stream(publisher, 45, { packets: 12 });
    const joinedAt = world.now;
    const late = world.viewer();
    expect(late.packets).toHaveLength(32);
    let caughtUpAt = 0;
    while (caughtUpAt === 0) {
      publisher.publish({ packets: 12 });
      world.advance(FRAME_MS);
      if (late.sink.state === 'flowing') caughtUpAt = world.now;
    }
    expect(caughtUpAt - joinedAt).toBeLessThan(250);
    expectContinuous(late.packets);
  });

  test('it catches up even when nothing more arrives', () => {
    const world = new MediaWorld();
    const publisher = world.publisher();
    world.hub.setSource(publisher.source);
    world.stream(publisher, 40, { packets: 3 });
    const late = world.viewer();
    world.advance(500);
    expect(late.packets).toHaveLength(120);
  });

  test('when the key frame is too old, one is asked for instead', () => {
    const world = new MediaWorld();
    const publisher = world.publisher();
    world.hub.setSource(publisher.source);
    world.stream(publisher, 60);
    const late = world.viewer();
    expect(late.packets).toEqual([]);
    expect(requestsOf(publisher)).toBe(1);
    publisher.publish({ key: true });
    expect(late.packets).toHaveLength(2);
  });

  test('a sink that opens late starts when it opens', () => {
    const world = new MediaWorld();
    const publisher = world.publisher();
    world.hub.setSource(publisher.source);
    const viewer = world.viewer('video', { isOpen: false });
    world.stream(publisher, 5);
    viewer.sink.open();
    expect(viewer.packets).toHaveLength(10);
    expect(viewer.packets[0]?.startsKeyFrame).toBe(true);
  });

  test('a key frame whose first packet was lost is a start once it is repeated', () => {
    const world = new MediaWorld();
    const publisher = world.publisher();
    world.hub.setSource(publisher.source);
    const viewer = world.viewer();
    const [first, ...rest] = publisher.frame({ key: true, packets: 4 });
    const [before] = world.publisher().frame();
    before?.writeUInt16BE(999, 2);
    publisher.source.takeRtp(before ?? Buffer.alloc(0));
    for (const packet of rest) publisher.source.takeRtp(packet);
    expect(viewer.packets).toEqual([]);
    publisher.source.takeRtp(first ?? Buffer.alloc(0));
    expect(viewer.packets).toHaveLength(4);
    publisher.publish();
    expectContinuous(viewer.packets);
  });

  test('sound starts with the next packet', () => {
    const world = new MediaWorld();
    const publisher = world.publisher('audio');
    world.hub.setSource(publisher.source);
    world.stream(publisher, 30, { packets: 1 });
    const late = world.viewer('audio');
    expect(late.packets).toEqual([]);
    publisher.publish({ packets: 1 });
    expect(late.packets).toHaveLength(1);
  });
});

describe('change of source', () => {
  test('a streamer that reconnects goes on in the numbers that its viewers know', () => {
    const world = new MediaWorld();
    const first = world.publisher();
    const viewers = [world.viewer(), world.viewer(), world.viewer()];
    world.hub.setSource(first.source);
    world.stream(first, 10);
    world.hub.removeSource(first.source);
    first.source.close();
    world.advance(300);
    const second = world.publisher('video', {
      sequence: 60_000,
      timestamp: 4_000_000_000,
      pictureId: 5,
      tl0: 250,
    });
    world.hub.setSource(second.source);
    second.publish();
    world.stream(second, 20);
    for (const { packets } of viewers) {
      expect(packets).toHaveLength(60);
      expectContinuous(packets);
      // The gap in time is the gap in timestamps.
      const elapsed = ((packets[20]?.timestamp ?? 0) - (packets[19]?.timestamp ?? 0)) / 90;
      expect(elapsed).toBeCloseTo((packets[20]?.at ?? 0) - (packets[19]?.at ?? 0), 0);
    }
  });

  test('while the old source delivers, the new one takes over at its key frame', () => {
    const world = new MediaWorld();
    const old = world.publisher();
    const viewer = world.viewer();
    world.hub.setSource(old.source);
    world.stream(old, 5);
    const next = world.publisher('video', { sequence: 7, timestamp: 9, pictureId: 1000, tl0: 3 });
    world.hub.setSource(next.source);
    expect(requestsOf(next)).toBe(1);
    for (let frame = 0; frame < 4; frame += 1) {
      old.publish();
      next.publish({ key: frame === 3 });
      world.advance(FRAME_MS);
    }
    expect(world.events.filter(({ type }) => type === 'replaced')).toEqual([
      { type: 'replaced', key: { kind: 'video', layer: 0 }, source: old.source },
    ]);
    world.stream(next, 5, { keyEvery: 50 });
    old.publish();
    expect(viewer.packets).toHaveLength(10 + 8 + 2 + 10);
    expectContinuous(viewer.packets);
  });

  test('an old source that is dead does not hold up the new one', () => {
    const world = new MediaWorld();
    const old = world.publisher();
    const viewer = world.viewer();
    world.hub.setSource(old.source);
    world.stream(old, 5);
    const next = world.publisher();
    world.hub.setSource(next.source);
    world.hub.removeSource(old.source);
    world.stream(next, 5);
    expect(viewer.packets).toHaveLength(20);
    expectContinuous(viewer.packets);
  });

  test('joiners during the change start on the new source', () => {
    const world = new MediaWorld();
    const old = world.publisher();
    world.hub.setSource(old.source);
    world.stream(old, 5);
    const next = world.publisher();
    world.hub.setSource(next.source);
    next.publish({ key: true });
    world.advance(FRAME_MS);
    const joiner = world.viewer();
    world.stream(next, 5, { keyEvery: 50 });
    expect(joiner.packets).toHaveLength(12);
    expectContinuous(joiner.packets);
  });

  test('packets of the old source are not sent again under the new numbers', () => {
    const world = new MediaWorld();
    const old = world.publisher();
    const viewer = world.viewer();
    world.hub.setSource(old.source);
    world.stream(old, 5);
    const last = viewer.packets.at(-1)?.sequence ?? 0;
    world.hub.removeSource(old.source);
    const next = world.publisher();
    world.hub.setSource(next.source);
    world.stream(next, 5);
    deliverRtcp(viewer.sink, writeNack(1, viewer.sink.ssrc, [last]));
    expect(viewer.sink.stats().drops['nack-unknown']).toBe(1);
  });

  test('whatever is lost, repeated or replaced, a viewer sees numbers without a jump', () => {
    const step = fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom('frame', 'key', 'nothing') },
      { weight: 1, arbitrary: fc.constantFrom('replace', 'remove', 'restart', 'stall', 'join') },
    );
    fc.assert(
      fc.property(fc.array(step, { minLength: 10, maxLength: 120 }), fc.nat(0xffff), (steps, seed) => {
        const world = new MediaWorld();
        let publisher = world.publisher('video', { sequence: seed });
        world.hub.setSource(publisher.source);
        const viewers: Viewer[] = [world.viewer()];
        let random = seed;
        for (const [index, action] of steps.entries()) {
          random = (random * 1_103_515_245 + 12_345) % 2 ** 31;
          if (action === 'replace' || action === 'remove') {
            if (action === 'remove') world.hub.removeSource(publisher.source);
            publisher = world.publisher('video', {
              sequence: random,
              timestamp: random * 2,
              pictureId: random & 0x7fff,
              tl0: index,
            });
            world.hub.setSource(publisher.source);
          } else if (action === 'restart') publisher.sequence += 20_000;
          else if (action === 'stall') world.stall(500);
          else if (action === 'join' && viewers.length < 5) viewers.push(world.viewer());
          else if (action !== 'nothing')
            publisher.publish({ key: action === 'key', packets: 1 + (random % 4) });
          world.advance(FRAME_MS);
        }
        for (const { packets, sink } of viewers) {
          expect(packets[0]?.startsKeyFrame ?? true).toBe(true);
          for (const [index, packet] of packets.slice(1).entries()) {
            const before = packets[index];
            expect((packet.sequence - (before?.sequence ?? 0)) & 0xffff).toBe(1);
            expect((packet.timestamp - (before?.timestamp ?? 0)) | 0).toBeGreaterThanOrEqual(0);
          }
          expect(sink.stats().packets).toBe(packets.length);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('the hub', () => {
  test('merges the key frame requests of all viewers', () => {
    const world = new MediaWorld();
    const publisher = world.publisher();
    world.hub.setSource(publisher.source);
    const viewers = Array.from({ length: 10 }, () => world.viewer());
    world.stream(publisher, 5);
    const before = requestsOf(publisher);
    for (const viewer of viewers) deliverRtcp(viewer.sink, writePictureLoss(1, viewer.sink.ssrc));
    world.hub.requestKeyFrame({ kind: 'video', layer: 0 });
    expect(requestsOf(publisher)).toBe(before + 1);
    world.advance(240);
    expect(requestsOf(publisher)).toBe(before + 2);
    publisher.publish({ key: true });
    world.advance(400);
    expect(requestsOf(publisher)).toBe(before + 2);
  });

  test('keeps key frames young while somebody watches', () => {
    const world = new MediaWorld();
    const publisher = world.publisher();
    world.hub.setSource(publisher.source);
    world.stream(publisher, 70);
    expect(requestsOf(publisher)).toBe(0);
    world.viewer();
    world.stream(publisher, 1);
    const before = requestsOf(publisher);
    for (let frame = 0; frame < 60; frame += 1) {
      publisher.publish();
      world.advance(FRAME_MS);
    }
    expect(requestsOf(publisher)).toBe(before + 1);
  });

  test('tells when streams become live and fall silent, and lists them', () => {
    const world = new MediaWorld();
    const video = world.publisher();
    const audio = world.publisher('audio');
    world.hub.setSource(video.source);
    world.hub.setSource(audio.source);
    expect(world.hub.streams().map(({ isLive, lastUnitAt }) => [isLive, lastUnitAt])).toEqual([
      [false, null],
      [false, null],
    ]);
    world.stream(video, 3);
    const [report] = world.hub.streams();
    expect(report).toMatchObject({
      key: { kind: 'video', layer: 0 },
      isLive: true,
      packets: 6,
      keyFrames: 1,
      lastKeyFrameAt: 1000,
      lastUnitAt: 1080,
      viewers: 0,
    });
    world.hub.silenceMs = 500;
    world.advance(600);
    expect(world.events).toEqual([
      { type: 'live', key: { kind: 'video', layer: 0 } },
      { type: 'silent', key: { kind: 'video', layer: 0 } },
    ]);
    world.stream(video, 1);
    expect(world.events).toHaveLength(3);
  });

  test('keeps layers apart', () => {
    const world = new MediaWorld();
    const high = world.publisher('video', {}, 0);
    const low = world.publisher('video', {}, 1);
    world.hub.setSource(high.source);
    world.hub.setSource(low.source);
    const viewer = world.viewer('video', { layer: 1 });
    world.stream(high, 3);
    expect(viewer.packets).toEqual([]);
    world.stream(low, 3);
    expect(viewer.packets).toHaveLength(6);
  });

  test('lets go of everything', () => {
    const world = new MediaWorld();
    const publisher = world.publisher();
    const viewer = world.viewer();
    world.hub.setSource(publisher.source);
    world.hub.removeSink(viewer.sink);
    world.hub.removeSink(viewer.sink);
    publisher.publish({ key: true });
    expect(viewer.packets).toEqual([]);
    world.hub.removeSource(publisher.source);
    expect(world.hub.streams()).toEqual([]);
    world.hub.close();
    world.hub.close();
    expect(publisher.source.onUnit).toBe(null);
  });
});
