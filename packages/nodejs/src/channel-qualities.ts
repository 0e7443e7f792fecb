/** How the links of one channel do. */

import type { PeerId } from '@casto/core';
import type { LinkQuality } from './relay-overview.ts';

export interface ChannelQualities {
  /** What parents fail to deliver, as a share of what they sent, 0 to 1. */
  readonly parents: ReadonlyMap<PeerId, number | null>;
  readonly children: ReadonlyMap<PeerId, LinkQuality>;
}
