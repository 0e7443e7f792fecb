/** What one channel of a relay is made with. */

import type { ChannelId, Offer, PeerId } from '@casto/core';
import type { Clock, LinkSignalingOptions, RefusalCounter } from '@casto/host';
import type { ChannelIngest } from './channel-ingest.ts';
import type { ChannelSearch } from './channel-search.ts';
import type { MediaLinks } from './media-links.ts';
import type { ProcessorLoad } from './processor-load.ts';
import type { RelayLog } from './relay-log.ts';

export interface RelayChannelOptions {
  id: ChannelId;
  self: PeerId;
  signaling: Pick<LinkSignalingOptions, 'privateKey' | 'verifier' | 'judge'>;
  clock: Clock;
  media: MediaLinks;
  search: ChannelSearch;
  /** Where the broadcast comes in from outside the tree, of a relay that is its streamer; else `null`. */
  ingest: ChannelIngest | null;
  log: RelayLog;
  refused: RefusalCounter;
  /** Where others reach this relay. */
  addresses: readonly string[];
  maxViewers: number;
  processor: ProcessorLoad;
  /** Layers of the broadcast, as its record has them. */
  layers: number;
  /** Viewers came or went, media began or stopped, the parent is lost: look at the channel again. */
  onChange: () => void;
  /** The parent says that the broadcast is over. */
  onEnded: () => void;
  /** What the relay offers to joiners has changed. */
  onOffer: (offer: Offer | null) => void;
}
