import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BitrateGuard } from '../../src/media/bitrate-guard.ts';

const LIMIT_BPS = 8_000;

test('bursts between quiet seconds are left alone, whatever their size', () => {
  const second = fc.record({ bytes: fc.nat(1e6), isQuiet: fc.boolean() });
  fc.assert(
    fc.property(fc.array(second, { maxLength: 50 }), (seconds) => {
      const guard = new BitrateGuard(LIMIT_BPS, 0);
      let [sum, now, inARow] = [0, 0, 0];
      for (const { bytes, isQuiet } of seconds) {
        const isForcedQuiet = inARow === 4;
        const sent = isQuiet || isForcedQuiet ? Math.min(bytes, 2_000) : bytes;
        inARow = sent > 2_000 ? inARow + 1 : 0;
        sum += sent;
        now += 1_000;
        expect(guard.measure(sum, now)).toBe(false);
      }
    }),
  );
});

test('more than twice the limit for five measurements is too much', () => {
  const guard = new BitrateGuard(LIMIT_BPS, 0);
  const verdicts = Array.from({ length: 6 }, (_, index) =>
    guard.measure(2_001 * (index + 1), 1_000 * (index + 1)),
  );
  expect(verdicts).toEqual([false, false, false, false, true, true]);
});
