/**
 * The relay's side of the listing stream (PROTOCOL.md, V): tells what is live and what becomes of it. What there is to
 * tell is decided by its handlers.
 */

import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import {
  LIST_MS,
  LISTING_PROTOCOL,
  listingChanges,
  listingCodec,
  MalformedError,
  MAX_LISTED_AT_ONCE,
  MAX_UNLISTED_AT_ONCE,
  type ChannelId,
  type ListedChannel,
  type Listing,
  type ListingChange,
  type ListingMessage,
  type PeerId,
} from '@casto/core';
import type { Clock } from './clock.ts';
import { asError, messageChannel, type MessageChannel } from './message-channel.ts';
import type { RefusalCounter } from './refusal-counter.ts';
import { peerIdOf } from './remote-peer.ts';
import { tokenBucket } from './token-bucket.ts';

/** Which channels somebody wants to know of. */
export interface BrowseQuery {
  /** Namespace; `null`: all of them. */
  readonly app: string | null;
  /** Only those that the relay has from their streamers. */
  readonly own: boolean;
  /** Channels at most. */
  readonly most: number;
}

/** Why a streamer's snapshot was not taken. */
export type SnapshotRefusal = 'not-owner' | 'not-listed' | 'superseded' | 'too-often' | 'bad-snapshot';

export interface ListingHandlers {
  /** The channels as they are, in the order of V1.3. Called every second for each reader. */
  list(query: BrowseQuery): readonly Listing[];
  /** The newest snapshot of a channel; `own`: that this relay has from its streamer. Must not reject. */
  snapshot(channel: ChannelId, own: boolean): Promise<Uint8Array | null>;
  /** `from` gives its snapshot, unchecked. @returns Why it is not taken, or `null`. */
  show(signed: Uint8Array, from: PeerId): Promise<SnapshotRefusal | null>;
}

/** Of pages and relays that look at the list at a time, so that each second's work is bounded. */
const MAX_READERS = 2_000;
const STREAMS_PER_CONNECTION = 4;
/** A page fetches five snapshots a second, and twenty at first. */
const MESSAGES_PER_SECOND = 10;
const MESSAGE_BURST = 40;
/** Viewers come and go in crowds: their number alone is told at most this often. */
const COUNT_MS = 2_000;
/** Snapshots of one stream that are looked for or on their way. */
const MAX_FETCHES = 8;
/** A reader that takes nothing for so long has gone without a word. */
const STALLED_MS = 30_000;

interface Service {
  readonly handlers: ListingHandlers;
  readonly refused: RefusalCounter;
  readonly clock: Clock;
  readonly readers: Set<Reader>;
}

export async function serveListing(
  libp2p: Libp2p,
  handlers: ListingHandlers,
  options: { refused: RefusalCounter; clock: Clock },
): Promise<void> {
  const readers = new Set<Reader>();
  const service: Service = { ...options, handlers, readers };
  let isBeating = false;
  const beat = (): void => {
    for (const reader of readers) void reader.tell();
    isBeating = readers.size > 0;
    if (isBeating) options.clock.setTimer(beat, LIST_MS);
  };
  const onReader = (): void => {
    if (!isBeating) options.clock.setTimer(beat, LIST_MS);
    isBeating = true;
  };
  await libp2p.handle(
    LISTING_PROTOCOL,
    (stream, connection) => void serveStream(stream, connection, { ...service, onReader }),
    { maxInboundStreams: STREAMS_PER_CONNECTION },
  );
}

async function serveStream(
  stream: Stream,
  connection: Connection,
  service: Service & { onReader: () => void },
): Promise<void> {
  const channel = messageChannel(stream, listingCodec, service.clock);
  const reader = new Reader(channel, peerIdOf(connection.remotePeer), service);
  try {
    await reader.serve(service.onReader);
  } catch (error) {
    if (error instanceof MalformedError) service.refused.count(`listing:${error.reason}`);
    channel.abort(asError(error));
  } finally {
    service.readers.delete(reader);
  }
}

