import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ahead } from '../../src/hub/hub-frame.ts';
import { CaptureDelay, SyncShift } from '../../src/hub/sync-shift.ts';
import { CAPTURE_START as START } from './frames.ts';

const TICKS_PER_MS = 90;
const DUMMY_MS = 100;

/** A sender's dummy track: its frames leave the encoder a little after its clock's time, the quickest at once. */
interface Dummy {
  /** Ticks of its clock at `START`. */
  readonly begin: number;
  /** By how much its clock is faster than that of the page. */
  readonly drift?: number;
  readonly delayMs?: (n: number) => number;
}

/** Shows the shift the dummy's frames up to `now`, and tells its clock. */
class DummyClock {
  readonly #shift: SyncShift;
  readonly #dummy: Dummy;
  #count = 0;

  constructor(shift: SyncShift, dummy: Dummy) {
    this.#shift = shift;
    this.#dummy = dummy;
  }

  at(ms: number): number {
    return this.#dummy.begin + (ms - START) * TICKS_PER_MS * (1 + (this.#dummy.drift ?? 0));
  }

  passUntil(now: number): void {
    for (; START + this.#count * DUMMY_MS <= now; this.#count++) {
      const at = START + this.#count * DUMMY_MS;
      const delay = this.#dummy.delayMs?.(this.#count) ?? 0;
      this.#shift.dummy(Math.round(this.at(at)) >>> 0, at + delay);
    }
  }
}

function sender(dummy: Dummy): { shift: SyncShift; clock: DummyClock } {
  const shift = new SyncShift();
  return { shift, clock: new DummyClock(shift, dummy) };
}

describe('[M1.3] a picture gets the timestamp', () => {
  test('of the dummy when sound that was captured with it is sent: (c + G - L) x 90', () => {
    const begins = fc.nat({ max: 2 ** 32 - 1 });
    const delays = fc.nat({ max: 5_000 });
    fc.assert(
      fc.property(begins, begins, delays, fc.nat({ max: 3_000 }), (begin, timestamp, delayMs, age) => {
        const { shift, clock } = sender({ begin });
        clock.passUntil(START + 500);
        const capturedAt = START + 500 - age;
        const sent = shift.apply(timestamp, capturedAt, delayMs, START + 500);
        expect(Math.abs(ahead(sent, clock.at(capturedAt + delayMs)))).toBeLessThanOrEqual(1);
      }),
      { numRuns: 100 },
    );
  });

  test('though most frames of the dummy wait in its encoder', () => {
    const { shift, clock } = sender({ begin: 1_000, delayMs: (n) => (n % 7 === 3 ? 0 : 40) });
    clock.passUntil(START + 2_000);
    expect(shift.apply(0, START + 1_900, 70, START + 2_000)).toBe(clock.at(START + 1_970));
  });

  test('that it has, while the clock of the sender is not known', () => {
    const shift = new SyncShift();
    expect(shift.isReady).toBe(false);
    expect(shift.apply(12_345, START, 50, START)).toBe(12_345);
    shift.dummy(0, START);
    expect(shift.isReady).toBe(true);
  });

  test('that it has, while nothing tells when it was captured or how long sound takes', () => {
    const { shift, clock } = sender({ begin: 1_000 });
    clock.passUntil(START);
    expect(shift.apply(12_345, null, 50, START)).toBe(12_345);
    expect(shift.apply(12_345, START, null, START)).toBe(12_345);
  });

  test('with the shift of those before it, if it does not tell when it was captured', () => {
    const { shift, clock } = sender({ begin: 1_000 });
    clock.passUntil(START);
    const first = shift.apply(12_345, START, 50, START);
    expect(shift.apply(12_345 + 3_000, null, 50, START + 33)).toBe(first + 3_000);
  });
});

interface Run {
  readonly dummy: Dummy;
  readonly seconds: number;
  readonly perSecond: number;
  readonly delayMs: (ms: number) => number;
  readonly timestamp?: number;
}

/** Sends pictures for some time. @returns The shift of each, unwrapped. */
function shifts({ dummy, seconds, perSecond, delayMs, timestamp = 0 }: Run): { ms: number; ticks: number }[] {
  const { shift, clock } = sender(dummy);
  const seen: { ms: number; ticks: number }[] = [];
  for (let n = 0; n < seconds * perSecond; n++) {
    const ms = (n * 1_000) / perSecond;
    clock.passUntil(START + ms);
    const own = (timestamp + Math.round(ms * TICKS_PER_MS)) >>> 0;
    const sent = shift.apply(own, Math.floor(START + ms - 100), delayMs(ms), START + ms);
    const last = seen.at(-1)?.ticks ?? ahead(sent, own);
    seen.push({ ms, ticks: last + ahead(ahead(sent, own), last) });
  }
  return seen;
}

