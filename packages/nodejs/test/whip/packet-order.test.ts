/** Packets of a publisher in the order in which they were sent. */

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createPacketRing, type PacketRing } from '../../src/media/packet-ring.ts';
import { PacketOrder } from '../../src/whip/packet-order.ts';

const WAIT_MS = 100;

class OrderWorld {
  now = 1_000;
  readonly out: number[] = [];
  lost = 0;
  ring: PacketRing = createPacketRing();
  readonly order = new PacketOrder({
    maxWaitMs: WAIT_MS,
    onPacket: ({ sequence }) => this.out.push(sequence),
    onLost: (packets) => (this.lost += packets),
  });

  arrive(sequence: number): void {
    const packet = this.ring.claim(sequence);
    if (packet !== null) this.order.take(packet, this.now);
  }

  wait(ms: number): void {
    this.now += ms;
    this.order.tick(this.now);
  }
}

test('any order comes out in order, and nothing is lost', () => {
  const positions = fc.array(fc.nat(100), { minLength: 60, maxLength: 60 });
  fc.assert(
    fc.property(positions, (keys) => {
      const world = new OrderWorld();
      world.arrive(100);
      const sent = keys.map((key, index) => ({ key, sequence: 101 + index }));
      for (const { sequence } of sent.toSorted((a, b) => a.key - b.key)) world.arrive(sequence);
      expect(world.out).toEqual(Array.from({ length: 61 }, (_, index) => 100 + index));
      expect(world.lost).toBe(0);
    }),
  );
});

test('what is missing is waited for, and no longer than that', () => {
  const world = new OrderWorld();
  world.arrive(1);
  world.arrive(4);
  world.wait(WAIT_MS - 1);
  expect(world.out).toEqual([1]);
  world.wait(1);
  expect(world.out).toEqual([1, 4]);
  expect(world.lost).toBe(2);
  world.arrive(2);
  expect(world.out).toEqual([1, 4]);
});

test('each gap has its own time', () => {
  const world = new OrderWorld();
  world.arrive(1);
  world.arrive(3);
  world.wait(WAIT_MS / 2);
  world.arrive(5);
  world.arrive(2);
  expect(world.out).toEqual([1, 2, 3]);
  world.wait(WAIT_MS - 1);
  expect(world.out).toEqual([1, 2, 3]);
  world.wait(1);
  expect(world.out).toEqual([1, 2, 3, 5]);
  expect(world.lost).toBe(1);
});

test('a stream that goes on without what is missing is not held back for ever', () => {
  const world = new OrderWorld();
  world.arrive(1);
  for (let sequence = 3; sequence < 3 + 1024; sequence += 1) world.arrive(sequence);
  expect(world.out.length).toBe(1025);
  expect(world.lost).toBe(1);
});

test('a stream that starts over begins where it does', () => {
  const world = new OrderWorld();
  world.arrive(500);
  world.arrive(502);
  world.ring = createPacketRing();
  world.arrive(7);
  world.arrive(8);
  expect(world.out).toEqual([500, 7, 8]);
  world.wait(10 * WAIT_MS);
  expect(world.lost).toBe(0);
});
