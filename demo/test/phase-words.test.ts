import { expect, test } from 'vitest';

import { deskTitle, veilWords } from '../src/session/phase-words.ts';
import { titleWords } from '../src/words/title-words.ts';

test('a viewer is told to wait, to stay, and what failed; a running picture speaks for itself', () => {
  expect(veilWords('waiting', 'viewer', null)?.title).toBe('Waiting for the streamer');
  expect(veilWords('ended', 'viewer', null)?.title).toBe('The broadcast has ended');
  expect(veilWords('failed', 'viewer', 'channel-not-found')?.title).toBe('Nobody knows this channel');
  expect(veilWords('live', 'viewer', null)).toBeNull();
  expect(veilWords('reconnecting', 'viewer', null)).toBeNull();
});

test('what failed without a reason that is known is said as well', () => {
  expect(veilWords('failed', 'viewer', null)).toMatchObject({
    title: 'Something went wrong',
    retry: 'Try again',
  });
});

test('trying again is offered where it can help', () => {
  expect(veilWords('failed', 'streamer', 'no-relay')?.retry).toBe('Try again');
  expect(veilWords('failed', 'streamer', 'unsupported-browser')?.retry).toBeUndefined();
});

test('the desk tells the title as soon as it is known, and calls a broadcast without one as its card does', () => {
  expect(deskTitle('live', 'viewer', 'Kites')).toBe('Kites');
  expect(deskTitle('connecting', 'streamer', 'Kites')).toBe('Kites');
  for (const role of ['viewer', 'streamer'] as const) {
    for (const state of ['live', 'reconnecting', 'ended'] as const) {
      expect(deskTitle(state, role, '')).toBe(titleWords(''));
    }
  }
});

test('before a title is known the desk says what goes on', () => {
  expect(deskTitle('connecting', 'viewer', '')).toBe('Watching');
  expect(deskTitle('failed', 'viewer', '')).toBe('Watching');
  expect(deskTitle('connecting', 'streamer', '')).toBe('Your broadcast');
});
