/** Sums over all channels of a relay. */

import { MAX_SUBTREE_COUNT } from '@casto/core';
import type { ChannelEntry } from './channel-entry.ts';

/** Viewers at and below this relay, as far as a message may say. */
export function totalViewers(entries: Iterable<ChannelEntry>): number {
  return Math.min(
    MAX_SUBTREE_COUNT,
    total(entries, ({ viewers }) => viewers),
  );
}

export function totalChildren(entries: Iterable<ChannelEntry>): number {
  return total(entries, ({ media }) => media?.children ?? 0);
}

/** Those that are sent media, children and players. */
export function totalServed(entries: Iterable<ChannelEntry>): number {
  return total(entries, ({ media }) => (media === null ? 0 : media.served + media.players.size));
}

/** Channels that cost more than the memory of who asks about them. */
export function totalCarried(entries: Iterable<ChannelEntry>): number {
  return total(entries, ({ isCarried }) => Number(isCarried));
}

function total(entries: Iterable<ChannelEntry>, count: (entry: ChannelEntry) => number): number {
  let sum = 0;
  for (const entry of entries) sum += count(entry);
  return sum;
}
