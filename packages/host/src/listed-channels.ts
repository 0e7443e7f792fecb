/** What one relay lists, as far as it is true: the channels' own records are checked, whoever passes them on. */

import {
  assertCurrent,
  decodeSignedRecord,
  MalformedError,
  supersedes,
  type ChannelId,
  type ChannelRecord,
  type ListedChannel,
  type Listing,
} from '@casto/core';
import { verifyRecord } from './channel-signature.ts';
import type { Clock } from './clock.ts';
import type { ListedNews } from './listing-client.ts';
import type { BrowseQuery } from './listing-server.ts';
import type { RefusalCounter } from './refusal-counter.ts';

export interface ListedChannelsOptions {
  /** What the relay was asked for. */
  readonly query: BrowseQuery;
  readonly clock: Clock;
  readonly refused: RefusalCounter;
}

export class ListedChannels {
  readonly #options: ListedChannelsOptions;
  readonly #channels = new Map<ChannelId, Listing>();

  constructor(options: ListedChannelsOptions) {
    this.#options = options;
  }

  /** In no order. */
  get all(): ReadonlyMap<ChannelId, Listing> {
    return this.#channels;
  }

  /** Follows the relay's word. Entries that are not true are dropped and counted. Never rejects with a refusal. */
  async take({ channels, removed }: ListedNews): Promise<void> {
    for (const channel of removed) this.#channels.delete(channel);
    for (const listed of channels) {
      try {
        await this.#takeOne(listed);
      } catch (error) {
        if (!(error instanceof MalformedError)) throw error;
        this.#options.refused.count(`listing:${error.reason}`);
      }
    }
  }

  async #takeOne({ channel, record: bytes, viewers, snapshotAt }: ListedChannel): Promise<void> {
    const known = this.#channels.get(channel);
    if (bytes === null) {
      if (known === undefined) throw new MalformedError('out-of-range', 'a channel without its record');
      this.#channels.set(channel, { ...known, viewers, snapshotAt });
      return;
    }
    const parsed = await this.#checked(bytes);
    if (parsed.channel !== channel) throw new MalformedError('out-of-range', 'record of another channel');
    if (known === undefined && this.#channels.size >= this.#options.query.most)
      throw new MalformedError('too-large', 'more channels than were asked for');
    const isOlder = known !== undefined && supersedes(known.parsed, parsed);
    const told = isOlder ? known : { record: bytes, parsed };
    this.#channels.set(channel, { record: told.record, parsed: told.parsed, viewers, snapshotAt });
  }

  /** @throws {MalformedError} */
  async #checked(bytes: Uint8Array): Promise<ChannelRecord> {
    const { query, clock } = this.#options;
    const { record } = decodeSignedRecord(bytes);
    if (!record.live || !record.listed) throw new MalformedError('out-of-range', 'not to be listed');
    if (query.app !== null && record.app !== query.app)
      throw new MalformedError('out-of-range', 'of another namespace');
    const known = this.#channels.get(record.channel);
    if (known === undefined || !isSame(known.record, bytes)) await verifyRecord(bytes, clock.now());
    else assertCurrent(record, clock.now());
    return record;
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}
