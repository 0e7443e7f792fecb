/** How a relay presents itself to the tree of a channel. */

import {
  KEY_FRAME_INTERVAL_MS,
  TREE_DEFAULTS,
  type ChannelId,
  type PeerId,
  type TreePeerOptions,
} from '@casto/core';

/**
 * A relay has more room, and more patience, than a page: its parent may be a page whose encoder has yet to begin, and
 * many depend on it. All its slots are for anybody, and there are no others, because its owner has said how many it
 * serves.
 */
const RELAY_TUNING = {
  attemptMs: 8_000,
  activationMs: 2 * KEY_FRAME_INTERVAL_MS,
  reserveShare: 0,
  landingShare: 0,
  // The slots of a channel are all that the relay's other channels leave of what its owner allows.
  overflowShare: 0,
} as const;
/** Links besides those that are served: standbys of children that have their media from others. */
const LINKS_PER_SLOT = 4;

export function relayTreeOptions(relay: {
  id: ChannelId;
  self: PeerId;
  addresses: readonly string[];
  maxViewers: number;
  layers: number;
  ingest: unknown;
}): TreePeerOptions {
  const { id, self, addresses, maxViewers, layers, ingest } = relay;
  return {
    self,
    channel: id,
    kind: 'headless',
    addresses,
    seed: Math.floor(Math.random() * 2 ** 32),
    maxChildren: maxViewers,
    isViewer: false,
    isIngest: ingest !== null,
    layers,
    tuning: { ...RELAY_TUNING, maxLinks: LINKS_PER_SLOT * (maxViewers + 1) },
  };
}

/** As the core sees it before it knows better; only the quotient counts. */
const BITRATE_BPS = 2_500_000;

/** The uplink with which the core comes to this number of slots. Half a slot more, so that no rounding takes one. */
export function uplinkFor(slots: number): number {
  const { packetOverhead, uplinkShare } = TREE_DEFAULTS;
  return ((slots + 1 / 2) * BITRATE_BPS * packetOverhead) / uplinkShare;
}
