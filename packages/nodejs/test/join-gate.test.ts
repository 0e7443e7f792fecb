import fc from 'fast-check';
import { expect, test } from 'vitest';
import { VirtualClock } from '@casto/host/conformance/virtual-clock';
import type { JoinDecision, JoinRequest } from '@casto/host';
import { JoinGate } from '../src/join-gate.ts';
import { memoryLimit } from '../src/memory-limit.ts';

const JOIN = {} as JoinRequest;
const decisions: JoinDecision[] = [
  { type: 'redirect', parents: [] },
  { type: 'refuse', reason: 'full', retryAfterMs: 1 },
  { type: 'refuse', reason: 'offline', retryAfterMs: 1 },
];

test('every join is counted once, by how it ended', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.option(fc.constantFrom(...decisions)), { maxLength: 60 }),
      async (outcomes) => {
        const gate = new JoinGate({ clock: new VirtualClock(), joinsPerSecond: 10 });
        let judged = 0;
        for (const outcome of outcomes) {
          const asked = gate.pass(JOIN, () => {
            judged += 1;
            return outcome === null ? Promise.reject(new Error('malformed')) : Promise.resolve(outcome);
          });
          await asked.catch(() => {});
        }
        const { accepted, redirected, refused, tooMany } = gate.counts;
        const refusals = Object.values(refused).reduce((sum, count) => sum + count, 0);
        expect(accepted + redirected + refusals).toBe(outcomes.length);
        expect(judged).toBe(Math.min(outcomes.length, 20));
        expect(tooMany).toBe(outcomes.length - judged);
      },
    ),
  );
});

test('a crowd is taken in at its pace, and told to come again at different times', async () => {
  const clock = new VirtualClock();
  const gate = new JoinGate({ clock, joinsPerSecond: 10 });
  const ask = () => gate.pass(JOIN, async () => ({ type: 'redirect', parents: [] }));
  const first = await Promise.all(Array.from({ length: 100 }, ask));
  const refused = first.filter((decision) => decision.type === 'refuse');
  expect(refused).toHaveLength(80);
  expect(new Set(refused.map(({ retryAfterMs }) => retryAfterMs)).size).toBeGreaterThan(10);
  for (const { reason, retryAfterMs } of refused) {
    expect(reason).toBe('busy');
    expect(retryAfterMs).toBeGreaterThanOrEqual(1_000);
    expect(retryAfterMs).toBeLessThanOrEqual(4_000);
  }
  await clock.pass(1_000);
  const second = await Promise.all(Array.from({ length: 100 }, ask));
  expect(second.filter(({ type }) => type === 'redirect')).toHaveLength(10);
});

test('memory is looked at once a second, and not at all without a limit', async () => {
  const clock = new VirtualClock();
  let [bytes, looks] = [50, 0];
  const read = (): number => {
    looks += 1;
    return bytes;
  };
  expect(memoryLimit(null, clock, read).isExceeded).toBe(false);
  expect(looks).toBe(0);
  const limit = memoryLimit(100, clock, read);
  expect(limit.isExceeded).toBe(false);
  bytes = 101;
  expect(limit.isExceeded).toBe(false);
  await clock.pass(1_000);
  expect(limit.isExceeded).toBe(true);
  bytes = 100;
  await clock.pass(1_000);
  expect(limit.isExceeded).toBe(false);
  expect(looks).toBe(3);
});
