/** Viewers of one channel that are served outside the tree: they take its media from the hub, and have no link. */

import type { LinkQuality } from './relay-overview.ts';
import type { Hub } from './media/hub.ts';
import { linkQuality } from './media/link-quality.ts';
import type { RtpSink } from './media/rtp-sink.ts';

/** The place of one player in a channel, from when it asks. */
export interface PlayerSeat {
  /** Called when the channel ends, or is given up here. Not after {@link PlayerSeat.leave}. */
  onClosed: (() => void) | null;
  /** Sends the player a stream from its next key frame on. */
  add(sink: RtpSink): void;
  /** Takes all streams away. Idempotent. */
  leave(): void;
}

export class ChannelPlayers {
  readonly #hub: Hub;
  /** Their number has changed. */
  readonly #onChange: () => void;
  readonly #seats = new Set<Seat>();

  constructor(hub: Hub, onChange: () => void) {
    this.#hub = hub;
    this.#onChange = onChange;
  }

  get size(): number {
    return this.#seats.size;
  }

  /** Of each player, in the order of coming. */
  qualities(): LinkQuality[] {
    return [...this.#seats].map((seat) => seat.quality());
  }

  enter(): PlayerSeat {
    const seat = new Seat(this.#hub, () => {
      if (this.#seats.delete(seat)) this.#onChange();
    });
    this.#seats.add(seat);
    this.#onChange();
    return seat;
  }

  /** Tells everybody that it is over. */
  close(): void {
    for (const seat of this.#seats) {
      const { onClosed } = seat;
      seat.leave();
      onClosed?.();
    }
  }
}

class Seat implements PlayerSeat {
  onClosed: (() => void) | null = null;
  readonly #hub: Hub;
  readonly #onLeft: () => void;
  readonly #sinks: RtpSink[] = [];
  #hasLeft = false;

  constructor(hub: Hub, onLeft: () => void) {
    this.#hub = hub;
    this.#onLeft = onLeft;
  }

  add(sink: RtpSink): void {
    if (this.#hasLeft) return;
    this.#sinks.push(sink);
    this.#hub.addSink(sink);
  }

  quality(): LinkQuality {
    return linkQuality(this.#sinks);
  }

  leave(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.onClosed = null;
    for (const sink of this.#sinks) this.#hub.removeSink(sink);
    this.#onLeft();
  }
}
