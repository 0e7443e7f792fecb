/** Rendezvous streams of this relay to others, one for each, whatever the number of channels. */

import type { Connection } from '@libp2p/interface';
import type { PeerId } from '@casto/core';
import { RendezvousClient, type Clock } from '@casto/host';

/** The one that was opened first is closed beyond this; it is opened anew when it is needed. */
const MAX_STREAMS = 64;
const OPEN_MS = 5_000;

export class RelayStreams {
  readonly #clock: Clock;
  readonly #clients = new Map<PeerId, Promise<RendezvousClient>>();
  readonly #closing = new AbortController();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws When the relay cannot be reached, or is none. */
  async to(relay: PeerId, connect: () => Promise<Connection>): Promise<RendezvousClient> {
    const known = await this.#clients.get(relay)?.catch(() => null);
    if (known && !known.isClosed) return known;
    const opening = this.#open(relay, connect);
    this.#clients.delete(relay);
    this.#clients.set(relay, opening);
    opening.catch(() => this.#forget(relay, opening));
    this.#closeOldest();
    return opening;
  }

  close(): void {
    this.#closing.abort(new Error('the relay is closing'));
    for (const relay of this.#clients.keys()) this.#close(relay);
  }

  async #open(relay: PeerId, connect: () => Promise<Connection>): Promise<RendezvousClient> {
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(OPEN_MS)]);
    const connection = await connect();
    const client = await RendezvousClient.open(connection, signal, this.#clock);
    client.onClosed = () => this.#forgetClosed(relay);
    return client;
  }

  #closeOldest(): void {
    const [oldest] = this.#clients.keys();
    if (this.#clients.size > MAX_STREAMS && oldest !== undefined) this.#close(oldest);
  }

  #close(relay: PeerId): void {
    const client = this.#clients.get(relay);
    this.#clients.delete(relay);
    client?.then(
      (open) => open.close(),
      () => {},
    );
  }

  #forget(relay: PeerId, client: Promise<RendezvousClient>): void {
    if (this.#clients.get(relay) === client) this.#clients.delete(relay);
  }

  #forgetClosed(relay: PeerId): void {
    const client = this.#clients.get(relay);
    client?.then(
      (open) => {
        if (open.isClosed) this.#forget(relay, client);
      },
      () => {},
    );
  }
}
