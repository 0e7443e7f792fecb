import { MAX_CANDIDATES } from '@casto/core';
import { describe, expect, test } from 'vitest';
import {
  CandidateIntake,
  canonicalCandidate,
  parseCandidate,
  renderCandidate,
  rewriteCandidateAddress,
} from '../src/candidates.ts';
import { SessionDescriptionError } from '../src/session-description-error.ts';

const HOST = 'candidate:1 1 udp 2122194687 192.0.2.7 41000 typ host';

describe('a candidate from another peer', () => {
  test.each([
    HOST,
    'candidate:2 1 udp 2122194687 fd00::2 41000 typ host',
    'candidate:2 1 udp 2122194687 ::ffff:192.0.2.7 41000 typ host',
    'candidate:a+/Z 1 udp 1 7e0d9c5a-8f3b-4d67-a5f3-0b1c2d3e4f50.local 9 typ host',
    'candidate:3 1 udp 1686052607 203.0.113.5 6000 typ srflx raddr 0.0.0.0 rport 0',
    'candidate:3 1 udp 41885439 203.0.113.9 3478 typ relay raddr 203.0.113.5 rport 6000',
    'candidate:4 1 tcp 1518283007 192.0.2.7 9 typ host tcptype active',
  ])('is written as it was read: %s', (text) => {
    expect(canonicalCandidate(text)).toBe(text);
    expect(renderCandidate(parseCandidate(text))).toBe(text);
  });

  test('loses its prefix and the extensions that nobody reads', () => {
    const text =
      'a=candidate:7 1 UDP 1677729535 203.0.113.5 6000 TYP srflx raddr 192.0.2.7 rport 41000 generation 0 ufrag 9Xy+ network-id 3 network-cost 10';
    expect(canonicalCandidate(text)).toBe(
      'candidate:7 1 udp 1677729535 203.0.113.5 6000 typ srflx raddr 192.0.2.7 rport 41000',
    );
  });

  test.each([
    ['no string', 7],
    ['nothing', ''],
    ['a second line', `${HOST}\r\na=candidate:2 1 udp 1 192.0.2.8 1 typ host`],
    ['a line feed inside', HOST.replace(' typ', '\n typ')],
    ['a NUL', `${HOST}\0`],
    ['a trailing space', `${HOST} `],
    ['more than 256 characters', `${HOST}${' x y'.repeat(60)}`],
    ["RTCP's own component", HOST.replace(' 1 udp', ' 2 udp')],
    ['another transport', HOST.replace('udp', 'sctp')],
    ['another type', HOST.replace('host', 'hosts')],
    ['a name that would be looked up', HOST.replace('192.0.2.7', 'example.com')],
    ['a name under a name under .local', HOST.replace('192.0.2.7', 'a.b.local')],
    ['no address', HOST.replace('192.0.2.7', '999.0.2.7')],
    ['half an address', HOST.replace('192.0.2.7', '192.0.2')],
    ['an address with a zone', HOST.replace('192.0.2.7', 'fe80::1%eth0')],
    ['port 0', HOST.replace('41000', '0')],
    ['a port above 65535', HOST.replace('41000', '65536')],
    ['priority 0', HOST.replace('2122194687', '0')],
    ['a priority above 2^31 - 1', HOST.replace('2122194687', '2147483648')],
    ['a related name', `${HOST} raddr example.com rport 1`],
    ['a foundation with a slash too many', HOST.replace(':1 ', `:${'a'.repeat(33)} `)],
  ])('is refused with %s', (_, text) => {
    expect(() => canonicalCandidate(text)).toThrow(expect.objectContaining({ reason: 'bad-candidate' }));
  });

  test('cannot be rendered from fields that break out of the line', () => {
    const candidate = parseCandidate(HOST);
    expect(() => renderCandidate({ ...candidate, foundation: '1\r\na=x' })).toThrow(SessionDescriptionError);
    expect(() => renderCandidate({ ...candidate, address: '192.0.2.7\r\na=x' })).toThrow(
      SessionDescriptionError,
    );
  });
});

describe('an announced address', () => {
  test('replaces that of host candidates of its family', () => {
    expect(rewriteCandidateAddress(HOST, '203.0.113.1')).toBe(HOST.replace('192.0.2.7', '203.0.113.1'));
    expect(rewriteCandidateAddress(HOST, '2001:db8::1')).toBeNull();
  });

  test('leaves other candidates alone', () => {
    const relayed = 'candidate:3 1 udp 41885439 203.0.113.9 3478 typ relay raddr 203.0.113.5 rport 6000';
    expect(rewriteCandidateAddress(relayed, '203.0.113.1')).toBe(relayed);
  });

  test('must be an address', () => {
    expect(() => rewriteCandidateAddress(HOST, 'relay.example')).toThrow(SessionDescriptionError);
  });
});

test('the intake of a link takes each good candidate once, and only so many', () => {
  const intake = new CandidateIntake();
  expect(intake.take(HOST)).toBe(HOST);
  expect(intake.take(`a=${HOST} generation 0`)).toBeNull();
  expect(intake.take('candidate:0 2 UDP 2122187006 192.0.2.2 40735 typ host')).toBeNull();
  expect(intake.refused).toBe(0);
  expect(intake.take('garbage')).toBeNull();
  expect(intake.take(null)).toBeNull();
  expect(intake.refused).toBe(2);

  const taken = Array.from({ length: 5000 }, (_, port) => intake.take(HOST.replace('41000', `${port + 1}`)));
  expect(taken.filter((candidate) => candidate !== null)).toHaveLength(MAX_CANDIDATES - 1);
  expect(intake.refused).toBe(2 + 5000 - (MAX_CANDIDATES - 1));
});
