import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { nextState, type CastoFact, type CastoState } from '../../src/player/casto-state.ts';

function after(...facts: CastoFact[]): CastoState {
  return facts.reduce<CastoState>((state, fact) => nextState(state, fact), 'idle');
}

describe('the state of a broadcast', () => {
  test('is connecting, then live', () => {
    expect(after('begun')).toBe('connecting');
    expect(after('begun', 'live')).toBe('live');
  });

  test('is waiting after a while without a picture', () => {
    expect(after('begun', 'slow')).toBe('waiting');
    expect(after('begun', 'slow', 'live')).toBe('live');
    expect(after('begun', 'live', 'slow')).toBe('live');
  });

  test('is reconnecting while nothing arrives, and live when something does', () => {
    expect(after('begun', 'live', 'detached')).toBe('reconnecting');
    expect(after('begun', 'live', 'detached', 'flowing')).toBe('live');
    expect(after('begun', 'live', 'detached', 'live')).toBe('live');
  });

  test('is ended when the streamer leaves, and live when they are back', () => {
    expect(after('begun', 'live', 'ended')).toBe('ended');
    // What is left on its way is no broadcast.
    expect(after('begun', 'live', 'ended', 'flowing', 'detached')).toBe('ended');
    expect(after('begun', 'live', 'ended', 'live')).toBe('live');
  });

  test('stays failed until it is begun anew', () => {
    expect(after('begun', 'failed', 'live', 'flowing', 'ended', 'slow')).toBe('failed');
    expect(after('begun', 'failed', 'begun')).toBe('connecting');
  });

  test('is idle once it was stopped, whatever is still told of it', () => {
    const facts = fc.constantFrom<CastoFact>(
      'slow',
      'live',
      'flowing',
      'detached',
      'ended',
      'failed',
      'stopped',
    );
    fc.assert(
      fc.property(fc.array(facts), fc.array(facts), (before, late) => {
        expect(after('begun', ...before, 'stopped', ...late)).toBe('idle');
      }),
    );
  });
});
