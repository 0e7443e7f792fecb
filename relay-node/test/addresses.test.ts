import { describe, expect, test } from 'vitest';
import { firstHost, lanUrls, localOrigin, multiaddrsFor } from '../src/addresses.ts';

const interfaces = ['127.0.0.1', '192.168.1.20', '10.8.0.2', '203.0.113.5', '::1', '2001:db8::5'];
const loopback = '/ip4/127.0.0.1/tcp/4001/p2p/P';
const lan = '/ip4/192.168.1.20/tcp/4001/p2p/P';
const vpn = '/ip4/10.8.0.2/tcp/4001/p2p/P';
const wide = '/ip4/203.0.113.5/tcp/4001/p2p/P';
const named = '/dns4/relay.example/tcp/4001/p2p/P';
const all = [wide, vpn, lan, loopback, named];

function listFor(host: string | undefined, localAddress?: string, multiaddrs: string[] = all): string[] {
  return multiaddrsFor(multiaddrs, { host, localAddress }, interfaces);
}

describe('multiaddrs for who asks', () => {
  test.each(['localhost:8080', '127.0.0.1:8080', '127.8.9.1', '[::1]:80', 'demo.localhost', 'LOCALHOST'])(
    'on this machine (%s): loopback first, then the rest',
    (host) => {
      expect(listFor(host)).toEqual([loopback, vpn, lan, wide, named]);
    },
  );

  test('on the local network: the address that was used first, no loopback', () => {
    expect(listFor('192.168.1.20:8080')).toEqual([lan, vpn, wide, named]);
    expect(listFor('10.8.0.2')).toEqual([vpn, lan, wide, named]);
    expect(listFor('laptop.local:8080', '192.168.1.20')).toEqual([lan, vpn, wide, named]);
    expect(listFor('laptop', '::ffff:192.168.1.20')).toEqual([lan, vpn, wide, named]);
  });

  test('on the internet: public ones only, so that no browser asks for the local network', () => {
    expect(listFor('relay.example')).toEqual([named, wide]);
    expect(listFor('203.0.113.5:8080')).toEqual([wide, named]);
    expect(listFor('other.example', '127.0.0.1')).toEqual([wide, named]);
  });

  test('by a public name, with private addresses only: those, rather than none', () => {
    expect(listFor('relay.example', undefined, [vpn, loopback, lan])).toEqual([vpn, lan]);
    expect(listFor('relay.example', '127.0.0.1', [loopback])).toEqual([loopback]);
  });

  test.each([undefined, '', '   ', 'a b', '%%%', 'x'.repeat(5000), '[::'])(
    'a Host of %j does no harm',
    (host) => {
      expect(listFor(host)).toEqual([vpn, lan, wide, named]);
    },
  );

  test('unspecified addresses become those of the interfaces', () => {
    const tail = '/udp/4001/webrtc-direct/certhash/uEi/p2p/P';
    expect(listFor('localhost', undefined, [`/ip4/0.0.0.0${tail}`, `/ip4/127.0.0.1${tail}`])).toEqual(
      ['127.0.0.1', '192.168.1.20', '10.8.0.2', '203.0.113.5'].map((address) => `/ip4/${address}${tail}`),
    );
    expect(listFor('[2001:db8::5]:8080', undefined, [`/ip6/::${tail}`])).toEqual([`/ip6/2001:db8::5${tail}`]);
  });

  test('there is a cap', () => {
    const many = Array.from({ length: 200 }, (_, index) => `/ip4/192.168.1.${index}/tcp/1/p2p/P`);
    const listed = listFor('192.168.1.150', undefined, many);
    expect(listed).toHaveLength(36);
    expect(listed[0]).toBe('/ip4/192.168.1.150/tcp/1/p2p/P');
  });
});

test('the host of the first multiaddr that has one', () => {
  expect(firstHost([wide, lan])).toBe('203.0.113.5');
  expect(firstHost([named])).toBe('relay.example');
  expect(firstHost(['/ip6/2001:db8::5/udp/4001/webrtc-direct', lan])).toBe('2001:db8::5');
  expect(firstHost(['/p2p/P/p2p-circuit', '/unix/socket', lan])).toBe('192.168.1.20');
  expect(firstHost([])).toBeNull();
});

test('URLs to open, here and on other devices', () => {
  expect(localOrigin('0.0.0.0', 80)).toBe('http://localhost:80');
  expect(localOrigin('::', 80)).toBe('http://localhost:80');
  expect(localOrigin('127.0.0.1', 80)).toBe('http://127.0.0.1:80');
  expect(localOrigin('2001:db8::5', 80)).toBe('http://[2001:db8::5]:80');
  expect(lanUrls('0.0.0.0', 80, ['127.0.0.1', '192.168.1.20', '::1', '2001:db8::5'])).toEqual([
    'http://192.168.1.20:80/',
  ]);
  expect(lanUrls('127.0.0.1', 80, interfaces)).toEqual([]);
});
