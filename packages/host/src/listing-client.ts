/** The listing stream of whoever wants to know which channels are live, or has a snapshot to give (PROTOCOL.md, V). */

import type { Connection } from '@libp2p/interface';
import {
  LISTING_PROTOCOL,
  listingCodec,
  MalformedError,
  type ChannelId,
  type ListedChannel,
  type ListingMessage,
} from '@casto/core';
import { processClock, type Clock } from './clock.ts';
import type { BrowseQuery } from './listing-server.ts';
import { asError, messageChannel, type MessageChannel } from './message-channel.ts';
import { tokenBucket } from './token-bucket.ts';

/** What a relay tells of its list. */
export interface ListedNews {
  readonly channels: readonly ListedChannel[];
  readonly removed: readonly ChannelId[];
}

/** A relay may have to ask another one. */
const FETCH_MS = 8_000;
/** A list of 500 of the longest records takes 42 messages, changes one a second. */
const NEWS_PER_SECOND = 5;
const NEWS_BURST = 100;
/** Messages that wait until those before them are checked. */
const MAX_UNCHECKED = 64;
/** Snapshots that are awaited at a time; a relay answers them one after the other. */
const MAX_FETCHES = 4;

type Settle = (signed: Uint8Array | null) => void;

export class ListingClient {
  /** Called once when the stream is gone, whoever ended it. */
  onClosed: (() => void) | null = null;
  readonly #channel: MessageChannel<ListingMessage>;
  readonly #clock: Clock;
  readonly #fetches = new Map<
    ChannelId,
    { readonly answer: Promise<Uint8Array | null>; readonly settle: Settle }
  >();
  readonly #news = tokenBucket(NEWS_PER_SECOND, NEWS_BURST);
  #onListed: ((news: ListedNews) => Promise<void>) | null = null;
  /** The stream is read on meanwhile, or snapshots would wait behind signatures and its buffer would overflow. */
  #checking: Promise<void> = Promise.resolve();
  #unchecked = 0;
  #isClosed = false;

  private constructor(channel: MessageChannel<ListingMessage>, clock: Clock) {
    this.#channel = channel;
    this.#clock = clock;
    void this.#readAll();
  }

  /** @throws When the other end lists nothing, or `signal` aborts. */
  static async open(
    connection: Connection,
    signal: AbortSignal,
    clock: Clock = processClock,
  ): Promise<ListingClient> {
    const stream = await connection.newStream(LISTING_PROTOCOL, { signal });
    return new ListingClient(messageChannel(stream, listingCodec, clock), clock);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Asks for the list.
   *
   * @param onListed - Called with the list as it is, in pieces, and with its changes, each when the call before has
   *   resolved. What is told is unchecked.
   * @throws When the stream has ended.
   */
  async browse(query: BrowseQuery, onListed: (news: ListedNews) => Promise<void>): Promise<void> {
    this.#onListed = onListed;
    await this.#channel.write({ type: 'browse', ...query });
  }

  /**
   * Asks for the newest snapshot of a channel. Whoever asks while an answer is awaited gets the same.
   *
   * @param own - The relay asks no other for it.
   * @returns Unchecked bytes; `null` when there is none, or no answer. Never rejects.
   */
  async snapshot(channel: ChannelId, own: boolean): Promise<Uint8Array | null> {
    const known = this.#fetches.get(channel);
    if (known !== undefined) return known.answer;
    if (this.#isClosed || this.#fetches.size >= MAX_FETCHES) return null;
    let settle: Settle = () => {};
    const answer = new Promise<Uint8Array | null>((resolve) => {
      const cancel = this.#clock.setTimer(() => settle(null), FETCH_MS);
      settle = (signed) => {
        cancel();
        this.#fetches.delete(channel);
        resolve(signed);
      };
    });
    this.#fetches.set(channel, { answer, settle });
    this.#tell({ type: 'fetch', channel, own });
    return answer;
  }

  /** Gives the relay this peer's own snapshot. @throws When the stream has ended. */
  show(signed: Uint8Array): Promise<void> {
    return this.#channel.write({ type: 'show', signed });
  }

  async close(): Promise<void> {
    await this.#channel.close();
    this.#end();
  }

  #tell(message: ListingMessage): void {
    this.#channel.write(message).catch((error: unknown) => this.#fail(asError(error)));
  }

  async #readAll(): Promise<void> {
    try {
      for (;;) this.#take(await this.#channel.read());
    } catch (error) {
      this.#fail(asError(error));
    }
  }

  #take(message: ListingMessage): void {
    switch (message.type) {
      case 'listed':
        return this.#takeNews(message);
      case 'snapshot':
        this.#fetches.get(message.channel)?.settle(message.signed);
        return;
      default:
      // A relay does not browse; what it sends by mistake changes nothing here.
    }
  }

  #takeNews(news: ListedNews): void {
    if (!this.#news.take(this.#clock.now()) || this.#unchecked >= MAX_UNCHECKED)
      throw new MalformedError('too-large', 'too many changes');
    this.#unchecked++;
    this.#checking = this.#checking
      .then(() => this.#onListed?.(news))
      .catch((error: unknown) => this.#fail(asError(error)))
      .finally(() => this.#unchecked--);
  }

  #fail(error: Error): void {
    this.#channel.abort(error);
    this.#end();
  }

  #end(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const { settle } of this.#fetches.values()) settle(null);
    this.onClosed?.();
  }
}
