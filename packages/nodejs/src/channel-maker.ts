/** Puts the parts of one channel of a relay together. */

import { createDirectory, type ChannelId, type PeerId } from '@casto/core';
import type { ChannelNews, JoinDecision, JoinRequest } from '@casto/host';
import { ChannelEntry } from './channel-entry.ts';
import { ChannelPages, type ProbePage } from './channel-pages.ts';
import { ChannelSearch, type CarrierSearch } from './channel-search.ts';
import { RelayChannel } from './relay-channel.ts';
import type { RelayChannelsOptions } from './relay-channels-options.ts';
import type { RelayStreams } from './relay-streams.ts';

export interface ChannelSurroundings extends RelayChannelsOptions {
  readonly network: () => CarrierSearch | null;
  readonly streams: RelayStreams;
  readonly probe: ProbePage;
  readonly judge: (join: JoinRequest, from: PeerId) => Promise<JoinDecision>;
  readonly news: () => ChannelNews;
  /** Viewers that the relay has room for besides those of its channels. */
  readonly freeSlots: () => number;
  /** Something is not as it was. */
  readonly onChange: () => void;
  /** The broadcast is over, or counts as over. */
  readonly onEnded: () => void;
}

export function createEntry(id: ChannelId, surroundings: ChannelSurroundings): ChannelEntry {
  const { self, clock, records, log, refused, maxViewers, addresses, media, signaling, processor } =
    surroundings;
  const { network, streams, probe, judge, news, freeSlots, onChange, onEnded } = surroundings;
  const directory = createDirectory({ seed: Math.floor(Math.random() * 2 ** 32) });
  const pages = new ChannelPages({ channel: id, self, clock, directory, probe });
  const search = new ChannelSearch({ channel: id, clock, records, refused, network, streams, pages });
  return new ChannelEntry({
    id,
    clock,
    search,
    directory,
    news,
    makeMedia: (owner) => {
      const { layers, ingest } = search;
      const shared = { id, self, clock, media, log, refused, maxViewers, processor, layers, ingest };
      const parts = { ...shared, ...owner, signaling: { ...signaling, judge }, addresses: addresses() };
      const channel = new RelayChannel(parts);
      channel.allow(freeSlots());
      return channel;
    },
    onChange,
    onEnded,
    onOffer: (offer) => directory.report(clock.now(), self, addresses(), offer),
    onReleased: () => log('info', 'channel-released', { channel: id }),
  });
}
