/** A picture as the tree's peers tell it, in the words of `watchTree()`. */

import { shortId, type ChannelId, type PeerId, type Picture } from '@casto/core';
import type { CastoTree, CastoTreePeer } from './casto-tree.ts';

export function castoTree({ depth, peers, hidden }: Picture, channel: ChannelId, self: PeerId): CastoTree {
  const [streamerId, ownId] = [shortId(channel), shortId(self)];
  const shown: CastoTreePeer[] = [];
  for (const { id, parent, kind, rttMs, bitrateKbps, viewers } of peers) {
    const above = parent === null ? undefined : shown[parent];
    shown.push({
      id: hexOf(id),
      parent: above?.id ?? null,
      kind: above === undefined && id === streamerId ? 'streamer' : kind,
      depth: above === undefined ? depth : above.depth + 1,
      rttMs,
      bitrateBps: bitrateKbps === null ? null : bitrateKbps * 1000,
      viewers,
      self: id === ownId,
    });
  }
  return { peers: shown, hidden };
}

/** As the path of `stats()` is written. */
function hexOf(id: number): string {
  return id.toString(16).padStart(8, '0');
}
