import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseWellKnown, relayTargets } from '../src/relay-list.ts';

const PEER = '12D3KooWKB812uhZrXptt2d96phvZQY5pJ8aNW2pXgP2AwUaKnYZ';
const OTHER = '12D3KooWPdaHN2oCMRUuqQ3sSmwFcMx13u1GTRGwyXkb8ncUWfTp';

test('an origin is a relay once, and its token is not part of its name', () => {
  const targets = relayTargets(['https://a.example/?token=sesame', 'https://b.example', 'https://b.example']);
  expect(targets.map(({ name, token }) => [name, token])).toEqual([
    ['https://a.example', 'sesame'],
    ['https://b.example', null],
  ]);
});

test('a multiaddr is its own address', async () => {
  const address = `/ip4/127.0.0.1/tcp/4002/ws/p2p/${PEER}`;
  const [target] = relayTargets([address]);
  expect(await target?.addresses(AbortSignal.timeout(1_000))).toEqual([address]);
});

test.each(['ftp://a.example', 'nonsense', '/ip4/127.0.0.1/tcp/4002/ws', `/ip4/1.2.3.4/tcp/1/p2p/${PEER}x`])(
  '%s is no relay',
  (name) => {
    expect(() => relayTargets([name])).toThrow(TypeError);
  },
);

test('casto.json gives the addresses of one peer', () => {
  const multiaddrs = [
    '/ip4/127.0.0.1/tcp/4002/ws',
    `/ip4/127.0.0.1/tcp/4002/ws/p2p/${PEER}`,
    `/ip4/127.0.0.1/tcp/4002/ws/p2p/${OTHER}`,
    'http://elsewhere.example',
    7,
    `/dns4/${'x'.repeat(300)}`,
  ];
  expect(parseWellKnown({ version: 1, peerId: PEER, multiaddrs })).toEqual([
    `/ip4/127.0.0.1/tcp/4002/ws/p2p/${PEER}`,
    `/ip4/127.0.0.1/tcp/4002/ws/p2p/${PEER}`,
  ]);
});

test('whatever casto.json holds, it gives a bounded list of addresses or a TypeError', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      try {
        const addresses = parseWellKnown(value);
        expect(addresses.length).toBeLessThanOrEqual(32);
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError);
      }
    }),
  );
});
