import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { EventQueue } from '../src/engine/event-queue.ts';

interface Taken {
  readonly time: number;
  readonly index: number;
}

function drain(queue: EventQueue<object, object>): Taken[] {
  const taken: Taken[] = [];
  while (queue.take()) taken.push({ time: queue.time, index: queue.index });
  return taken;
}

/** Times of a few milliseconds, of many pages, and beyond the last list. */
const times = fc.oneof(
  fc.double({ min: 0, max: 10, noNaN: true }),
  fc.integer({ min: 0, max: 20_000 }),
  fc.double({ min: 0, max: 4e7, noNaN: true }),
);

test('events come in the order of time, those of one instant in the order of their adding', () => {
  fc.assert(
    fc.property(fc.array(times, { maxLength: 300 }), (all) => {
      const queue = new EventQueue();
      all.forEach((time, index) => queue.add(time, 0, index));
      const sorted = all
        .map((time, index) => ({ time, index }))
        .sort((a, b) => a.time - b.time || a.index - b.index);
      expect(drain(queue)).toEqual(sorted);
      expect(queue.size).toBe(0);
    }),
  );
});

test('what is added while events are taken finds its place', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(times, times), { minLength: 1, maxLength: 200 }), (pairs) => {
      const queue = new EventQueue();
      const expected: number[] = [];
      pairs.forEach(([time], index) => queue.add(time, 0, index));
      const taken: number[] = [];
      while (queue.take()) {
        taken.push(queue.time);
        const later = pairs[queue.index]?.[1];
        if (queue.kind === 0 && later !== undefined) queue.add(queue.time + later, 1, queue.index);
      }
      for (const [time, later] of pairs) expected.push(time, time + later);
      expect(taken).toEqual(expected.sort((a, b) => a - b));
    }),
  );
});

test('an event that is due in the past is due at once', () => {
  const queue = new EventQueue();
  queue.add(100, 0, 1);
  queue.take();
  queue.add(50, 0, 2);
  queue.add(100.5, 0, 3);

  expect(drain(queue)).toEqual([
    { time: 100, index: 2 },
    { time: 100.5, index: 3 },
  ]);
});

test('an event brings what was added with it, and the queue lets go of it', () => {
  const queue = new EventQueue<{ name: string }, { word: string }>();
  queue.add(1, 7, 11, 13, { name: 'link' }, { word: 'state' });
  queue.add(2, 8, 12);

  queue.take();
  expect([queue.kind, queue.index, queue.serial, queue.subject, queue.message]).toEqual([
    7,
    11,
    13,
    { name: 'link' },
    { word: 'state' },
  ]);
  queue.take();
  expect([queue.kind, queue.subject, queue.message]).toEqual([8, null, null]);
  expect(queue.take()).toBe(false);
});
