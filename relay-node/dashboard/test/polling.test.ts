import { describe, expect, test } from 'vitest';
import { judgeOutcome, POLL_MS } from '../src/polling.ts';

const refused = (status: number, text = '', retryAfterS: number | null = null) =>
  judgeOutcome({ type: 'refused', status, text, retryAfterS }, 0);

describe('the page asks again', () => {
  test('every two seconds as long as it is answered', () => {
    expect(judgeOutcome({ type: 'answered' }, 7)).toEqual({
      delayMs: POLL_MS,
      trouble: null,
      wantsToken: false,
      failures: 0,
    });
  });

  test('ever more slowly, and says so, while the relay is gone', () => {
    let failures = 0;
    const delays: (number | null)[] = [];
    for (let i = 0; i < 40; i++) {
      const verdict = judgeOutcome({ type: 'unreachable' }, failures);
      failures = verdict.failures;
      expect(verdict.trouble).toContain('Reconnecting');
      delays.push(verdict.delayMs);
    }
    expect(delays.slice(0, 5)).toEqual([2_000, 4_000, 8_000, 15_000, 15_000]);
    expect(new Set(delays.slice(5))).toEqual(new Set([15_000]));
  });

  test('only when it has a token, where it needs one', () => {
    expect(refused(401)).toMatchObject({ delayMs: null, wantsToken: true, trouble: null });
  });

  test('not before the relay wants to be asked', () => {
    expect(refused(429, '', 9)).toMatchObject({ delayMs: 9_000 });
    expect(refused(429, '', null)).toMatchObject({ delayMs: 2_000 });
  });

  test('and shows in its words why it was refused', () => {
    expect(refused(403, 'Start it with a token.').trouble).toBe('Start it with a token.');
    expect(refused(418).trouble).toContain('418');
  });
});
