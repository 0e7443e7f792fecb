import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { initialPlayback, isMuted, promptOf, stepPlayback } from '../../src/player/playback.ts';
import type { Playback, PlaybackInput } from '../../src/player/playback.ts';

type Policy = 'everything' | 'pictures' | 'nothing';

/** A browser that grants what its policy says, until the person touches the page. */
class Browser {
  playback: Playback;
  policy: Policy;
  readonly asked: string[] = [];
  isPlaying = false;
  isSilent = false;

  constructor(policy: Policy, options: { sound: 'on' | 'off'; wish: 'play' | 'pause' }) {
    this.policy = policy;
    this.playback = initialPlayback(options);
  }

  /** Takes the input, and answers all that is asked of the browser because of it. */
  take(input: PlaybackInput): void {
    if ('by' in input && input.by === 'person') this.policy = 'everything';
    for (let next: PlaybackInput | null = input; next !== null;) {
      const { playback, effect } = stepPlayback(this.playback, next);
      this.playback = playback;
      next = null;
      if (effect?.type === 'pause') this.isPlaying = false;
      if (effect?.type === 'mute') this.isSilent = effect.muted;
      if (effect?.type !== 'play') continue;
      this.asked.push(effect.muted ? 'muted' : 'with sound');
      this.isSilent = effect.muted;
      this.isPlaying = this.policy === 'everything' || (this.policy === 'pictures' && effect.muted);
      next = { type: this.isPlaying ? 'playing' : 'refused' };
    }
  }

  get prompt(): 'none' | 'sound' | 'play' {
    return promptOf(this.playback);
  }
}

describe('a browser that allows everything', () => {
  test('plays with sound, and nobody is asked for anything', () => {
    const browser = new Browser('everything', { sound: 'on', wish: 'play' });
    browser.take({ type: 'media' });
    expect(browser).toMatchObject({
      isPlaying: true,
      isSilent: false,
      prompt: 'none',
      asked: ['with sound'],
    });
  });

  test('plays silently where the page wants silence, without a call to tap', () => {
    const browser = new Browser('everything', { sound: 'off', wish: 'play' });
    browser.take({ type: 'media' });
    expect(browser).toMatchObject({ isPlaying: true, isSilent: true, prompt: 'none' });
  });
});

describe('a browser that refuses sound', () => {
  test('plays silently, and the person is called to tap', () => {
    const browser = new Browser('pictures', { sound: 'on', wish: 'play' });
    browser.take({ type: 'media' });
    expect(browser).toMatchObject({
      isPlaying: true,
      isSilent: true,
      prompt: 'sound',
      asked: ['with sound', 'muted'],
    });
    expect(isMuted(browser.playback)).toBe(true);
  });

  test('a tap brings the sound', () => {
    const browser = new Browser('pictures', { sound: 'on', wish: 'play' });
    browser.take({ type: 'media' });
    browser.take({ type: 'sound', sound: 'on', by: 'person' });
    expect(browser).toMatchObject({ isPlaying: true, isSilent: false, prompt: 'none' });
  });

  test('a page that asks for sound by itself gets the picture back, and the call', () => {
    const browser = new Browser('pictures', { sound: 'off', wish: 'play' });
    browser.take({ type: 'media' });
    expect(browser.prompt).toBe('none');
    browser.take({ type: 'sound', sound: 'on', by: 'page' });
    expect(browser).toMatchObject({ isPlaying: true, isSilent: true, prompt: 'sound' });
  });

  test('other media do not ask for sound again', () => {
    const browser = new Browser('pictures', { sound: 'on', wish: 'play' });
    browser.take({ type: 'media' });
    browser.take({ type: 'media' });
    expect(browser.asked).toEqual(['with sound', 'muted', 'muted']);
    expect(browser.prompt).toBe('sound');
  });
});

describe('a browser that refuses everything', () => {
  test('shows a button, which plays with sound', () => {
    const browser = new Browser('nothing', { sound: 'on', wish: 'play' });
    browser.take({ type: 'media' });
    expect(browser).toMatchObject({ isPlaying: false, prompt: 'play' });
    browser.take({ type: 'play', by: 'person' });
    expect(browser).toMatchObject({ isPlaying: true, isSilent: false, prompt: 'none' });
  });
});

test('what is paused is not started again by media, nor by sound', () => {
  const browser = new Browser('everything', { sound: 'on', wish: 'play' });
  browser.take({ type: 'media' });
  browser.take({ type: 'pause' });
  browser.take({ type: 'media' });
  browser.take({ type: 'sound', sound: 'off', by: 'person' });
  browser.take({ type: 'sound', sound: 'on', by: 'person' });
  expect(browser).toMatchObject({ isPlaying: false, prompt: 'none', asked: ['with sound'] });
});

test('an answer to a question that is no longer asked changes nothing', () => {
  const paused = stepPlayback(initialPlayback({ sound: 'on', wish: 'play' }), { type: 'pause' }).playback;
  expect(stepPlayback(paused, { type: 'refused' })).toEqual({ playback: paused, effect: null });
  expect(stepPlayback(paused, { type: 'playing' })).toEqual({ playback: paused, effect: null });
});

const INPUTS = fc.oneof(
  fc.constantFrom<PlaybackInput>({ type: 'media' }, { type: 'media-gone' }, { type: 'pause' }),
  fc.constantFrom<PlaybackInput>({ type: 'refused' }, { type: 'playing' }, { type: 'interrupted' }),
  fc.constantFrom('person' as const, 'page' as const).map((by): PlaybackInput => ({ type: 'play', by })),
  fc
    .record({
      sound: fc.constantFrom('on' as const, 'off' as const),
      by: fc.constantFrom('person' as const, 'page' as const),
    })
    .map((change): PlaybackInput => ({ type: 'sound', ...change })),
);

test('whatever happens, what the browser allows is played, and what it refuses is asked of the person', () => {
  fc.assert(
    fc.property(
      fc.constantFrom<Policy>('everything', 'pictures', 'nothing'),
      fc.array(INPUTS),
      (policy, inputs) => {
        const browser = new Browser(policy, { sound: 'on', wish: 'play' });
        for (const input of inputs) {
          const askedBefore = browser.asked.length;
          browser.take(input);
          // With sound, and without it: then the person is asked.
          expect(browser.asked.length - askedBefore).toBeLessThanOrEqual(2);
        }
        browser.take({ type: 'media' });
        const { wish, sound } = browser.playback;
        if (wish === 'pause') {
          expect(browser.prompt).toBe('none');
          return;
        }
        expect(browser.isPlaying).toBe(browser.policy !== 'nothing');
        expect(browser.prompt === 'play').toBe(browser.policy === 'nothing');
        if (browser.isPlaying) expect(browser.isSilent).toBe(isMuted(browser.playback));
        if (sound === 'off') expect(browser.prompt).not.toBe('sound');
        if (browser.isPlaying && browser.isSilent && sound === 'on') expect(browser.prompt).toBe('sound');
      },
    ),
  );
});
