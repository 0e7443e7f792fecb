/** The relays that a viewer talks to: the first of its list that answers, and another one for a second opinion. */

import type { Libp2p } from '@libp2p/interface';
import type { PeerId } from '@casto/core';
import type { RelayTarget } from './relay-list.ts';
import { connectRelay, type RelaySession } from './relay-session.ts';

/** A list may name relays that do not exist; they are tried again this long after they did not answer. */
const RETRY_MS = 30_000;

export interface PageRelaysOptions {
  libp2p: Libp2p;
  targets: readonly RelayTarget[];
  signal: AbortSignal;
  now: () => number;
  /** A relay is gone. */
  onLost: (session: RelaySession) => void;
  onOpened: (session: RelaySession) => void;
}

export class PageRelays {
  readonly #options: PageRelaysOptions;
  #sessions: RelaySession[] = [];
  #opening: Promise<RelaySession> | null = null;
  #openingSecond: Promise<RelaySession | null> | null = null;
  #triedSecondAt = -Infinity;

  constructor(options: PageRelaysOptions) {
    this.#options = options;
  }

  /** Those that are connected, the one with which the page began first. */
  get open(): readonly RelaySession[] {
    return this.#sessions.filter(({ isOpen }) => isOpen);
  }

  /** The open session with this relay. */
  of(peerId: PeerId): RelaySession | null {
    return this.open.find(({ relayId }) => relayId === peerId) ?? null;
  }

  /** @throws {CastoError} `no-relay`, `aborted`. */
  first(): Promise<RelaySession> {
    const [session] = this.open;
    if (session) return Promise.resolve(session);
    const { libp2p, targets, signal } = this.#options;
    this.#opening ??= connectRelay(libp2p, targets, signal)
      .then((opened) => this.#take(opened))
      .finally(() => (this.#opening = null));
    return this.#opening;
  }

  /** Connects to another relay of the list than the first. @returns `null` when none answers. Never rejects. */
  second(): Promise<RelaySession | null> {
    const [first, second] = this.open;
    if (second) return Promise.resolve(second);
    if (!first || this.#options.now() - this.#triedSecondAt < RETRY_MS) return Promise.resolve(null);
    this.#openingSecond ??= this.#openSecond(first).finally(() => (this.#openingSecond = null));
    return this.#openingSecond;
  }

  /** One after the other, because two names may lead to one relay. */
  async #openSecond(first: RelaySession): Promise<RelaySession | null> {
    const { libp2p, targets, signal, now } = this.#options;
    for (const target of targets) {
      if (target === first.target) continue;
      const opened = await connectRelay(libp2p, [target], signal).catch(() => null);
      if (opened === null) continue;
      const known = this.of(opened.relayId);
      if (known === null) return this.#take(opened);
      if (opened.connection !== known.connection) void opened.close();
    }
    this.#triedSecondAt = now();
    return null;
  }

  #take(session: RelaySession): RelaySession {
    this.#sessions = [...this.open, session];
    session.onClosed = () => this.#options.onLost(session);
    this.#options.onOpened(session);
    return session;
  }
}
