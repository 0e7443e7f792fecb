/** WHIP and WHEP at a relay of the tests, without its HTTP server. */

import { processClock } from '@casto/host';
import { JoinGate } from '../../src/join-gate.ts';
import { Players } from '../../src/whip/players.ts';
import { Publishers } from '../../src/whip/publishers.ts';
import { SessionEndpoint } from '../../src/whip/session-endpoint.ts';
import type { NativeRelay } from '../relay/native-pages.ts';
import type { Handle } from './native-publisher.ts';

export interface NativeSessions {
  readonly publishers: Publishers;
  readonly players: Players;
  readonly handle: Handle;
}

export function openSessions({ channels, media, refused, peer }: NativeRelay): NativeSessions {
  const shared = { channels, media, clock: processClock, log: () => {}, refused };
  const publishers = new Publishers({ ...shared, token: null, state: () => 'open', relayKey: peer.key });
  const players = new Players({
    ...shared,
    maxViewers: 10,
    gate: new JoinGate({ clock: processClock, joinsPerSecond: 10_000 }),
    channelNamed: (name) => publishers.channelNamed(name),
  });
  const endpoint = new SessionEndpoint({ roles: { whip: publishers, whep: players } });
  return { publishers, players, handle: (asked) => endpoint.handle(asked) };
}
