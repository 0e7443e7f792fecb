import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { parseWellKnown, relayTargets } from '../src/relay-list.ts';

const PEER = '12D3KooWKB812uhZrXptt2d96phvZQY5pJ8aNW2pXgP2AwUaKnYZ';
const OTHER = '12D3KooWPdaHN2oCMRUuqQ3sSmwFcMx13u1GTRGwyXkb8ncUWfTp';

afterEach(() => void vi.unstubAllGlobals());

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
  expect(parseWellKnown({ version: 1, peerId: PEER, multiaddrs })).toEqual({
    multiaddrs: [`/ip4/127.0.0.1/tcp/4002/ws/p2p/${PEER}`, `/ip4/127.0.0.1/tcp/4002/ws/p2p/${PEER}`],
    iceServers: [],
  });
});

test('whatever casto.json holds, it gives a bounded list of addresses or a TypeError', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      try {
        const { multiaddrs } = parseWellKnown(value);
        expect(multiaddrs.length).toBeLessThanOrEqual(32);
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError);
      }
    }),
  );
});

describe('the ICE servers of casto.json', () => {
  const read = (iceServers: unknown): RTCIceServer[] =>
    parseWellKnown({ version: 1, peerId: PEER, multiaddrs: [], iceServers }).iceServers;
  const turn = { username: '1700000000:page', credential: 'c2VjcmV0' };

  test('are given one URL at a time', () => {
    expect(
      read([
        { urls: ['stun:203.0.113.5:3478'] },
        { urls: 'stun:[2001:db8::5]:3478', username: 'dropped' },
        { urls: ['turn:turn.example', 'turns:turn.example:443?transport=tcp'], ...turn },
      ]),
    ).toEqual([
      { urls: 'stun:203.0.113.5:3478' },
      { urls: 'stun:[2001:db8::5]:3478' },
      { urls: 'turn:turn.example', ...turn },
      { urls: 'turns:turn.example:443?transport=tcp', ...turn },
    ]);
  });

  test.each<[string, unknown]>([
    ['no list', { urls: 'stun:a.example' }],
    ['entries that are none', [null, 7, 'stun:a.example', [], { url: 'stun:a.example' }, { urls: null }]],
    [
      'other URLs',
      [{ urls: ['http://a.example', 'stuns:a.example', 'stun:', 'stun:a b', 'STUN:a', ' stun:a'] }],
    ],
    ['URLs with more behind', [{ urls: ['stun:a.example\nx', 'turn:a?transport=tcp&x=1'], ...turn }]],
    ['long URLs', [{ urls: `stun:${'a'.repeat(201)}` }]],
    ['TURN without credentials', [{ urls: 'turn:a.example' }, { urls: 'turn:a.example', username: 'u' }]],
    [
      'empty or long credentials',
      [
        { urls: 'turn:a', ...turn, username: '' },
        { urls: 'turn:a', ...turn, credential: 'x'.repeat(257) },
        { urls: 'turn:a', ...turn, credential: 7 },
      ],
    ],
  ])('%s: none', (_, iceServers) => {
    expect(read(iceServers)).toEqual([]);
  });

  test('are eight at most', () => {
    const urls = Array.from({ length: 30 }, (_, i) => `stun:${i}.example`);
    expect(read([{ urls }, { urls }])).toHaveLength(8);
  });

  test('whatever is there, each is a bounded URL with the credentials that it needs', () => {
    const someText = fc.oneof(
      fc.string(),
      fc.constantFrom('stun:a.example', 'turn:a.example', 'turns:a.example'),
    );
    const someServer = fc.record(
      { urls: fc.oneof(someText, fc.array(someText)), username: fc.string(), credential: fc.jsonValue() },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.array(fc.oneof(someServer, fc.jsonValue()))), (value) => {
        const servers = read(value);
        expect(servers.length).toBeLessThanOrEqual(8);
        for (const { urls, username, credential } of servers) {
          expect(urls).toMatch(/^(stun|turns?):[^\s]{1,220}$/);
          const isTurn = String(urls).startsWith('turn');
          expect([typeof username, typeof credential]).toEqual(
            isTurn ? ['string', 'string'] : ['undefined', 'undefined'],
          );
        }
      }),
    );
  });
});

test('a relay is remembered with the ICE servers that it named last', async () => {
  const answers = ['stun:a.example', 'stun:b.example'].map((urls) => ({
    peerId: PEER,
    multiaddrs: [],
    iceServers: [{ urls }],
  }));
  vi.stubGlobal('fetch', async () => new Response(JSON.stringify(answers.shift())));
  const [target] = relayTargets(['https://relay.example']);
  expect(target?.iceServers).toEqual([]);
  await target?.addresses(AbortSignal.timeout(5_000));
  await target?.told;
  expect(target?.iceServers).toEqual([{ urls: 'stun:a.example' }]);
  await target?.addresses(AbortSignal.timeout(5_000));
  expect(target?.iceServers).toEqual([{ urls: 'stun:b.example' }]);
  await expect(target?.addresses(AbortSignal.timeout(5_000))).rejects.toThrow(SyntaxError);
  expect(target?.iceServers).toEqual([{ urls: 'stun:b.example' }]);
});
