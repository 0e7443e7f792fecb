/**
 * How a viewer looks for parents, on behalf of the tree: it asks its relays, whom they name, and waits while the
 * channel is not live.
 *
 *   searching ──not live──▶ waiting ──news──▶ searching
 */

import type { Libp2p } from '@libp2p/interface';
import { reconnectWaitMs, type ChannelId, type PeerId, type TreeInput, type TreeView } from '@casto/core';
import type { ChannelNews, Neighbours } from '@casto/host';
import { markStep } from './attachment.ts';
import { CastoError, toCastoError } from './errors.ts';
import { isWorthRetrying } from './join-failure.ts';
import { wait } from './page-peer.ts';
import { PageRelays } from './page-relays.ts';
import { ParentFinder } from './parent-finder.ts';
import type { RelaySession } from './relay-session.ts';
import type { RelayTarget } from './relay-list.ts';
import type { Reach } from './stumble-guard.ts';

/**
 * Rounds of asking that may fail before a first search is given up, after about ten seconds: where relays are full, those
 * who have just come offer places within a few.
 */
const FIRST_ROUNDS = 7;

export interface ParentSearchOptions {
  libp2p: Libp2p;
  channel: ChannelId;
  targets: readonly RelayTarget[];
  now: () => number;
  signal: AbortSignal;
  /** Peers at the other ends of links: they are asked when no relay is left. */
  neighbours: () => Neighbours | null;
  /** The tree that searches. */
  tell: (input: TreeInput) => void;
  view: () => TreeView;
  /** No further attempt helps, or a first search has had its rounds. */
  onFailure: (failure: CastoError) => void;
  /** A relay is connected. */
  onRelay: (session: RelaySession) => void;
}

export class ParentSearch {
  readonly finder: ParentFinder;
  readonly #options: ParentSearchOptions;
  readonly #relays: PageRelays;
  #rounds = 0;
  #hadParent = false;
  #lastFailure: CastoError | null = null;
  /** Relays that have never heard of the channel. */
  readonly #ignorant = new Set<PeerId>();
  /** The channel is not live: searching goes on when a relay says that it is. */
  #isWaiting = false;

