/** What streamer and viewer have in common. */

import type { ChildView, ParentView, PeerId } from '@casto/core';
import type { RefusalCounter, TreeDriver } from '@casto/host';
import type { Emit } from './events.ts';
import type { Settings } from './options.ts';
import type { PageWorker } from './page-worker.ts';
import type { RelayTarget } from './relay-list.ts';
import type { CastoPeerStats, CastoStats } from './stats.ts';
import type { TreeWatchers } from './tree-watchers.ts';

/** What a role works with; made once per CASTO object. */
export interface PageContext {
  readonly settings: Settings;
  readonly emit: Emit;
  readonly worker: PageWorker;
  readonly targets: readonly RelayTarget[];
  readonly refused: RefusalCounter;
  readonly trees: TreeWatchers;
  /** Aborts when the object is stopped. */
  readonly signal: AbortSignal;
}

/** One of the two things that a CASTO object can be. */
export interface Role {
  readonly channel: string;
  /** As the streamer signed it; empty before it is known. */
  readonly title: string;
  readonly peerId: string;
  start(): Promise<MediaStream>;
  stats(): Promise<CastoStats>;
  /** Says something to everybody on the channel. @throws {CastoError} `too-large`, `rate-limited` */
  send(data: string): Promise<void>;
  /** Says goodbye and releases everything. Called once. */
  stop(): Promise<void>;
}

/** Neighbours as the tree sees them, without those that are still being connected, or lost. */
export function peersStats(
  driver: TreeDriver,
  views: readonly (ParentView | ChildView)[],
  isLost: (peerId: PeerId) => boolean = () => false,
): CastoPeerStats[] {
  const peers = views.flatMap(({ peerId, kind, role }): CastoPeerStats[] => {
    const link = driver.link(peerId);
    if (role === 'connecting' || link === null || isLost(peerId)) return [];
    return [{ peerId, kind, role, rttMs: link.rttMs }];
  });
  return peers.sort((a, b) => ORDER[a.role] - ORDER[b.role]);
}

const ORDER = { active: 0, standby: 1 } as const;
