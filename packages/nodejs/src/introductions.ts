/** What a relay says to joiners whom it does not serve itself: whom they may ask, or why not. */

import type { Connection } from '@libp2p/interface';
import type { ChannelId, Directory, ParentCandidate, PeerId, Refusal } from '@casto/core';
import { treeJoinOf, type Clock, type JoinDecision, type JoinRequest } from '@casto/host';
import type { RecordMemory } from './record-memory.ts';

/** Places named to a joiner: enough to choose, few enough that a crowd spreads. */
const NAMED_PLACES = 3;

export interface IntroductionsOptions {
  readonly self: PeerId;
  readonly clock: Clock;
  readonly records: RecordMemory;
  /** Addresses at which viewers reach a streamer through this relay's circuit. */
  readonly circuitAddresses: (streamer: PeerId) => string[];
  /** Who has told of free slots; `null`: nobody has told of anything in this channel. */
  readonly directory: (channel: ChannelId) => Directory | null;
  /** The streamer's own connection, while it announces the channel here. */
  readonly streamer: (channel: ChannelId) => Connection | null;
  /** Names children with room; `null`: there is none, or the channel is not carried. */
  readonly sendOn: (join: JoinRequest, from: PeerId) => JoinDecision | null;
}

export class Introductions {
  readonly #options: IntroductionsOptions;

  constructor(options: IntroductionsOptions) {
    this.#options = options;
  }

  /** The streamer itself, through this relay's circuit. */
  to(channel: ChannelId): ParentCandidate[] {
    const { streamer, circuitAddresses } = this.#options;
    if (streamer(channel) === null) return [];
    const addresses = circuitAddresses(channel);
    return addresses.length > 0 ? [{ peerId: channel, addresses }] : [];
  }

  /** The answer of a relay that carries no media. */
  offer(join: JoinRequest, from: PeerId): JoinDecision {
    const { streamer, records } = this.#options;
    const decision = this.fromFull(join, from);
    // Without an introduction the streamer is live, and serves nobody itself.
    if (decision.type === 'redirect' || streamer(join.channel) !== null) return decision;
    return refuse(records.get(join.channel) === null ? 'not-found' : 'offline', 2_000);
  }

  /** The answer of a relay that serves as many as it may, over all its channels. */
  fromFullRelay(join: JoinRequest, from: PeerId): JoinDecision {
    return this.#options.sendOn(join, from) ?? this.fromFull(join, from);
  }

  /** The answer for a channel in which neither the relay nor its children have room. */
  fromFull(join: JoinRequest, from: PeerId): JoinDecision {
    const places = this.#places(join, from);
    // Whoever is full sends on to others.
    const parents = places.length > 0 ? places : this.to(join.channel);
    return parents.length > 0 ? { type: 'redirect', parents } : refuse('full', 5_000);
  }

  /** The answer of a relay that is about to leave; the way over it to the streamer leaves with it. */
  fromDraining(join: JoinRequest, from: PeerId): JoinDecision {
    const parents = this.#places(join, from);
    return parents.length > 0 ? { type: 'redirect', parents } : refuse('draining', 5_000);
  }

  #places(join: JoinRequest, from: PeerId): ParentCandidate[] {
    const { self, clock, directory } = this.#options;
    const { layers } = treeJoinOf(join);
    const found = directory(join.channel)?.find(clock.now(), from, layers, NAMED_PLACES) ?? [];
    return found
      .filter(({ peerId }) => peerId !== self)
      .map(({ peerId, addresses }) => ({ peerId, addresses: [...addresses] }));
  }
}

export function isRefusedAsFull(decision: JoinDecision): boolean {
  return decision.type === 'refuse' && decision.reason === 'full';
}

export function refuse(reason: Refusal, retryAfterMs: number): JoinDecision {
  return { type: 'refuse', reason, retryAfterMs };
}
