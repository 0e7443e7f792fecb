import { expect, test } from 'vitest';

import { MOST_TEXT } from '../src/chat/chat-payload.ts';
import type { Reason } from '../src/words/error-words.ts';
import { wordsFor } from '../src/words/error-words.ts';

const REASONS: readonly Reason[] = [
  'no-permission',
  'no-device',
  'insecure-context',
  'unsupported-browser',
  'no-common-codec',
  'no-relay',
  'channel-not-found',
  'channel-offline',
  'relay-full',
  'timed-out',
  'too-large',
  'rate-limited',
  'aborted',
  'protocol',
];

test('every failure says what happened and what to do', () => {
  for (const role of ['streamer', 'viewer'] as const) {
    for (const reason of [...REASONS, null]) {
      const { title, advice } = wordsFor(reason, role);
      expect(title.length).toBeGreaterThan(5);
      expect(advice).toMatch(/\.$/);
      // Words for people, not for programmers.
      expect(title + advice).not.toMatch(/error|exception|undefined|WebRTC|codec/i);
    }
  }
});

test('whoever writes too much is told how much the field takes', () => {
  expect(wordsFor('too-large', 'viewer').advice).toContain(`${MOST_TEXT} characters`);
});

test('two failures never read the same', () => {
  const titles = REASONS.map((reason) => wordsFor(reason, 'streamer').title);
  expect(new Set(titles).size).toBe(REASONS.length);
});
