/** Lists of channels: their order, one made of several, and what leads from one to another (PROTOCOL.md, V1 and V2). */

import { supersedes, type ChannelRecord } from './channel-record.ts';
import { RECORD_LIFETIME_MS } from './config.ts';
import type { ListedChannel } from './listing-messages.ts';
import type { ChannelId } from './peer-id.ts';

/** A channel of a list, with its record as it was read. */
export interface Listing extends ListedChannel {
  readonly parsed: ChannelRecord;
}

export type ListingChanges = { channels: Listing[]; removed: ChannelId[] };

/**
 * Streamers sign a record a minute in which nothing but time has gone on. One that was told is told anew only before
 * it could expire at whoever holds it.
 */
const RENEW_MS = RECORD_LIFETIME_MS / 2;

/**
 * @param told - As the other end has it.
 * @param current - As it should have it, in the order in which it is to be told.
 */
export function listingChanges(
  told: ReadonlyMap<ChannelId, Listing>,
  current: readonly Listing[],
): ListingChanges {
  const channels = current.filter((listing) => !isSame(told.get(listing.parsed.channel), listing));
  const kept = new Set(current.map(({ parsed }) => parsed.channel));
  return { channels, removed: [...told.keys()].filter((channel) => !kept.has(channel)) };
}

function isSame(told: Listing | undefined, listing: Listing): boolean {
  return (
    told !== undefined &&
    told.viewers === listing.viewers &&
    told.snapshotAt === listing.snapshotAt &&
    isSameBroadcast(told.parsed, listing.parsed) &&
    listing.parsed.expiresAt - told.parsed.expiresAt < RENEW_MS
  );
}

/** Whether two records of one channel say the same to people. */
function isSameBroadcast(one: ChannelRecord, other: ChannelRecord): boolean {
  return (
    one === other ||
    (one.epoch === other.epoch &&
      one.title === other.title &&
      one.app === other.app &&
      one.video === other.video &&
      one.layers === other.layers &&
      one.audio === other.audio)
  );
}

/** V1.3: the most viewed first, then the newest; the id decides between equals, so that lists are the same everywhere. */
export function compareListings(
  one: Pick<Listing, 'viewers' | 'parsed'>,
  other: Pick<Listing, 'viewers' | 'parsed'>,
): number {
  return (
    other.viewers - one.viewers ||
    other.parsed.epoch - one.parsed.epoch ||
    (one.parsed.channel < other.parsed.channel ? -1 : 1)
  );
}

/** V2.4: the channels of several lists, each as well as it is known. In no order. */
export function uniteListings(lists: Iterable<Iterable<Listing>>): Map<ChannelId, Listing> {
  const united = new Map<ChannelId, Listing>();
  for (const list of lists) {
    for (const listing of list) {
      const { channel } = listing.parsed;
      const known = united.get(channel);
      united.set(channel, known === undefined ? listing : better(known, listing));
    }
  }
  return united;
}

function better(one: Listing, other: Listing): Listing {
  const { record, parsed } = supersedes(other.parsed, one.parsed) ? other : one;
  const times = [one.snapshotAt, other.snapshotAt].filter((at) => at !== null);
  return {
    record,
    parsed,
    viewers: Math.max(one.viewers, other.viewers),
    snapshotAt: times.length === 0 ? null : Math.max(...times),
  };
}
