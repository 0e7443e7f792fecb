/** Peers that ask each other whom they are linked to. */

import { describe, expect, test } from 'vitest';
import { NeighbourWorld, type TestNeighbour } from './neighbour-world.ts';

/** A streamer above two peers that forward, and one below both of them. */
async function diamond() {
  const world = new NeighbourWorld({ latencyMs: 10 });
  const [root, left, right, below] = await world.people('root', 'left', 'right', 'below');
  for (const child of [left, right]) await world.link(root, child);
  for (const parent of [left, right]) await world.link(parent, below);
  root.stand([], { delayMs: 0 });
  left.stand([root]);
  right.stand([root]);
  below.stand([root, left]);
  world.clock.advance(2_000);
  return { world, root, left, right, below };
}

function seek(world: NeighbourWorld, asking: TestNeighbour, layers = 0b001) {
  return world.outcome(asking.neighbours.seek(layers));
}

describe('[K9.4] a peer that looks for a parent', () => {
  test('hears of those that its neighbours are linked to, and not of those that it is linked to itself', async () => {
    const { world, root, left, right, below } = await diamond();

    expect(await seek(world, below)).toEqual([
      {
        peerId: root.id,
        addresses: [],
        offer: { kind: 'browser', depth: 0, delayMs: 0, freeSlots: 2, ageS: 60, layers: 0b001 },
      },
    ]);
    // What stands below the asker cannot be above it.
    expect((await seek(world, left)).map(({ peerId }) => peerId)).toEqual([right.id]);
  });

  test('knows where they stand without a probe, and how long the way is', async () => {
    const { world, root, left, below } = await diamond();
    await seek(world, below);
    const probed = await below.neighbours.probe(root.id);

    expect(probed?.standing).toEqual({
      kind: 'browser',
      depth: 0,
      delayMs: 0,
      freeSlots: 2,
      ageS: 60,
      layers: 0b001,
      path: root.links.values().next().value?.advertised?.path,
      epoch: 7,
      flowing: true,
    });
    const rttMs = (left.linkTo(below).rttMs ?? 0) + (left.linkTo(root).rttMs ?? 0);
    expect(probed?.rttMs).toBeCloseTo(rttMs, -1);
  });

  test('asks again for what is older than 2 s, and hears that a place is taken', async () => {
    const { world, root, below } = await diamond();
    await seek(world, below);
    root.stand([], { freeSlots: 0, delayMs: 0 });
    world.clock.advance(1_900);
    expect((await below.neighbours.probe(root.id))?.standing?.freeSlots).toBe(2);
    world.clock.advance(200);

    const probed = await world.outcome(below.neighbours.probe(root.id));
    expect(probed?.standing?.freeSlots).toBe(0);
  });

  test('that nobody knows of is told so, and so is one without neighbours', async () => {
    const { world, below } = await diamond();
    const stranger = await world.peer();

    expect(await world.outcome(below.neighbours.probe(stranger.id))).toBeNull();
    expect(await seek(world, stranger)).toEqual([]);
    expect(await world.outcome(stranger.neighbours.probe(below.id))).toBeNull();
  });

  test('wants other layers, and hears of nobody', async () => {
    const { world, below } = await diamond();

    expect(await seek(world, below, 0b100)).toEqual([]);
  });

  test('waits no longer than a second for a neighbour that does not answer', async () => {
    const { world, left, right, below } = await diamond();
    left.intercept = right.intercept = ({ type }) => type === 'neighbours-wanted';
    const before = world.clock.now();

    expect(await seek(world, below)).toEqual([]);
    expect(world.clock.now() - before).toBeLessThan(1_100);
  });

  test('waits for nobody who vanishes', async () => {
    const { world, root, left, right, below } = await diamond();
    left.intercept = ({ type }) => type === 'neighbours-wanted';
    const seeking = below.neighbours.seek(0b001);
    const before = world.clock.now();
    left.die();

    expect((await world.outcome(seeking)).map(({ peerId }) => peerId)).toEqual([root.id]);
    expect(world.clock.now() - before).toBeLessThan(200);
    expect([...right.links]).toHaveLength(2);
  });

  test('reaches those that were named, as long as who named them is there', async () => {
    const { world, root, left, right, below } = await diamond();
    expect(below.neighbours.reaches(root.id)).toBe(false);
    await seek(world, below);
    expect(below.neighbours.reaches(root.id)).toBe(true);
    left.die();
    world.clock.advance(100);
    expect(below.neighbours.reaches(root.id)).toBe(true);
    const { end } = await below.ask(root);
    await world.until(() => end.control.isOpen, 'the link');
    right.die();
    world.clock.advance(100);

    expect(below.neighbours.reaches(root.id)).toBe(false);
    expect(root.joins).toMatchObject([{ from: below.id }]);
  });

  test('asks a neighbour over the link that named it alone', async () => {
    const { world, root, left, right, below } = await diamond();
    right.intercept = ({ type }) => type === 'neighbours-wanted';
    await seek(world, below);
    await below.ask(root);

    expect(left.signals.length).toBeGreaterThan(0);
    expect(right.signals).toEqual([]);
  });
});

describe('a peer that is asked', () => {
  test('[K9.2] names nobody who is silent or has left', async () => {
    const { world, root, left, right, below } = await diamond();
    root.linkTo(left).end.close();
    world.clock.advance(50);
    right.linkTo(root).close();

    expect(await seek(world, below)).toEqual([]);
  });

  test('[K6.7] tells where those are reached that have told it', async () => {
    const { world, root, left, below } = await diamond();
    const addresses = ['/ip4/192.0.2.1/tcp/1/ws'];
    root.linkTo(left).send({ type: 'addresses', addresses });
    world.clock.advance(50);

    expect((await seek(world, below))[0]?.addresses).toEqual(addresses);
  });
});
