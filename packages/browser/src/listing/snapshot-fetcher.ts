/** Fetches the snapshots that a page does not have yet from the relays that list them, the most viewed first. */

import { compareListings, MalformedError, type ChannelId, type Listing } from '@casto/core';
import {
  tokenBucket,
  verifySnapshot,
  type Clock,
  type ListingClient,
  type RefusalCounter,
  type SignedSnapshot,
} from '@casto/host';

/** Below what a relay takes from one stream. A hundred channels take a snapshot each in 30 s. */
const FETCHES_PER_SECOND = 5;
const FETCH_BURST = 20;
const PACE_MS = 250;
/** A snapshot that did not come is asked for again after this long. */
const RETRY_MS = 30_000;

export interface SnapshotFetcherOptions {
  readonly clock: Clock;
  readonly refused: RefusalCounter;
  /** Snapshots that are under way, whoever fetches them. */
  readonly underWay: Set<ChannelId>;
  readonly client: () => ListingClient | null;
  readonly listed: () => Iterable<Listing>;
  readonly wants: (listing: Listing) => boolean;
  /** @returns Whether it was of use. */
  readonly onSnapshot: (signed: SignedSnapshot) => boolean;
}

export class SnapshotFetcher {
  readonly #options: SnapshotFetcherOptions;
  readonly #pace = tokenBucket(FETCHES_PER_SECOND, FETCH_BURST);
  readonly #failedAt = new Map<ChannelId, number>();
  #isFetching = false;

  constructor(options: SnapshotFetcherOptions) {
    this.#options = options;
  }

  /** Fetches what is there to fetch, one after the other. Never rejects. */
  async fetchAll(): Promise<void> {
    if (this.#isFetching) return;
    this.#isFetching = true;
    const { client, clock } = this.#options;
    for (let next = this.#next(); next !== null; next = this.#next()) {
      while (!this.#pace.take(clock.now())) await passed(clock, PACE_MS);
      const open = client();
      if (open === null) break;
      await this.#fetch(open, next);
    }
    this.#isFetching = false;
  }

  #next(): Listing | null {
    const { clock, underWay, listed, wants } = this.#options;
    const now = clock.now();
    for (const [channel, at] of this.#failedAt) if (now - at >= RETRY_MS) this.#failedAt.delete(channel);
    const wanted = [...listed()].filter(
      (listing) =>
        wants(listing) &&
        !underWay.has(listing.parsed.channel) &&
        !this.#failedAt.has(listing.parsed.channel),
    );
    return wanted.sort(compareListings)[0] ?? null;
  }

  async #fetch(client: ListingClient, listing: Listing): Promise<void> {
    const { clock, refused, underWay, wants, onSnapshot } = this.#options;
    const { channel } = listing.parsed;
    underWay.add(channel);
    try {
      const bytes = await client.snapshot(channel, false);
      const signed = bytes === null ? null : await verifySnapshot(bytes);
      const isOfUse = signed !== null && signed.snapshot.channel === channel && onSnapshot(signed);
      // One that is older than was said leaves a wish, which must not be asked for without end.
      if (!isOfUse || wants(listing)) this.#failedAt.set(channel, clock.now());
    } catch (error) {
      this.#failedAt.set(channel, clock.now());
      refused.count(`snapshot:${error instanceof MalformedError ? error.reason : 'failed'}`);
    } finally {
      underWay.delete(channel);
    }
  }
}

function passed(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.setTimer(resolve, ms));
}
