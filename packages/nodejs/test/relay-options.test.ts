import { expect, test } from 'vitest';
import { checkRelayOptions } from '../src/relay-options.ts';
import type { RelayOptions } from '../src/relay-options.ts';

test.each<RelayOptions>([
  {},
  { peers: ['/ip4/192.0.2.1/tcp/4001/p2p/12D3KooWDPsoeij6JG9wB44qGFPD4d3DjWynSq7ZprRg7HxZG4zp'] },
  { host: '::', peers: ['/ip4/192.0.2.1/tcp/4001', '/dns4/relay.example/tcp/4002/ws'], maxViewers: 0 },
  { p2pPort: 65_534, mediaPort: 65_535, stunPort: 3_478 },
  { maxPeersPerIp: 1 },
  { maxChannels: 500, maxJoinsPerSecond: 0.5, maxMemoryBytes: 2 ** 30, maxChannelBitrateBps: 3e6 },
])('%j is fine', (options) => {
  expect(() => checkRelayOptions(options)).not.toThrow();
});

test.each<[RelayOptions, string]>([
  [{ host: 'localhost' }, 'the host must be an IP address, got "localhost"'],
  [{ peers: ['/ip4/999.0.0.1/tcp/4001'] }, 'a peer must be a multiaddr, got "/ip4/999.0.0.1/tcp/4001"'],
  [{ peers: [''] }, 'a peer must be a multiaddr, got ""'],
  [{ peers: ['/ip4/192.0.2.1/tcp/4001/p2p/no-peer-id'] }, 'a peer must be a multiaddr, got'],
  [{ processes: 0 }, 'the processes must be a whole number from 1 to 64, or auto'],
  [{ processes: 65 }, 'the processes must be a whole number from 1 to 64, or auto'],
  [{ processes: 1.5 }, 'the processes must be a whole number from 1 to 64, or auto'],
  [{ maxViewers: -1 }, 'the viewers must be a whole number from 0'],
  [{ maxChannels: 0 }, 'the channels must be a whole number from 1 to 500'],
  [{ maxChannels: 501 }, 'the channels must be a whole number from 1 to 500'],
  [{ maxPeersPerIp: 0 }, 'the peers of one address must be a whole number from 1'],
  [{ maxPeersPerIp: 2.5 }, 'the peers of one address must be a whole number from 1'],
  [{ maxJoinsPerSecond: 0 }, 'maxJoinsPerSecond must be above zero'],
  [{ maxMemoryBytes: Number.NaN }, 'maxMemoryBytes must be above zero'],
  [{ maxChannelBitrateBps: Infinity }, 'maxChannelBitrateBps must be above zero'],
  [{ p2pPort: 65_535 }, 'the libp2p port must be from 0 to 65534'],
  [{ mediaPort: 1.5 }, 'the media port must be from 0 to 65535'],
  [{ stunPort: 65_536 }, 'the STUN port must be from 0 to 65535'],
])('%j is refused', (options, message) => {
  expect(() => checkRelayOptions(options)).toThrow(
    expect.objectContaining({ reason: 'bad-option', message: expect.stringContaining(message) as string }),
  );
});
