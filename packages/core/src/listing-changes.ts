/** Lists of channels: their order, one made of several, and what leads from one to another (PROTOCOL.md, V1 and V2). */

import { supersedes, type ChannelRecord } from './channel-record.ts';
import { RECORD_LIFETIME_MS } from './config.ts';
import type { ChannelId } from './peer-id.ts';

/** A channel of a list. */
export interface Listing {
  /** Signed, as it was received. */
  readonly record: Uint8Array;
  readonly parsed: ChannelRecord;
  readonly viewers: number;
  /** `takenAt` of the newest snapshot that there is. */
  readonly snapshotAt: number | null;
}

/** What is to be told of one channel. */
export interface ListingChange {
  /** As it is known once it is told. */
  readonly listing: Listing;
  /** Else the record that was told stands. */
  readonly withRecord: boolean;
}

export interface ListingChanges {
  readonly channels: ListingChange[];
  readonly removed: ChannelId[];
}

/**
 * Streamers sign a record a minute in which nothing but time has gone on. One that was told is told anew only before
 * it could expire at whoever holds it.
 */
const RENEW_MS = RECORD_LIFETIME_MS / 2;

/**
 * @param told - As the other end has it.
 * @param current - As it should have it, in the order in which it is to be told.
 * @param withCounts - Whether other numbers of viewers alone are worth telling.
 */
export function listingChanges(
  told: ReadonlyMap<ChannelId, Listing>,
  current: readonly Listing[],
  withCounts: boolean,
): ListingChanges {
  const channels = current.flatMap((listing) =>
    changeOf(told.get(listing.parsed.channel), listing, withCounts),
  );
  const kept = new Set(current.map(({ parsed }) => parsed.channel));
  return { channels, removed: [...told.keys()].filter((channel) => !kept.has(channel)) };
}

function changeOf(told: Listing | undefined, listing: Listing, withCounts: boolean): ListingChange[] {
  if (told === undefined || !isStillTrue(told.parsed, listing.parsed)) return [{ listing, withRecord: true }];
  const { viewers, snapshotAt } = listing;
  const isNews = told.snapshotAt !== snapshotAt || (withCounts && told.viewers !== viewers);
  return isNews ? [{ listing: { ...told, viewers, snapshotAt }, withRecord: false }] : [];
}

function isStillTrue(told: ChannelRecord, record: ChannelRecord): boolean {
  return isSameBroadcast(told, record) && record.expiresAt - told.expiresAt < RENEW_MS;
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
