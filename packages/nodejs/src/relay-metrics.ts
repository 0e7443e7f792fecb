/** What a relay counts about itself, as plain numbers: those that grow since its start, and those of the moment. */

import type { JoinCounts } from './join-gate.ts';
import type { MediaTraffic } from './media/media-traffic.ts';

/** Whether a relay takes joins: `full` has as many viewers as it may, `memory` has grown too much for more. */
export type Readiness = 'ready' | 'draining' | 'full' | 'memory';

/** Links of one direction. */
export interface LinkCounts {
  readonly connecting: number;
  readonly connected: number;
  /** Since the start, those that never connected among them. */
  readonly made: number;
}

export interface RelayMetrics {
  readonly uptimeMs: number;
  readonly readiness: Readiness;
  /** At and below this relay, in all channels. */
  readonly viewers: number;
  /** Children that are sent media: what {@link maxViewers} limits. */
  readonly served: number;
  readonly maxViewers: number;
  readonly channels: {
    /** Announced here by their streamers. */
    readonly announced: number;
    /** Media come in. */
    readonly live: number;
    /** Known for whatever reason, such as a page that asks. */
    readonly known: number;
  };
  /** libp2p. */
  readonly peers: number;
  readonly connections: { readonly inbound: number; readonly outbound: number };
  /** Other relays heard of by gossip lately. */
  readonly knownRelays: number;
  /** Media links to parents and to children. */
  readonly links: { readonly parents: LinkCounts; readonly children: LinkCounts };
  readonly media: MediaTraffic;
  readonly joins: JoinCounts;
  /** Refused input by typed reason, as in the status. */
  readonly refused: Readonly<Record<string, number>>;
}
