/**
 * The list of one relay, for as long as the page wants it: connects, reads, and connects again.
 *
 *   connecting ──listed──▶ open ──lost──▶ waiting ──reconnectWaitMs──▶ connecting
 *
 * What a lost relay listed stays for a while, so that a relay that restarts does not empty the page.
 */

import type { Connection } from '@libp2p/interface';
import { reconnectWaitMs, type ChannelId, type Listing, type PeerId } from '@casto/core';
import {
  ListedChannels,
  ListingClient,
  type BrowseQuery,
  type Clock,
  type ListedNews,
  type RefusalCounter,
} from '@casto/host';
import { wait } from '../page-peer.ts';

/** A relay that was restarted is back within seconds. */
const KEEP_MS = 30_000;
const OPEN_MS = 8_000;
/** Attempts in a row after which nobody is in a hurry any more: the name may not be a relay's at all. */
const HURRIED_ATTEMPTS = 6;
const RETRY_MS = 30_000;

export interface FollowedRelayOptions {
  readonly query: BrowseQuery;
  readonly clock: Clock;
  readonly refused: RefusalCounter;
  readonly signal: AbortSignal;
  /** @throws When the relay cannot be reached. */
  readonly connect: () => Promise<{ connection: Connection; relayId: PeerId; close: () => Promise<void> }>;
  /** The connection over which this relay is followed already, under another name. */
  readonly followedOver: (relayId: PeerId) => Connection | null;
  /** The list, or whether it is open, is not as it was. */
  readonly onChange: () => void;
}

export class FollowedRelay {
  readonly #options: FollowedRelayOptions;
  #listed: ListedChannels | null = null;
  #client: ListingClient | null = null;
  #relayId: PeerId | null = null;
  #connection: Connection | null = null;
  /** What it listed before it was lost. */
  #former = new Map<ChannelId, Listing>();
  #cancelForget: () => void = () => {};
  #isOpen = false;

  constructor(options: FollowedRelayOptions) {
    this.#options = options;
  }

  /** The relay that is connected. */
  get relayId(): PeerId | null {
    return this.#relayId;
  }

  get connection(): Connection | null {
    return this.#connection;
  }

  /** Whether the list is there, be it empty. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  get client(): ListingClient | null {
    return this.#client;
  }

  /** What it lists now. */
  get listed(): Iterable<Listing> {
    return this.#listed?.all.values() ?? [];
  }

  /** What it lists, or listed a moment ago. */
  get lists(): Iterable<Listing>[] {
    return [this.listed, this.#former.values()];
  }

  /** Goes on until the signal aborts. Never rejects. */
  async run(): Promise<void> {
    const { signal } = this.#options;
    for (let failures = 0; !signal.aborted;) {
      const wasOpen = await this.#follow().catch(() => false);
      failures = wasOpen ? 0 : failures + 1;
      const ms = failures > HURRIED_ATTEMPTS ? RETRY_MS : reconnectWaitMs(failures, Math.random());
      await wait(ms, signal).catch(() => {});
    }
    this.#cancelForget();
  }

  /** @returns Whether there was a list, once it is lost. */
  async #follow(): Promise<boolean> {
    const { connect, followedOver, signal } = this.#options;
    const session = await connect();
    const { connection, relayId } = session;
    const known = followedOver(relayId);
    if (known !== null) {
      // Two names of one relay may give the same connection.
      if (known !== connection) void session.close();
      await wait(RETRY_MS, signal).catch(() => {});
      return false;
    }
    this.#relayId = relayId;
    this.#connection = connection;
    try {
      const isRead = await this.#read(connection).then(
        () => true,
        () => false,
      );
      return isRead && this.#isOpen;
    } finally {
      this.#lose();
      void session.close();
    }
  }

  /** Resolves when the list is lost. */
  async #read(connection: Connection): Promise<void> {
    const { query, clock, refused, signal } = this.#options;
    const listed = new ListedChannels({ query, clock, refused });
    const opening = AbortSignal.any([signal, AbortSignal.timeout(OPEN_MS)]);
    const client = await ListingClient.open(connection, opening, clock);
    this.#client = client;
    this.#listed = listed;
    const closed = new Promise<void>((resolve) => {
      client.onClosed = resolve;
      if (client.isClosed) resolve();
    });
    await client.browse(query, async (news) => {
      await listed.take(news);
      if (this.#client === client) this.#heard(news);
    });
    await closed;
  }

  #heard({ removed }: ListedNews): void {
    this.#isOpen = true;
    for (const channel of removed) this.#former.delete(channel);
    this.#options.onChange();
  }

  #lose(): void {
    const { clock, onChange } = this.#options;
    const hadList = this.#isOpen;
    if (hadList) this.#former = new Map(this.#listed?.all);
    this.#client = this.#listed = this.#relayId = this.#connection = null;
    this.#isOpen = false;
    if (!hadList) return;
    this.#cancelForget();
    this.#cancelForget = clock.setTimer(() => {
      this.#former.clear();
      onChange();
    }, KEEP_MS);
    onChange();
  }
}
