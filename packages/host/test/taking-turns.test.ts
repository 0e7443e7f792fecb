import { expect, test } from 'vitest';
import { turn, VirtualClock } from '../src/conformance/virtual-clock.ts';
import { takingTurns } from '../src/taking-turns.ts';

test('a crowd is dealt with in its order, one in a turn', () => {
  const clock = new VirtualClock();
  const turns = takingTurns(clock);
  const done: number[] = [];
  for (let i = 0; i < 3; i++) turns.take(() => done.push(i));
  expect(done).toEqual([]);
  expect(clock.pending).toBe(1);

  clock.advance(1);

  expect(done).toEqual([0, 1, 2]);
  expect(clock.fired).toBe(3);
  expect(clock.pending).toBe(0);
});

test('one that comes later, or from within another, gets its turn as well', () => {
  const clock = new VirtualClock();
  const turns = takingTurns(clock);
  const done: string[] = [];
  turns.take(() => {
    done.push('first');
    turns.take(() => done.push('from within'));
  });
  clock.advance(1);
  turns.take(() => done.push('later'));
  clock.advance(1);

  expect(done).toEqual(['first', 'from within', 'later']);
});

test('other events of the process come in between', async () => {
  const turns = takingTurns();
  const seen: string[] = [];
  for (let i = 0; i < 3; i++) {
    turns.take(() => {
      seen.push('turn');
      setTimeout(() => seen.push('other'), 0);
    });
  }
  while (seen.length < 6) await turn(1);

  expect(seen.lastIndexOf('turn')).toBeGreaterThan(seen.indexOf('other'));
});