  constructor(options: ParentSearchOptions) {
    const { libp2p, channel, targets, now, signal } = options;
    this.#options = options;
    this.#relays = new PageRelays({
      libp2p,
      targets,
      signal,
      now,
      onLost: () => (this.#isWaiting = false),
      onOpened: options.onRelay,
    });
    this.finder = new ParentFinder({ libp2p, channel, relays: this.#relays });
  }

  /** Those that are connected. */
  get relays(): readonly RelaySession[] {
    return this.#relays.open;
  }

  /** @throws {CastoError} When no relay is there. */
  async reachRelay(): Promise<void> {
    const { signal } = this.#options;
    for (let attempt = 0; ; attempt++) {
      try {
        await this.#relays.first();
        markStep('relay');
        // Most places are at other pages: what leads there is fetched while the relay is asked.
        void this.finder.prepare();
        return;
      } catch (error) {
        const failure = toCastoError(error, 'no-relay', 'the relay cannot be reached');
        if (signal.aborted || attempt + 1 >= FIRST_ROUNDS) throw failure;
        await wait(reconnectWaitMs(attempt, Math.random()), signal);
      }
    }
  }

  async seek(layers: number): Promise<void> {
    const { signal, tell } = this.#options;
    if (this.#isWaiting || signal.aborted) return;
    if (!this.#hadParent && this.#isRoundOver() && this.#rounds++ >= FIRST_ROUNDS) return this.#exhausted();
    // A first join does not wait for a second opinion; an outcast asks those it depends on, whatever they did.
    const isFirst = !this.#hadParent && this.#rounds === 1;
    if ((isFirst || this.#isOutcast()) && this.#askRelay()) return;
    if (this.#hadParent && this.#relays.open.length === 0) return this.#askNeighbours(layers);
    try {
      await this.#ask(await this.#relays.first(), layers);
    } catch (error) {
      this.failed(toCastoError(error, 'no-relay', 'the relay was lost'));
      tell({ type: 'found', candidates: [], isLast: true });
    }
  }

  async probe(peerId: PeerId): Promise<void> {
    const epoch = this.#isWaiting ? null : this.#options.view().epoch;
    const neighbours = this.#relays.open.length === 0 ? this.#options.neighbours() : null;
    const probed =
      neighbours?.reaches(peerId) === true
        ? await neighbours.probe(peerId)
        : await this.finder.probe(peerId, { epoch });
    const { rttMs, standing } = probed ?? { rttMs: 0, standing: null };
    this.#options.tell({ type: 'probed', peerId, rttMs, standing });
  }

  /** A picture has come. A standby will be looked for soon, and reaching another relay takes longer than a search. */
  succeeded(): void {
    this.#hadParent = true;
    this.#isWaiting = false;
    void this.#relays.second();
  }

  /** Failures that another attempt may mend are no news. */
  failed(failure: CastoError): void {
    this.#lastFailure = failure;
    if (!isWorthRetrying(failure)) this.#options.onFailure(failure);
  }

  /** A peer said no. One of the page's relays is listened to until the channel is live. */
  refused(peerId: PeerId, failure: CastoError): void {
    const session = this.#relays.of(peerId);
    const isNotLive = failure.reason === 'channel-offline' || failure.reason === 'channel-not-found';
    if (session === null || !isNotLive) return this.failed(failure);
    this.#followChannel(session, failure).catch((error: unknown) =>
      this.failed(toCastoError(error, 'no-relay', 'the relay was lost')),
    );
  }

  /** How to ask about a parent beside the link to it; only the page's own relays can be asked so. */
  reachOf(peerId: PeerId): () => Promise<Reach> {
    if (this.#relays.of(peerId) === null) return () => Promise.resolve('unknown');
    return async () => {
      const probed = await this.finder.probe(peerId, { epoch: null });
      if (this.#relays.of(peerId) === null) return 'gone';
      return probed === null ? 'unknown' : 'answers';
    };
  }

  /** The tree also looks around while somebody takes long to answer. */
  #isRoundOver(): boolean {
    return this.#options.view().parents.length === 0;
  }

  #exhausted(): void {
    this.#options.onFailure(this.#lastFailure ?? new CastoError('timed-out', 'no parent answers'));
  }

  /** The relays are gone: whoever is linked to this page knows others. Meanwhile a relay is looked for. */
  async #askNeighbours(layers: number): Promise<void> {
    const { neighbours, tell } = this.#options;
    this.#relays.first().catch(() => {});
    tell({ type: 'found', candidates: (await neighbours()?.seek(layers)) ?? [], isLast: true });
  }

  /** While there is a parent, nothing is lost by waiting for a relay that still has to be connected. */
  async #ask(first: RelaySession, layers: number): Promise<void> {
    const { tell, view } = this.#options;
    const isUrgent = view().phase === 'detached' && this.#relays.open.length < 2;
    const second = this.#relays
      .second()
      .then((session) => (session === null ? [] : this.finder.seek(session, layers)));
    tell({ type: 'found', candidates: await this.finder.seek(first, layers), isLast: isUrgent });
    tell({ type: 'found', candidates: await second, isLast: true });
  }

  /** Whether the page has no parent, and all its relays are banned. */
  #isOutcast(): boolean {
    const { phase, banned } = this.#options.view();
    const isBanned = ({ relayId }: RelaySession): boolean => banned.some(({ peerId }) => peerId === relayId);
    return phase === 'detached' && this.#relays.open.every(isBanned);
  }

  /** Asks the first relay for a place without looking around. @returns Whether there is one to ask. */
  #askRelay(): boolean {
    const { tell, view } = this.#options;
    const [relay] = this.#relays.open;
    if (!relay || view().parents.some(({ peerId }) => peerId === relay.relayId)) return false;
    tell({ type: 'named', parents: [{ peerId: relay.relayId, addresses: [] }] });
    return true;
  }

  /** Waits for the relay's word that the channel is live; until then, asking again is of no use. */
  async #followChannel(session: RelaySession, refusal: CastoError): Promise<void> {
    const rendezvous = await session.rendezvous();
    let isFirst = true;
    await rendezvous.watch(this.#options.channel, (news) => {
      this.#takeNews(session, news, isFirst ? refusal : null);
      isFirst = false;
    });
  }

  /** @param refusal - That the news explains, `null` for news that come by themselves. */
  #takeNews({ relayId }: RelaySession, { live, record }: ChannelNews, refusal: CastoError | null): void {
    const hadWaited = this.#isWaiting;
    const isUnknown = refusal?.reason === 'channel-not-found' && record === null && !live;
    if (isUnknown) this.#ignorant.add(relayId);
    else this.#ignorant.delete(relayId);
    const isLost = this.#relays.open.every((relay) => this.#ignorant.has(relay.relayId));
    if (isUnknown && isLost) {
      this.#isWaiting = false;
      return this.failed(refusal);
    }
    if (isUnknown) return;
    this.#isWaiting = !live && this.#options.view().phase === 'detached';
    if (this.#isWaiting) this.#rounds = 0;
    else if (hadWaited && live) this.#askRelay();
  }
}
