import { expect, test } from 'vitest';

import type { Fact, Phase } from '../src/session/phase.ts';
import { nextPhase } from '../src/session/phase.ts';

function follow(...facts: Fact[]): string[] {
  const names: string[] = [];
  let phase: Phase = { name: 'connecting' };
  for (const fact of facts) {
    phase = nextPhase(phase, fact);
    names.push(phase.name);
  }
  return names;
}

test('a viewer waits for the streamer, loses the relay, finds it again, and sees the end', () => {
  const phases = follow(
    { name: 'slow' },
    { name: 'live' },
    { name: 'slow' },
    { name: 'detached' },
    { name: 'flowing' },
    { name: 'ended' },
    { name: 'detached' },
    { name: 'live' },
  );
  expect(phases).toEqual(['waiting', 'live', 'live', 'reconnecting', 'live', 'ended', 'ended', 'live']);
});

test('before the start nothing is lost and nothing has ended', () => {
  expect(follow({ name: 'detached' }, { name: 'ended' }, { name: 'flowing' })).toEqual([
    'connecting',
    'connecting',
    'connecting',
  ]);
});

test('a failure is final', () => {
  expect(follow({ name: 'failed', reason: 'no-relay' }, { name: 'live' })).toEqual(['failed', 'failed']);
});
