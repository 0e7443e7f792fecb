import { describe, expect, test } from 'vitest';
import { VirtualClock } from '@casto/host/conformance/virtual-clock';
import { StumbleGuard, type Reach } from '../src/stumble-guard.ts';

function guarded(reach: () => Reach): { guard: StumbleGuard; clock: VirtualClock; left: string[] } {
  const clock = new VirtualClock();
  const left: string[] = [];
  const link = {
    leave: (reason: string): Promise<void> => {
      left.push(reason);
      return Promise.resolve();
    },
  };
  return { guard: new StumbleGuard(link, { clock, reach: () => Promise.resolve(reach()) }), clock, left };
}

describe('[K2.8] a silent parent', () => {
  test('that is heard again within half a second is kept', async () => {
    const { guard, clock, left } = guarded(() => 'answers');
    guard.take({ type: 'silent', silentMs: 100 });
    await clock.pass(490);
    expect(guard.isLost).toBe(false);
    guard.take({ type: 'revived' });
    await clock.pass(20_000, 100);
    expect(left).toEqual([]);
  });

  test('that answers elsewhere has lost its link', async () => {
    const { guard, clock, left } = guarded(() => 'answers');
    guard.take({ type: 'silent', silentMs: 100 });
    await clock.pass(510);
    expect(guard.isLost).toBe(true);
    expect(left).toEqual([]);
    await clock.pass(200);
    expect(left).toEqual(['moved']);
  });

  test('whose other connection is gone is given up as soon', async () => {
    const { guard, clock, left } = guarded(() => 'gone');
    guard.take({ type: 'silent', silentMs: 100 });
    await clock.pass(700);
    expect(left).toEqual(['moved']);
  });

  test('that is heard while the other connection answers is kept', async () => {
    const { guard, clock, left } = guarded(() => 'answers');
    guard.take({ type: 'silent', silentMs: 100 });
    await clock.pass(510);
    guard.take({ type: 'revived' });
    await clock.pass(20_000, 100);
    expect(left).toEqual([]);
  });

  test('of which nobody knows gets ten seconds', async () => {
    const { guard, clock, left } = guarded(() => 'unknown');
    guard.take({ type: 'silent', silentMs: 100 });
    await clock.pass(9_900, 100);
    expect(left).toEqual([]);
    await clock.pass(700);
    expect(left).toEqual(['moved']);
  });
});
