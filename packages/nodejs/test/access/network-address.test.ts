import fc from 'fast-check';
import { expect, test } from 'vitest';
import { networkOf, plainAddress, reachOf } from '../../src/access/network-address.ts';

test.each([
  ['127.0.0.1', 'loopback'],
  ['::ffff:127.1.2.3', 'loopback'],
  ['::1', 'loopback'],
  ['172.17.0.1', 'private'],
  ['::FFFF:192.168.1.2', 'private'],
  ['100.64.0.1', 'private'],
  ['fd00::1', 'private'],
  ['fe80::1%eth0', 'private'],
  ['203.0.113.9', 'public'],
  ['2001:db8::1', 'public'],
  ['relay.example', 'public'],
  ['', 'public'],
])('%s is %s', (address, reach) => {
  expect(reachOf(address)).toBe(reach);
});

test('an address of IPv4 is the same in a socket of both families', () => {
  expect(plainAddress('::ffff:192.0.2.1')).toBe('192.0.2.1');
  expect(networkOf('::ffff:192.0.2.1')).toBe(networkOf('192.0.2.1'));
  expect(plainAddress('::ffff:1')).toBe('::ffff:1');
});

test('an address has the same network however it is written', () => {
  const group = fc.integer({ min: 0, max: 0xffff });
  fc.assert(
    fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), group, (groups, other) => {
      const plain = groups.map((value) => value.toString(16)).join(':');
      const padded = groups.map((value) => value.toString(16).padStart(4, '0').toUpperCase()).join(':');
      // The URL parser writes addresses in their shortest form (RFC 5952).
      const shortest = new URL(`http://[${plain}]`).hostname.slice(1, -1);
      expect(networkOf(padded)).toBe(networkOf(plain));
      expect(networkOf(shortest)).toBe(networkOf(plain));
      const neighbour = [...groups.slice(0, 7), other].map((value) => value.toString(16)).join(':');
      expect(networkOf(neighbour)).toBe(networkOf(plain));
    }),
  );
  expect(networkOf('192.0.2.1')).toBe('192.0.2.1');
});