describe('the shift', () => {
  test('is constant while the clocks agree, whatever the noise of less than 8 ms', () => {
    const noise = fc.array(fc.nat({ max: 6 }), { minLength: 10, maxLength: 10 });
    fc.assert(
      fc.property(noise, fc.nat({ max: 2 ** 32 - 1 }), (noise, begin) => {
        const delayMs = (ms: number): number => 100 + (noise[Math.floor(ms / 50) % noise.length] ?? 0);
        const seen = shifts({ dummy: { begin }, seconds: 40, perSecond: 30, delayMs });
        expect(new Set(seen.map(({ ticks }) => ticks)).size).toBe(1);
      }),
      { numRuns: 20 },
    );
  });

  test('goes on when timestamps and the clock of the sender begin again', () => {
    const tenSeconds = 10_000 * TICKS_PER_MS;
    const seen = shifts({
      dummy: { begin: 2 ** 32 - tenSeconds },
      timestamp: 2 ** 32 - 2 * tenSeconds,
      seconds: 40,
      perSecond: 30,
      delayMs: () => 100,
    });
    expect(new Set(seen.map(({ ticks }) => ticks))).toEqual(new Set([tenSeconds]));
  });

  test('follows clocks that drift apart, by at most 1 ms a second', () => {
    const drifts = fc.double({ min: -1e-4, max: 1e-4, noNaN: true });
    fc.assert(
      fc.property(drifts, fc.nat({ max: 2 ** 32 - 1 }), (drift, begin) => {
        const seen = shifts({ dummy: { begin, drift }, seconds: 300, perSecond: 10, delayMs: () => 100 });
        const first = seen[0]?.ticks ?? 0;
        for (const [i, { ms, ticks }] of seen.entries()) {
          const { ms: lastMs, ticks: lastTicks } = seen[i - 1] ?? { ms, ticks };
          expect(Math.abs(ticks - lastTicks)).toBeLessThanOrEqual(
            ((ms - lastMs) / 1_000) * TICKS_PER_MS + 0.5,
          );
          // Within the noise, and what drifts in the window in which the clock is measured.
          const drifted = ms * drift * TICKS_PER_MS;
          expect(Math.abs(ticks - first - drifted)).toBeLessThanOrEqual((8 + 2) * TICKS_PER_MS);
        }
      }),
      { numRuns: 20 },
    );
  });

  test.each([10, 24, 30, 60])('moves at most 1 ms a second with %i pictures a second', (perSecond) => {
    const delayMs = (ms: number): number => (ms < 1_000 ? 100 : 200);
    const seen = shifts({ dummy: { begin: 0 }, seconds: 31, perSecond, delayMs });
    const moved = (seen.at(-1)?.ticks ?? 0) - (seen[0]?.ticks ?? 0);
    expect(moved).toBeGreaterThan(28 * TICKS_PER_MS);
    expect(moved).toBeLessThanOrEqual(30 * TICKS_PER_MS + 1);
  });

  test('reaches what it follows, to less than 8 ms', () => {
    const delayMs = (ms: number): number => (ms < 1_000 ? 100 : 120);
    const seen = shifts({ dummy: { begin: 0 }, seconds: 40, perSecond: 30, delayMs });
    const moved = (seen.at(-1)?.ticks ?? 0) - (seen[0]?.ticks ?? 0);
    expect(Math.abs(moved - 20 * TICKS_PER_MS)).toBeLessThanOrEqual(8 * TICKS_PER_MS);
  });
});

describe('the delay from capture', () => {
  test('is not known before the first frame that tells when it was captured', () => {
    const delay = new CaptureDelay();
    delay.add({ kind: 'audio', capturedAt: null }, START);
    expect(delay.ms).toBeNull();
  });

  test('is the least of the sound, and without sound that of the pictures', () => {
    const delay = new CaptureDelay();
    delay.add({ kind: 'video', capturedAt: START }, START + 80);
    delay.add({ kind: 'video', capturedAt: START + 33 }, START + 103);
    expect(delay.ms).toBe(70);
    delay.add({ kind: 'audio', capturedAt: START }, START + 150);
    delay.add({ kind: 'audio', capturedAt: START + 20 }, START + 160);
    expect(delay.ms).toBe(140);
  });

  test('may be negative, since the clocks are those of two peers', () => {
    const delay = new CaptureDelay();
    delay.add({ kind: 'audio', capturedAt: START + 5_000 }, START);
    expect(delay.ms).toBe(-5_000);
  });

  test('follows a link that has become slower', () => {
    const delay = new CaptureDelay();
    for (let ms = 0; ms < 20_000; ms += 20) {
      delay.add({ kind: 'audio', capturedAt: START + ms }, START + ms + (ms < 2_000 ? 50 : 90));
    }
    expect(delay.ms).toBe(90);
  });
});
