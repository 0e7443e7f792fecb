import { expect, test } from 'vitest';

import { deskTitle, veilWords } from '../src/session/phase-words.ts';

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

test('the desk tells the title, and what goes on where there is none', () => {
  expect(deskTitle('live', 'viewer', 'Kites')).toBe('Kites');
  expect(deskTitle('connecting', 'viewer', undefined)).toBe('Watching');
  expect(deskTitle('connecting', 'streamer', undefined)).toBe('Your broadcast');
});
