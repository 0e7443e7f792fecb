import { describe, expect, test } from 'vitest';
import { SourceFeed } from '../../src/media/source-feed.ts';
import { expectContinuous, FRAME_MS, MediaWorld, requestsOf, type Publisher } from './media-world.ts';

function feedOf(world: MediaWorld, ...publishers: Publisher[]): SourceFeed {
  const feed = new SourceFeed({ hub: world.hub, now: () => world.now });
  feed.open(publishers.map(({ source }) => source));
  return feed;
}

describe('a parent that is not played', () => {
  test('feeds nobody, whatever it sends', () => {
    const world = new MediaWorld();
    const [publisher, viewer] = [world.publisher(), world.viewer()];
    feedOf(world, publisher);
    world.stream(publisher, 10);

    expect(viewer.packets).toEqual([]);
    expect(world.hub.streams()).toEqual([]);
  });

  test('tells of its first key frame, once, when one is expected', () => {
    const world = new MediaWorld();
    const publisher = world.publisher();
    const feed = feedOf(world, publisher);
    let flowing = 0;
    feed.onFlowing = () => flowing++;
    world.stream(publisher, 3, { keyEvery: 1 });
    expect(flowing).toBe(0);

    feed.expect();
    publisher.publish({ key: false });
    expect(flowing).toBe(0);
    publisher.publish({ key: true });
    publisher.publish({ key: true });

    expect(flowing).toBe(1);
  });

  test('is asked for a key frame when none comes, and not before', () => {
    const world = new MediaWorld();
    const publisher = world.publisher();
    const feed = feedOf(world, publisher);
    feed.expect();
    feed.tick(world.now + 200);
    expect(requestsOf(publisher)).toBe(0);
    feed.tick(world.now + 260);
    expect(requestsOf(publisher)).toBe(1);
  });

  test('without video tells of its first packet', () => {
    const world = new MediaWorld();
    const sound = world.publisher('audio');
    const feed = feedOf(world, sound);
    let flowing = 0;
    feed.onFlowing = () => flowing++;
    feed.expect();
    sound.publish({ packets: 1 });

    expect(flowing).toBe(1);
  });
});

describe('a parent that is played', () => {
  test('as soon as its key frame comes feeds the hub with that very key frame, each packet once', () => {
    const world = new MediaWorld();
    const [publisher, viewer] = [world.publisher(), world.viewer()];
    const feed = feedOf(world, publisher);
    feed.onFlowing = () => feed.play(true);
    feed.expect();
    world.stream(publisher, 5, { keyEvery: 50 });

    expect(viewer.packets).toHaveLength(10);
    expectContinuous(viewer.packets);
    expect(requestsOf(publisher)).toBe(0);
  });

  test('takes the place of another without a gap in the numbers, and that one feeds nobody any more', () => {
    const world = new MediaWorld();
    const [old, next, viewer] = [world.publisher(), world.publisher(), world.viewer()];
    const [oldFeed, nextFeed] = [feedOf(world, old), feedOf(world, next)];
    oldFeed.play(true);
    world.stream(old, 5);
    nextFeed.onFlowing = () => {
      nextFeed.play(true);
      oldFeed.play(false);
    };
    nextFeed.expect();
    for (let frame = 0; frame < 6; frame++) {
      old.publish();
      next.publish({ key: frame === 2 });
      world.advance(FRAME_MS);
    }

    // Five and three frames of the one, and four of the other from its key frame on.
    expect(viewer.packets).toHaveLength(2 * (5 + 3 + 4));
    expectContinuous(viewer.packets);
  });

  test('may have sent its key frame before it is chosen', () => {
    const world = new MediaWorld();
    const [publisher, viewer] = [world.publisher(), world.viewer()];
    const feed = feedOf(world, publisher);
    feed.expect();
    world.stream(publisher, 5, { keyEvery: 50 });
    expect(viewer.packets).toEqual([]);

    feed.play(true);

    expect(viewer.packets).toHaveLength(10);
  });

  test('counts what came, and what did not', () => {
    const world = new MediaWorld();
    const publisher = world.publisher();
    const feed = feedOf(world, publisher);
    feed.play(true);
    world.stream(publisher, 10);
    expect(feed.takeArrivals()).toMatchObject({ expected: 20, received: 20 });
    publisher.sequence += 5;
    world.stream(publisher, 5);

    expect(feed.takeArrivals()).toMatchObject({ expected: 15, received: 10 });
    expect(feed.takeArrivals()).toMatchObject({ expected: 0, received: 0 });
  });

  test('that is closed feeds nobody', () => {
    const world = new MediaWorld();
    const [publisher, viewer] = [world.publisher(), world.viewer()];
    const feed = feedOf(world, publisher);
    feed.play(true);
    world.stream(publisher, 2);
    feed.close();
    publisher.publish();

    expect(viewer.packets).toHaveLength(4);
    expect(world.hub.streams()).toEqual([]);
  });
});

describe('a viewer that pauses', () => {
  test('is sent nothing, and starts at the last key frame when it goes on', () => {
    const world = new MediaWorld();
    const [publisher, viewer] = [world.publisher(), world.viewer()];
    world.hub.setSource(publisher.source);
    world.stream(publisher, 5);
    world.hub.removeSink(viewer.sink);
    viewer.sink.pause();
    const before = viewer.packets.length;
    world.stream(publisher, 10, { keyEvery: 5 });
    expect(viewer.packets).toHaveLength(before);

    world.hub.addSink(viewer.sink);
    viewer.sink.open();
    world.advance(FRAME_MS);

    expect(viewer.packets.length).toBeGreaterThan(before);
    expect(viewer.packets[before]?.startsKeyFrame).toBe(true);
    expectContinuous(viewer.packets);
  });

  test('for a moment is not sent the past again', () => {
    const world = new MediaWorld();
    const [publisher, viewer] = [world.publisher(), world.viewer()];
    world.hub.setSource(publisher.source);
    world.stream(publisher, 5, { keyEvery: 50 });
    world.hub.removeSink(viewer.sink);
    viewer.sink.pause();
    const before = viewer.packets.length;
    world.hub.addSink(viewer.sink);
    viewer.sink.open();

    expect(viewer.packets).toHaveLength(before);
    expect(requestsOf(publisher)).toBeGreaterThan(0);
  });
});
