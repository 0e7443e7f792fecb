/** The listing stream: raw bytes into a relay's server, while another peer goes on looking at the list. */

import { compareListings, listingCodec, type Listing } from '@casto/core';
import { ListingClient, refusalCounter, serveListing, verifySnapshot } from '@casto/host';
import { VirtualClock } from '@casto/host/conformance/virtual-clock';
import { decodeChecked } from '../decoding.ts';
import type { FuzzSession, FuzzTarget, Size } from '../fuzz-target.ts';
import { validListing } from '../valid-messages.ts';
import { END_WITHIN_MS, FramedStreams, framedMessages, peer, until, wholeFrames } from './framed-streams.ts';

const ASK_EVERY = 200;

export const listingTarget: FuzzTarget = {
  name: 'listing',
  concurrency: 16,
  generate: (random) => framedMessages(random, validListing),
  open: () => ListingSession.create(),
};

class ListingSession implements FuzzSession {
  readonly #clock = new VirtualClock();
  readonly #refused = refusalCounter();
  readonly #streams = new FramedStreams();
  readonly #listings = Array.from({ length: 10 }, (_, i) => listing(i));
  #steady: ListingClient | null = null;
  #fed = 0;

  static async create(): Promise<ListingSession> {
    const session = new ListingSession();
    await serveListing(session.#streams.libp2p, session.#handlers(), {
      refused: session.#refused,
      clock: session.#clock,
    });
    return session;
  }

  async feed(input: Uint8Array): Promise<string> {
    this.#fed++;
    this.#clock.advance(60);
    if (this.#fed % ASK_EVERY === 0) await this.#lookSteadily();
    decodeChecked(listingCodec, input.subarray(1));
    const { received, status } = await this.#streams.send(peer(2 + (this.#fed % 8)), input);
    const answers = new Set<string>();
    for (const frame of wholeFrames(received)) answers.add(listingCodec.decode(frame)?.type ?? 'unknown');
    return `${answers.size === 0 ? 'no answer' : [...answers].sort().join(' and ')}, ${status}`;
  }

  sizes(): readonly Size[] {
    return [
      { name: 'timers', size: this.#clock.pending, most: 4 * 17 },
      { name: 'reasons of refusal', size: Object.keys(this.#refused.counts).length, most: 20 },
    ];
  }

  async close(): Promise<void> {
    const closing = this.#steady?.close();
    this.#clock.advance(END_WITHIN_MS);
    await closing;
  }

  async #lookSteadily(): Promise<void> {
    if (this.#steady === null || this.#steady.isClosed) {
      const connection = await this.#streams.connection(peer(1));
      this.#steady = await ListingClient.open(connection, AbortSignal.timeout(END_WITHIN_MS), this.#clock);
    }
    let listed = 0;
    await this.#steady.browse({ app: null, own: false, most: 100 }, async ({ channels }) => {
      listed += channels.length;
    });
    await until(() => listed === this.#listings.length, 'the list');
  }

  #handlers(): Parameters<typeof serveListing>[1] {
    return {
      list: ({ most }) => this.#listings.toSorted(compareListings).slice(0, most),
      snapshot: async (channel) => (channel === peer(0) ? new Uint8Array(1_000) : null),
      show: async (signed) => {
        const isGood = await verifySnapshot(signed).then(
          () => true,
          () => false,
        );
        return isGood ? null : 'bad-snapshot';
      },
    };
  }
}

/** The server does not read the records that it passes on. */
function listing(i: number): Listing {
  const channel = peer(i);
  const parsed = {
    channel,
    epoch: i,
    sequence: i,
    expiresAt: 0,
    title: '',
    app: '',
    video: null,
    layers: 0,
    audio: false,
    live: true,
    listed: true,
  };
  return { record: new Uint8Array(300), parsed, viewers: i, snapshotAt: null };
}
