/**
 * How often a peer may join over one connection (PROTOCOL.md, L1.4). A join costs its parent a few milliseconds: a
 * stream to negotiate, a description and capabilities to check. Without a limit a dozen peers that join all the time
 * keep a relay's event loop from the media of everybody else.
 */

import type { Connection } from '@libp2p/interface';
import type { Clock } from './clock.ts';
import { tokenBucket, type TokenBucket } from './token-bucket.ts';

/** A relay that takes many channels in asks once for each, all at once after a restart. */
const JOINS_PER_SECOND = 10;
const JOIN_BURST = 80;
/** Those beyond are turned away unread; whoever goes on all the same has its connection ended. */
const EXCESS_PER_SECOND = 1;
const EXCESS_BURST = 20;

/** `dropped`: the stream is to be reset. `flood`: the whole connection is. */
export type JoinVerdict = 'allowed' | 'dropped' | 'flood';

export interface JoinLimit {
  /** Counts one join over this connection. */
  take(connection: Connection): JoinVerdict;
}

export function joinLimit(clock: Clock): JoinLimit {
  const known = new WeakMap<Connection, { joins: TokenBucket; excess: TokenBucket }>();
  return {
    take: (connection) => {
      const buckets = known.get(connection) ?? {
        joins: tokenBucket(JOINS_PER_SECOND, JOIN_BURST),
        excess: tokenBucket(EXCESS_PER_SECOND, EXCESS_BURST),
      };
      known.set(connection, buckets);
      const now = clock.now();
      if (buckets.joins.take(now)) return 'allowed';
      return buckets.excess.take(now) ? 'dropped' : 'flood';
    },
  };
}
