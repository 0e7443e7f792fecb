/** What streamer and viewer have in common. */

import type { Libp2p } from '@libp2p/interface';
import { isPeerId, type PeerId } from '@casto/core';
import type { RefusalCounter } from '@casto/host';
import type { Emit } from './events.ts';
import type { Settings } from './options.ts';
import type { PageWorker } from './page-worker.ts';
import type { RelayTarget } from './relay-list.ts';
import type { CastoStats } from './stats.ts';

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

/** @throws When the key is not Ed25519, which identities here always are. */
export function ownPeerId(libp2p: Libp2p): PeerId {
  const id = libp2p.peerId.toString();
  if (!isPeerId(id)) throw new Error('the own key is not Ed25519');
  return id;
}
