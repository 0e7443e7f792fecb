/** What a relay says to joiners whom it does not serve itself: that they may ask the streamer, or why not. */

import type { Connection } from '@libp2p/interface';
import type { ChannelId, ParentCandidate, PeerId, Refusal } from '@casto/core';
import type { JoinDecision } from '@casto/host';
import type { RecordMemory } from './record-memory.ts';

export interface IntroductionsOptions {
  readonly records: RecordMemory;
  /** Addresses at which viewers reach a streamer through this relay's circuit. */
  readonly circuitAddresses: (streamer: PeerId) => string[];
  /** The streamer's own connection, while it announces the channel here. */
  readonly streamer: (channel: ChannelId) => Connection | null;
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
  offer(channel: ChannelId): JoinDecision {
    const { streamer, records } = this.#options;
    // Without an introduction the streamer is live, and serves nobody itself.
    if (streamer(channel) !== null) return this.fromFull(channel);
    return refuse(records.get(channel) === null ? 'not-found' : 'offline', 2_000);
  }

  /** The answer of a relay that has no room. */
  fromFull(channel: ChannelId): JoinDecision {
    const parents = this.to(channel);
    return parents.length > 0 ? { type: 'redirect', parents } : refuse('full', 5_000);
  }
}

export function isRefusedAsFull(decision: JoinDecision): boolean {
  return decision.type === 'refuse' && decision.reason === 'full';
}

export function refuse(reason: Refusal, retryAfterMs: number): JoinDecision {
  return { type: 'refuse', reason, retryAfterMs };
}
