/** Pages that offer places of one channel here: a relay asks them when nobody else has the channel. */

import type { ChannelId, Directory, OfferedCandidate, PeerId } from '@casto/core';
import type { Clock, Probed } from '@casto/host';

/** Asks a page over the stream that it holds here. Must not reject. */
export type ProbePage = (channel: ChannelId, page: PeerId) => Promise<Probed | null>;

export interface ChannelPagesOptions {
  readonly channel: ChannelId;
  /** The relay, which offers places in the directory as well. */
  readonly self: PeerId;
  readonly clock: Clock;
  readonly directory: Directory;
  readonly probe: ProbePage;
}

export class ChannelPages {
  readonly #options: ChannelPagesOptions;

  constructor(options: ChannelPagesOptions) {
    this.#options = options;
  }

  get isAny(): boolean {
    return this.#options.directory.size > 0;
  }

  /** Those to ask, likely best first. They are connected: what they say of their addresses is not for a relay to dial. */
  find(layers: number): readonly OfferedCandidate[] {
    const { directory, clock, self } = this.#options;
    const found = directory.find(clock.now(), self, layers);
    return found.map((candidate) => ({ ...candidate, addresses: [] }));
  }

  has(page: PeerId): boolean {
    return this.#options.directory.has(page);
  }

  /** Asks a page where it stands; `null` when it does not answer. Never rejects. */
  probe(page: PeerId): Promise<Probed | null> {
    const { probe, channel } = this.#options;
    return probe(channel, page);
  }
}
