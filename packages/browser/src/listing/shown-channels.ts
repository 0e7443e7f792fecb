/** The channels that several relays list, as the page sees them, and what has changed since it last saw them. */

import {
  compareListings,
  isNewerSnapshot,
  uniteListings,
  type ChannelId,
  type Listing,
  type Snapshot,
} from '@casto/core';
import type { SignedSnapshot } from '@casto/host';
import type { CastoChannel } from '../channel-list.ts';

export type ChannelEvent = 'added' | 'changed' | 'removed';

export interface ShownChannelsOptions {
  /** Called before the events that led to it. */
  readonly onChannels: (channels: readonly CastoChannel[]) => void;
  readonly onEvent: (type: ChannelEvent, channel: CastoChannel) => void;
}

interface Picture extends Pick<Snapshot, 'epoch' | 'takenAt'> {
  readonly blob: Blob;
}

export class ShownChannels {
  readonly #options: ShownChannelsOptions;
  #listings = new Map<ChannelId, Listing>();
  readonly #shown = new Map<ChannelId, CastoChannel>();
  readonly #pictures = new Map<ChannelId, Picture>();

  constructor(options: ShownChannelsOptions) {
    this.#options = options;
  }

  /** Takes what the relays list now. */
  update(lists: Iterable<Iterable<Listing>>): void {
    this.#listings = uniteListings(lists);
    for (const channel of this.#pictures.keys())
      if (!this.#listings.has(channel)) this.#pictures.delete(channel);
    this.#show();
  }

  /** Whether a relay that lists a channel like this has a newer snapshot than the page. */
  wants({ parsed, snapshotAt }: Listing): boolean {
    const { channel, epoch } = parsed;
    if (snapshotAt === null || this.#listings.get(channel)?.parsed.epoch !== epoch) return false;
    return isNewerSnapshot({ epoch, takenAt: snapshotAt }, this.#pictures.get(channel) ?? null);
  }

  /** @returns Whether it is of a broadcast that is listed, and newer than what there was. */
  setSnapshot({ snapshot, type }: SignedSnapshot): boolean {
    const { channel, epoch, takenAt, image } = snapshot;
    const isOfBroadcast = this.#listings.get(channel)?.parsed.epoch === epoch;
    if (!isOfBroadcast || !isNewerSnapshot(snapshot, this.#pictures.get(channel) ?? null)) return false;
    // A copy: what is decoded may lie in the buffer of the message.
    this.#pictures.set(channel, { epoch, takenAt, blob: new Blob([image.slice()], { type }) });
    this.#show();
    return true;
  }

  #show(): void {
    const { onChannels, onEvent } = this.#options;
    const events: [ChannelEvent, CastoChannel][] = [];
    const ordered = [...this.#listings.values()].sort(compareListings);
    for (const [channel, last] of this.#shown) {
      if (this.#listings.has(channel)) continue;
      this.#shown.delete(channel);
      events.push(['removed', last]);
    }
    for (const listing of ordered) {
      const { channel } = listing.parsed;
      const before = this.#shown.get(channel);
      const now = this.#described(listing);
      if (before !== undefined && isSame(before, now)) continue;
      this.#shown.set(channel, now);
      events.push([before === undefined ? 'added' : 'changed', now]);
    }
    if (events.length === 0) return;
    onChannels(ordered.flatMap(({ parsed }) => this.#shown.get(parsed.channel) ?? []));
    for (const [type, channel] of events) onEvent(type, channel);
  }

  #described({ parsed, viewers }: Listing): CastoChannel {
    const { channel, title, app, epoch, video, audio } = parsed;
    const picture = this.#pictures.get(channel);
    const known = this.#shown.get(channel)?.snapshot ?? null;
    // The same object as long as it is the same picture, so that a page may compare.
    const snapshot =
      picture === undefined || picture.epoch !== epoch
        ? null
        : known?.blob === picture.blob
          ? known
          : { blob: picture.blob, takenAt: picture.takenAt };
    return { channel, title, app, startedAt: epoch * 1000, viewers, video, audio, snapshot };
  }
}

function isSame(one: CastoChannel, other: CastoChannel): boolean {
  return (
    one.title === other.title &&
    one.app === other.app &&
    one.startedAt === other.startedAt &&
    one.viewers === other.viewers &&
    one.video === other.video &&
    one.audio === other.audio &&
    one.snapshot === other.snapshot
  );
}
