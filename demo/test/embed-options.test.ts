import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { embedAttributes } from '../src/embed-options.ts';

describe('the address of an embed page', () => {
  test('names the channel; controls are there unless they are switched off', () => {
    expect(embedAttributes('#casto=abc')).toMatchObject({
      channel: 'abc',
      autoplay: null,
      muted: null,
      controls: '',
      relays: null,
    });
    expect(embedAttributes('#casto=abc&controls=0')['controls']).toBeNull();
  });

  test('switches are on by their name', () => {
    expect(embedAttributes('#casto=abc&autoplay&muted')).toMatchObject({ autoplay: '', muted: '' });
    expect(embedAttributes('#casto=abc&autoplay=1&muted=off')).toMatchObject({ autoplay: '', muted: null });
  });

  test('tells relays and how to take part', () => {
    const hash = `#casto=abc&relays=${encodeURIComponent('https://a.example,https://b.example')}&relay=off&live-parents=2`;
    expect(embedAttributes(hash)).toMatchObject({
      relays: 'https://a.example,https://b.example',
      relay: 'off',
      'live-parents': '2',
    });
  });

  test.each(['', '#', '#casto=', `#casto=${'x'.repeat(129)}`])('%s names no channel', (hash) => {
    expect(embedAttributes(hash)['channel']).toBeNull();
  });

  test('whatever it says, it sets attributes of the player and no others', () => {
    const names = [
      'channel',
      'relays',
      'app',
      'live-parents',
      'relay',
      'max-children',
      'autoplay',
      'muted',
      'controls',
    ];
    fc.assert(
      fc.property(fc.string(), (hash) => {
        const attributes = embedAttributes(`#${hash}`);
        expect(Object.keys(attributes).sort()).toEqual([...names].sort());
        for (const value of Object.values(attributes)) expect(value?.length ?? 0).toBeLessThanOrEqual(4096);
      }),
    );
  });
});
