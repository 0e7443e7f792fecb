/** What streamer and viewer have in common. */

import type { PeerLink, RefusalCounter } from '@casto/host';
import type { Emit } from './events.ts';
import type { Settings } from './options.ts';
import type { PageWorker } from './page-worker.ts';
import type { RelayTarget } from './relay-list.ts';
import type { CastoPeerStats, CastoStats } from './stats.ts';

/** What a role works with; made once per CASTO object. */
export interface PageContext {
  readonly settings: Settings;
  readonly emit: Emit;
  readonly worker: PageWorker;
  readonly targets: readonly RelayTarget[];
  readonly refused: RefusalCounter;
  /** Aborts when the object is stopped. */
  readonly signal: AbortSignal;
}

/** One of the two things that a CASTO object can be. */
export interface Role {
  readonly channel: string;
  readonly peerId: string;
  start(): Promise<MediaStream>;
  stats(): Promise<CastoStats>;
  /** Says goodbye and releases everything. Called once. */
  stop(): Promise<void>;
}

export function peerStats(link: PeerLink): CastoPeerStats {
  return { peerId: link.peerId, kind: link.kind, rttMs: link.rttMs };
}
