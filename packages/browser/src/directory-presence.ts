/**
 * How a page that takes children is found: it is reached through its relays' circuits, answers where it stands, and
 * tells what it offers.
 */

import type { Libp2p } from '@libp2p/interface';
import { MAX_PEER_ADDRESSES, type ChannelId, type Offer, type Standing } from '@casto/core';
import type { RelaySession } from './relay-session.ts';

export interface DirectoryPresenceOptions {
  readonly libp2p: Libp2p;
  readonly channel: ChannelId;
  readonly standing: () => Standing | null;
  /** The channel's signed record, for relays that have it from nobody else. */
  readonly record: () => Uint8Array | null;
  /** Where others reach this page, kept up to date here. The array stays the same object: the tree holds it. */
  readonly addresses: string[];
  /** The addresses are others than before. */
  readonly onAddresses: () => void;
}

export class DirectoryPresence {
  readonly #options: DirectoryPresenceOptions;
  #sessions: RelaySession[] = [];
  #offer: Offer | null = null;
  /** libp2p forgets a reservation that waits for another one: they are made one after the other. */
  #reserving: Promise<void> = Promise.resolve();

  constructor(options: DirectoryPresenceOptions) {
    this.#options = options;
  }

  /** Lets joiners ask through this relay where the page stands. */
  async answerProbes(session: RelaySession): Promise<void> {
    const rendezvous = await session.rendezvous();
    const { channel, standing } = this.#options;
    rendezvous.onProbe = (asked) => (asked === channel ? standing() : null);
  }

  /** Lets other pages reach this one through the relay. A relay without free reservations is none that helps. */
  async reserveCircuit({ connection }: RelaySession): Promise<void> {
    const { libp2p, addresses: own, onAddresses } = this.#options;
    const { listenOnCircuit } = await import('./page-circuit.ts');
    this.#reserving = this.#reserving.then(() => listenOnCircuit(libp2p, connection)).catch(() => {});
    await this.#reserving;
    const addresses = libp2p.getMultiaddrs().map((address) => address.toString());
    const circuit = addresses.filter((address) => address.includes('/p2p-circuit'));
    own.splice(0, Infinity, ...circuit.slice(0, MAX_PEER_ADDRESSES));
    onAddresses();
  }

  /** Offers places through this relay as well, as long as it is there. */
  async appear(session: RelaySession): Promise<void> {
    if (this.#sessions.includes(session)) return;
    this.#sessions = [...this.#sessions.filter(({ isOpen }) => isOpen), session];
    await this.answerProbes(session);
    await this.reserveCircuit(session);
    await this.#tell(session);
  }

  /** Tells all relays what this page offers; `null`: nothing any more. */
  report(offer: Offer | null): void {
    this.#offer = offer;
    for (const session of this.#sessions) {
      // A relay that is lost meanwhile forgets the page by itself.
      if (session.isOpen) this.#tell(session).catch(() => {});
    }
  }

  async #tell(session: RelaySession): Promise<void> {
    // The stream may be another one than before.
    await this.answerProbes(session);
    const rendezvous = await session.rendezvous();
    const { channel, addresses, record } = this.#options;
    const offer = this.#offer;
    if (addresses.length === 0) return;
    rendezvous.report({
      channel,
      addresses: [...addresses],
      offer,
      record: offer === null ? null : record(),
    });
  }
}
