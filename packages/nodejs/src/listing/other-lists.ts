/**
 * What other relays list, for as long as somebody here looks at more than this relay's own channels. Gossip says who
 * has channels; the relays themselves say which, with records that prove it.
 */

import type { Connection } from '@libp2p/interface';
import type { ChannelId, Listing, PeerId } from '@casto/core';
import {
  ListedChannels,
  ListingClient,
  tokenBucket,
  type BrowseQuery,
  type Clock,
  type RefusalCounter,
  type TokenBucket,
} from '@casto/host';

/** Relays asked at a time. */
const MAX_LISTS = 64;
/** Of one relay: with all of them 16 000 records of some hundred bytes. */
const QUERY: BrowseQuery = { app: null, own: true, most: 250 };
/** How often it is looked at who has channels. */
const LOOK_MS = 2_000;
/** After this long without a reader the lists are closed. */
const LINGER_MS = 15_000;
const OPEN_MS = 5_000;
/** A relay that did not answer, or lists nothing, is asked again after this long. */
const RETRY_MS = 30_000;
/** Below what a relay takes from one stream. */
const FETCHES_PER_SECOND = 5;
const FETCH_BURST = 20;

/** What is needed of the relay's network. */
export interface ListingNetwork {
  /** Relays that say that they have channels from their streamers, the likely best first. */
  relaysWithChannels(): readonly PeerId[];
  /** @throws When the relay cannot be reached. */
  connect(relay: PeerId): Promise<Connection>;
}

export interface OtherListsOptions {
  readonly clock: Clock;
  readonly refused: RefusalCounter;
  readonly network: ListingNetwork;
}

interface OtherList {
  readonly listed: ListedChannels;
  /** `null` while it is being opened. */
  client: ListingClient | null;
  readonly fetches: TokenBucket;
}

export class OtherLists {
  readonly #options: OtherListsOptions;
  readonly #lists = new Map<PeerId, OtherList>();
  readonly #failedAt = new Map<PeerId, number>();
  readonly #closing = new AbortController();
  #wantedAt = -Infinity;
  #cancelLook: (() => void) | null = null;

  constructor(options: OtherListsOptions) {
    this.#options = options;
  }

  /** Relays whose lists are open. */
  get size(): number {
    return this.#lists.size;
  }

  /** Somebody looks. */
  want(): void {
    this.#wantedAt = this.#options.clock.now();
    if (this.#cancelLook === null && !this.#closing.signal.aborted) this.#look();
  }

  /** What each of them lists. */
  all(): Iterable<Listing>[] {
    return [...this.#lists.values()].map(({ listed }) => listed.all.values());
  }

  /** What is known of one channel from the relay that has the newest snapshot of it. */
  newest(channel: ChannelId): Listing | null {
    return this.#source(channel)?.listing ?? null;
  }

  /** The newest snapshot of a channel, unchecked. Never rejects. */
  async snapshot(channel: ChannelId): Promise<Uint8Array | null> {
    const { clock, refused } = this.#options;
    const source = this.#source(channel);
    if (source === null || source.list.client === null) return null;
    if (source.list.fetches.take(clock.now())) return source.list.client.snapshot(channel, true);
    refused.count('listing:busy');
    return null;
  }

  close(): void {
    this.#closing.abort(new Error('the relay is closing'));
    this.#cancelLook?.();
    for (const relay of this.#lists.keys()) this.#close(relay);
  }

  #source(channel: ChannelId): { list: OtherList; listing: Listing } | null {
    let source: { list: OtherList; listing: Listing } | null = null;
    for (const list of this.#lists.values()) {
      const listing = list.listed.all.get(channel);
      if (listing === undefined || listing.snapshotAt === null || list.client === null) continue;
      if (source === null || listing.snapshotAt > (source.listing.snapshotAt ?? 0))
        source = { list, listing };
    }
    return source;
  }

  #look(): void {
    this.#cancelLook = null;
    const { clock, network } = this.#options;
    const now = clock.now();
    const isWanted = now - this.#wantedAt <= LINGER_MS;
    const relays = isWanted ? network.relaysWithChannels().slice(0, MAX_LISTS) : [];
    for (const relay of this.#lists.keys()) if (!relays.includes(relay)) this.#close(relay);
    for (const [relay, at] of this.#failedAt) if (now - at >= RETRY_MS) this.#failedAt.delete(relay);
    for (const relay of relays) {
      if (!this.#lists.has(relay) && !this.#failedAt.has(relay)) void this.#open(relay);
    }
    if (isWanted) this.#cancelLook = clock.setTimer(() => this.#look(), LOOK_MS);
  }

  async #open(relay: PeerId): Promise<void> {
    const { clock, refused, network } = this.#options;
    const listed = new ListedChannels({ query: QUERY, clock, refused });
    const list: OtherList = { listed, client: null, fetches: tokenBucket(FETCHES_PER_SECOND, FETCH_BURST) };
    this.#lists.set(relay, list);
    try {
      const connection = await network.connect(relay);
      const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(OPEN_MS)]);
      const client = await ListingClient.open(connection, signal, clock);
      if (this.#lists.get(relay) !== list) return void client.close();
      list.client = client;
      client.onClosed = () => this.#failed(relay, list);
      if (client.isClosed) return this.#failed(relay, list);
      await client.browse(QUERY, (news) => listed.take(news));
    } catch {
      this.#failed(relay, list);
    }
  }

  /** One that was forgotten on purpose is no failure. */
  #failed(relay: PeerId, list: OtherList): void {
    if (this.#lists.get(relay) !== list) return;
    this.#lists.delete(relay);
    this.#failedAt.set(relay, this.#options.clock.now());
  }

  #close(relay: PeerId): void {
    const list = this.#lists.get(relay);
    this.#lists.delete(relay);
    void list?.client?.close();
  }
}