/** The other end of one stream. */
class Reader {
  readonly #channel: MessageChannel<ListingMessage>;
  readonly #from: PeerId;
  readonly #service: Service;
  #query: BrowseQuery | null = null;
  /** What it was told for the query. */
  #told = new Map<ChannelId, Listing>();
  #isTold = false;
  #countedAt = -Infinity;
  #isTelling = false;
  #fetches = 0;
  /** Snapshots leave one after the other, so that they never pile up before a slow reader. */
  #fetching: Promise<void> = Promise.resolve();

  constructor(channel: MessageChannel<ListingMessage>, from: PeerId, service: Service) {
    this.#channel = channel;
    this.#from = from;
    this.#service = service;
  }

  /** @throws When the stream ends, which is how it ends. */
  async serve(onReader: () => void): Promise<never> {
    const bucket = tokenBucket(MESSAGES_PER_SECOND, MESSAGE_BURST);
    for (;;) {
      const message = await this.#channel.read();
      if (!bucket.take(this.#service.clock.now())) throw new MalformedError('too-large', 'too many messages');
      await this.#take(message, onReader);
    }
  }

  /** Tells what has changed since it was last told. Not while the last word is on its way. */
  async tell(): Promise<void> {
    if (this.#isTelling || this.#query === null) return;
    this.#isTelling = true;
    try {
      // Another query may come while the answer to the last one leaves.
      for (let query: BrowseQuery | null = null; query !== this.#query;) {
        query = this.#query;
        await this.#tellChanges(query);
      }
    } catch (error) {
      this.#channel.abort(asError(error));
    } finally {
      this.#isTelling = false;
    }
  }

  async #take(message: ListingMessage, onReader: () => void): Promise<void> {
    switch (message.type) {
      case 'browse':
        this.#browse(message);
        onReader();
        return;
      case 'fetch':
        return this.#fetch(message.channel, message.own);
      case 'show': {
        const refusal = await this.#service.handlers.show(message.signed, this.#from);
        if (refusal !== null) this.#service.refused.count(`snapshot:${refusal}`);
        return;
      }
      default:
        throw new MalformedError('wrong-shape', `a relay is not sent ${message.type}`);
    }
  }

  #browse({ app, own, most }: BrowseQuery): void {
    const { readers } = this.#service;
    if (readers.size >= MAX_READERS && !readers.has(this))
      throw new MalformedError('too-large', 'too many readers');
    readers.add(this);
    this.#query = { app, own, most };
    this.#told = new Map();
    this.#isTold = false;
    void this.tell();
  }

  async #tellChanges(query: BrowseQuery): Promise<void> {
    const told = this.#told;
    const { handlers, clock } = this.#service;
    const withCounts = clock.now() - this.#countedAt >= COUNT_MS;
    if (withCounts) this.#countedAt = clock.now();
    const { channels, removed } = listingChanges(told, handlers.list(query), withCounts);
    // Also where there is nothing: the reader then knows that.
    let isDue = !this.#isTold;
    this.#isTold = true;
    while (isDue || channels.length > 0 || removed.length > 0) {
      isDue = false;
      const [added, gone] = [channels.splice(0, MAX_LISTED_AT_ONCE), removed.splice(0, MAX_UNLISTED_AT_ONCE)];
      const signal = AbortSignal.timeout(STALLED_MS);
      await this.#channel.write({ type: 'listed', channels: added.map(entryOf), removed: gone }, signal);
      for (const { listing } of added) told.set(listing.parsed.channel, listing);
      for (const channel of gone) told.delete(channel);
    }
  }

  #fetch(channel: ChannelId, own: boolean): void {
    const { refused, handlers } = this.#service;
    if (this.#fetches >= MAX_FETCHES) return refused.count('listing:busy');
    this.#fetches++;
    this.#fetching = this.#fetching.then(async () => {
      try {
        const signed = await handlers.snapshot(channel, own);
        await this.#channel.write({ type: 'snapshot', channel, signed }, AbortSignal.timeout(STALLED_MS));
      } catch (error) {
        this.#channel.abort(asError(error));
      } finally {
        this.#fetches--;
      }
    });
  }
}

function entryOf({ listing, withRecord }: ListingChange): ListedChannel {
  const { record, parsed, snapshotAt, viewers } = listing;
  return { channel: parsed.channel, record: withRecord ? record : null, snapshotAt, viewers };
}
