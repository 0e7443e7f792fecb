import { expect, test } from 'vitest';
import { describePorts } from '../src/ports-in-use.ts';

const multiaddrs = [
  '/ip4/127.0.0.1/tcp/4001/p2p/P',
  '/ip4/192.168.1.20/tcp/4001/p2p/P',
  '/ip4/192.168.1.20/tcp/4002/ws/p2p/P',
  '/ip6/2001:db8::1/udp/4001/webrtc-direct/certhash/uEi/p2p/P',
  '/ip4/203.0.113.9/tcp/9999/p2p/Q/p2p-circuit/p2p/P',
];

test('the ports of a relay are told once each, with what they are for', () => {
  expect(describePorts({ http: 8080, multiaddrs, media: [4003], stun: 4004 })).toBe(
    'TCP 8080 (HTTP), 4001, 4002 (libp2p); UDP 4001 (libp2p), 4003 (media), 4004 (STUN)',
  );
});

test('each process has a port for its media, and STUN may be off', () => {
  expect(describePorts({ http: 80, multiaddrs, media: [4003, 4004, 4005], stun: null })).toBe(
    'TCP 80 (HTTP), 4001, 4002 (libp2p); UDP 4001 (libp2p), 4003, 4004, 4005 (media)',
  );
});
