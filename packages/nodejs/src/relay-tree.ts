/** How a relay presents itself to the tree of a channel. */

import { HEADLESS_TUNING, type ChannelId, type PeerId, type TreePeerOptions } from '@casto/core';

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
    tuning: { ...HEADLESS_TUNING, maxLinks: LINKS_PER_SLOT * (maxViewers + 1) },
  };
}
