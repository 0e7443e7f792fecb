import { describe, expect, test } from 'vitest';

import type { CastoErrorReason } from '../../src/errors.ts';
import {
  announcementFor,
  latencyWords,
  messageFor,
  qualityWords,
  relayedTo,
} from '../../src/player/player-words.ts';

const WATCHING = { reason: null, hasChannel: true };

describe('messages', () => {
  test('a picture speaks for itself', () => {
    expect(messageFor('live', WATCHING)).toBeNull();
    expect(messageFor('idle', WATCHING)).toBeNull();
  });

  test.each(['connecting', 'waiting', 'reconnecting', 'ended'] as const)('%s is said', (state) => {
    expect(messageFor(state, WATCHING)?.title).not.toBe('');
  });

  test('a player without a channel says so', () => {
    expect(messageFor('idle', { reason: null, hasChannel: false })?.text).toMatch(/No broadcast/);
  });

  const useless: CastoErrorReason[] = ['insecure-context', 'unsupported-browser', 'no-common-codec'];

  test.each([
    'no-relay',
    'channel-not-found',
    'channel-offline',
    'relay-full',
    'timed-out',
    'protocol',
  ] as const)('%s can be tried again', (reason) => {
    expect(messageFor('failed', { reason, hasChannel: true })?.retry).toBe('Try again');
  });

  test.each(useless)('%s cannot', (reason) => {
    expect(messageFor('failed', { reason, hasChannel: true })?.retry).toBeNull();
  });

  test('listeners hear what others see', () => {
    const ended = messageFor('ended', WATCHING);
    expect(announcementFor('ended', ended)).toBe(
      'The broadcast has ended. If the streamer comes back, so does the picture.',
    );
    expect(announcementFor('live', null)).toBe('Live');
  });
});

describe('figures', () => {
  test.each([
    [null, ''],
    [Number.NaN, ''],
    [-40, '10 ms'],
    [237, '240 ms'],
    [994, '990 ms'],
    [996, '1.0 s'],
    [2_345, '2.3 s'],
  ])('a latency of %s is %j', (latencyMs, words) => {
    expect(latencyWords(latencyMs)).toBe(words);
  });

  const video = {
    codec: 'vp8',
    width: 1280,
    height: 720,
    framesPerSecond: 29.7,
    frames: 1,
    keyFrames: 1,
    packetsLost: 0,
    freezes: 0,
  };

  test('quality is size, pictures per second, and rate', () => {
    expect(qualityWords({ video, download: { bytes: 1, bitsPerSecond: 1_440_000 } })).toBe(
      '720p30 · 1.4 Mb/s',
    );
    expect(qualityWords({ video: null, download: { bytes: 1, bitsPerSecond: 64_000 } })).toBe('64 kb/s');
  });

  test('what is not known is not said', () => {
    expect(qualityWords({ video: { ...video, width: 0 }, download: { bytes: 0, bitsPerSecond: 0 } })).toBe(
      '',
    );
    expect(
      qualityWords({ video: { ...video, framesPerSecond: 0 }, download: { bytes: 0, bitsPerSecond: 0 } }),
    ).toBe('720p');
  });

  test('only children that are being sent to count', () => {
    const child = { peerId: 'a', kind: 'browser' as const, rttMs: null };
    expect(
      relayedTo({
        children: [
          { ...child, role: 'active' },
          { ...child, role: 'standby' },
        ],
      }),
    ).toBe(1);
  });
});
