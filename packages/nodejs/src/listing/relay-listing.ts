/**
 * The live channels as a relay shows them to those who know no channel's id (PROTOCOL.md, V): its own, and those of
 * relays that it hears of.
 */

import {
  compareListings,
  uniteListings,
  type ChannelId,
  type ChannelRecord,
  type Listing,
  type PeerId,
} from '@casto/core';
import type { BrowseQuery, Clock, ListingHandlers, RefusalCounter, SnapshotRefusal } from '@casto/host';
import type { LiveChannel } from '../channel-census.ts';
import type { RecordMemory } from '../record-memory.ts';
import { OtherLists, type ListingNetwork } from './other-lists.ts';
import { OtherSnapshots } from './other-snapshots.ts';
import { OwnSnapshots } from './own-snapshots.ts';

/** Readers are told once a second, all in one go: they share a walk over the channels. */
const SHARE_MS = 500;
/** Namespaces whose channels are kept apart between two walks. */
const MAX_SHARED = 100;

export interface RelayListingOptions {
  readonly clock: Clock;
  readonly refused: RefusalCounter;
  readonly records: RecordMemory;
  /** Channels that are live at this relay. Costs a walk over all of them. */
  readonly live: () => Iterable<LiveChannel>;
  /** Whether this relay has the channel from its streamer. */
  readonly isOwn: (channel: ChannelId) => boolean;
  readonly network: ListingNetwork;
}

export class RelayListing implements ListingHandlers {
  readonly #options: RelayListingOptions;
  readonly #others: OtherLists;
  readonly #own: OwnSnapshots;
  readonly #snapshots: OtherSnapshots;
  readonly #shared = new Map<string, readonly Listing[]>();
  #walkedAt = -Infinity;

  constructor(options: RelayListingOptions) {
    const { clock, refused, network, records, isOwn } = options;
    this.#options = options;
    const others = new OtherLists({ clock, refused, network });
    this.#others = others;
    this.#own = new OwnSnapshots({
      clock,
      record: (channel) => (isOwn(channel) ? liveRecord(records.get(channel)?.record) : null),
    });
    this.#snapshots = new OtherSnapshots({
      clock,
      refused,
      listing: (channel) => others.newest(channel),
      ask: (channel) => others.snapshot(channel),
    });
  }

  list({ app, own, most }: BrowseQuery): readonly Listing[] {
    if (!own) this.#others.want();
    const now = this.#options.clock.now();
    if (now - this.#walkedAt >= SHARE_MS) this.#shared.clear();
    if (this.#shared.size === 0) this.#walkedAt = now;
    const ordered = this.#share(own ? 'own' : 'all', () => this.#walk(own));
    if (app === null) return ordered.slice(0, most);
    const key = `${own ? 'own' : 'all'} ${app}`;
    return this.#share(key, () => ordered.filter(({ parsed }) => parsed.app === app)).slice(0, most);
  }

  async snapshot(channel: ChannelId, own: boolean): Promise<Uint8Array | null> {
    if (own || this.#options.isOwn(channel)) return this.#own.get(channel)?.bytes ?? null;
    return this.#snapshots.get(channel);
  }

  show(signed: Uint8Array, from: PeerId): Promise<SnapshotRefusal | null> {
    return this.#own.take(signed, from);
  }

  /** Asks nobody from here on. Idempotent. */
  close(): void {
    this.#others.close();
  }

  #share(key: string, make: () => readonly Listing[]): readonly Listing[] {
    const known = this.#shared.get(key);
    if (known !== undefined) return known;
    const made = make();
    if (this.#shared.size < MAX_SHARED) this.#shared.set(key, made);
    return made;
  }

  #walk(own: boolean): Listing[] {
    this.#own.forgetEnded();
    const here = [...this.#options.live()].filter(({ isOwn }) => isOwn || !own);
    const lists: Iterable<Listing>[] = own ? [] : this.#others.all();
    return [...uniteListings([here.flatMap((live) => this.#listing(live)), ...lists]).values()].sort(
      compareListings,
    );
  }

  #listing({ channel, viewers }: LiveChannel): Listing[] {
    const signed = this.#options.records.get(channel);
    const parsed = liveRecord(signed?.record);
    if (signed === null || parsed?.listed !== true) return [];
    const snapshotAt = this.#own.get(channel)?.snapshot.takenAt ?? null;
    return [{ record: signed.bytes, parsed, viewers, snapshotAt }];
  }
}

function liveRecord(record: ChannelRecord | undefined): ChannelRecord | null {
  return record?.live === true ? record : null;
}
