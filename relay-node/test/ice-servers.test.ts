import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { iceServersFor, parseIceServerUrl, stunUrl, turnCredentials } from '../src/ice-servers.ts';

describe('a URL', () => {
  test.each([
    ['stun:stun.example.org', 'stun:stun.example.org'],
    ['stun:stun.example.org:3478', 'stun:stun.example.org:3478'],
    ['STUN:Stun.Example.ORG:03478', 'stun:stun.example.org:3478'],
    ['stun:192.0.2.1', 'stun:192.0.2.1'],
    ['stun:[2001:DB8::1]:3478', 'stun:[2001:db8::1]:3478'],
    ['turn:localhost', 'turn:localhost'],
    ['turn:turn.example.org:3478?transport=udp', 'turn:turn.example.org:3478?transport=udp'],
    ['turns:turn.example.org?transport=TCP', 'turns:turn.example.org?transport=tcp'],
    ['turns:[::1]:65535', 'turns:[::1]:65535'],
  ])('%s is %s', (text, url) => {
    expect(parseIceServerUrl(text)).toBe(url);
  });

  test.each([
    '',
    'stun',
    'stun:',
    'stun:?transport=udp',
    'stun://stun.example.org',
    'stun:user@stun.example.org',
    'turn:user:word@turn.example.org',
    'stun:stun.example.org?transport=udp',
    'turn:turn.example.org?transport=sctp',
    'turn:turn.example.org?transport=udp&x=1',
    'turn:turn.example.org?',
    'stun:stun.example.org:0',
    'stun:stun.example.org:65536',
    'stun:stun.example.org:',
    'stun:stun.example.org/path',
    'stun:2001:db8::1',
    'stun:[192.0.2.1]',
    'stun:[fe80::1%eth0]',
    'stun:[::1',
    'stun:a b',
    'http://stun.example.org',
    'stuns:stun.example.org',
    'stun:stun.example.org\n',
  ])('%j is refused', (text) => {
    expect(parseIceServerUrl(text)).toBeUndefined();
  });

  test('whatever is written, what is accepted is accepted again as it is', () => {
    const parts = fc.array(
      fc.constantFrom(
        'stun',
        'turn',
        'turns',
        ':',
        '?',
        'transport=',
        'udp',
        'tcp',
        '[',
        ']',
        '::1',
        '.',
        'a',
        '1',
        '3478',
        '@',
        ' ',
      ),
      { maxLength: 9 },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          parts.map((all) => all.join('')),
        ),
        (text) => {
          const url = parseIceServerUrl(text);
          if (url === undefined) return;
          expect(parseIceServerUrl(url)).toBe(url);
          expect(url).toMatch(/^(stun|turns?):[\w.:[\]-]+(\?transport=(udp|tcp))?$/);
        },
      ),
      { numRuns: 5_000 },
    );
  });

  test('every address makes one', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.ipV4(), fc.ipV6(), fc.constant('relay.example')),
        fc.integer({ min: 1, max: 65_535 }),
        (host, port) => {
          expect(parseIceServerUrl(stunUrl(host, port))).toBe(stunUrl(host, port).toLowerCase());
        },
      ),
    );
  });
});

describe('TURN credentials', () => {
  test('are the expiry and a name, signed with the secret', () => {
    const { username, credential } = turnCredentials('north', { id: 'page', expiresAtMs: 1_700_000_000_999 });
    expect(username).toBe('1700000000:page');
    expect(credential).toBe(createHmac('sha1', 'north').update('1700000000:page').digest('base64'));
    // A change of the form would lock pages out of every TURN server: `printf 1700000000:page | openssl sha1 -hmac north`.
    expect(Buffer.from(credential, 'base64').toString('hex')).toBe(
      '4c3a224dcdb52d767330341fef20fec768413587',
    );
  });

  test('differ from request to request, and are made only with a secret', () => {
    const settings = { iceServers: ['turn:turn.example'], turnSecret: 'north', turnHours: 1 };
    const [first] = iceServersFor(settings, null, 0);
    const [second] = iceServersFor(settings, null, 0);
    expect(first?.username).toMatch(/^3600:/);
    expect(first?.username).not.toBe(second?.username);
    expect(iceServersFor({ ...settings, turnSecret: null }, null, 0)).toEqual([]);
  });
});
