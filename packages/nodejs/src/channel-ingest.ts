/** Where a broadcast enters a channel from outside the tree: the sources of its publisher, whoever that is just now. */

import type { Hub } from './media/hub.ts';
import type { RtpSource } from './media/rtp-source.ts';

export class ChannelIngest {
  /** Of the broadcast as it is published now, seconds since 1970. */
  epoch: number;
  /** Called every 20 to 50 ms while the channel is carried. Must not throw. */
  onTick: ((now: number) => void) | null = null;
  #hub: Hub | null = null;
  readonly #sources = new Set<RtpSource>();

  constructor(epoch: number) {
    this.epoch = epoch;
  }

  /** The channel is ready. */
  open(hub: Hub): void {
    this.#hub = hub;
    for (const source of this.#sources) hub.setSource(source);
  }

  /** From its next key frame on this source feeds its stream of the channel. */
  feed(source: RtpSource): void {
    this.#sources.add(source);
    this.#hub?.setSource(source);
  }

  /** The source is closed by its owner. */
  drop(source: RtpSource): void {
    this.#sources.delete(source);
    this.#hub?.removeSource(source);
  }

  tick(now: number): void {
    this.onTick?.(now);
  }
}
