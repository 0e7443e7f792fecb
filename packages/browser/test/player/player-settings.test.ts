import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { readJoinOptions, readRelays } from '../../src/player/player-settings.ts';

function read(attributes: Record<string, string>): ReturnType<typeof readJoinOptions> {
  return readJoinOptions((name) => attributes[name] ?? null);
}

describe('attributes', () => {
  test('without a channel there is nothing to join', () => {
    expect(read({})).toBeNull();
    expect(read({ channel: '  ', relays: 'https://a.example' })).toBeNull();
  });

  test('a channel alone leaves all else to the SDK', () => {
    expect(read({ channel: ' abc ' })).toEqual({ channel: 'abc' });
  });

  test('relays are separated by commas, spaces or lines, and named once', () => {
    const relays = 'https://a.example, https://b.example\n /dns/c.example/tcp/1/p2p/x https://a.example';
    expect(readRelays(relays)).toEqual([
      'https://a.example',
      'https://b.example',
      '/dns/c.example/tcp/1/p2p/x',
    ]);
  });

  test('all that a viewer can choose', () => {
    expect(read({ channel: 'abc', app: 'shop', 'live-parents': '2', 'max-children': '3' })).toEqual({
      channel: 'abc',
      app: 'shop',
      liveParents: 2,
      relay: { maxChildren: 3 },
    });
  });

  test('relay="off" wins over a number of children', () => {
    expect(read({ channel: 'abc', relay: 'OFF', 'max-children': '3' })?.relay).toBe(false);
  });

  test.each(['many', '-1', '1.5', '99999', ''])('max-children="%s" is left out', (count) => {
    expect(read({ channel: 'abc', 'max-children': count })).toEqual({ channel: 'abc' });
  });

  test.each(['0', '3', 'both'])('live-parents="%s" is left out', (count) => {
    expect(read({ channel: 'abc', 'live-parents': count })).toEqual({ channel: 'abc' });
  });

  test('whatever the text, the list of relays is bounded and has no empty names', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const relays = readRelays(text);
        expect(relays.length).toBeLessThanOrEqual(16);
        for (const name of relays) expect(name).toMatch(/^[^\s,]+$/);
      }),
    );
  });
});
