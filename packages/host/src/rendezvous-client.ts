/** A peer's side of the rendezvous stream: announces its channel, watches others (PROTOCOL.md, D). */

import type { Connection } from '@libp2p/interface';
import {
  RENDEZVOUS_PROTOCOL,
  rendezvousCodec,
  type AnnounceRefusal,
  type ChannelId,
  type RendezvousMessage,
} from '@casto/core';
import { processClock, type Clock } from './clock.ts';
import { asError, messageChannel, type MessageChannel } from './message-channel.ts';

export type ChannelNews = Omit<Extract<RendezvousMessage, { type: 'channel' }>, 'type'>;

/** The relay did not take the announcement. Branch on `reason`. */
export class AnnounceError extends Error {
  override readonly name = 'AnnounceError';
  readonly reason: AnnounceRefusal;

  constructor(reason: AnnounceRefusal) {
    super(`the relay refused the channel: ${reason}`);
    this.reason = reason;
  }
}

/** A relay checks a signature before it answers; one that takes longer than this has stopped working. */
const ANSWER_MS = 10_000;

interface PendingAnnouncement {
  resolve(answer: { carries: boolean }): void;
  reject(error: Error): void;
}

export class RendezvousClient {
  readonly #channel: MessageChannel<RendezvousMessage>;
  readonly #clock: Clock;
  readonly #announcements: PendingAnnouncement[] = [];
  readonly #watchers = new Map<ChannelId, (news: ChannelNews) => void>();
  /** Called once when the stream is gone, whoever ended it. */
  onClosed: (() => void) | null = null;
  #closed = false;

  private constructor(channel: MessageChannel<RendezvousMessage>, clock: Clock) {
    this.#channel = channel;
    this.#clock = clock;
    void this.#readAll();
  }

  /** @throws When the other end is no relay, or `signal` aborts. */
  static async open(
    connection: Connection,
    signal: AbortSignal,
    clock: Clock = processClock,
  ): Promise<RendezvousClient> {
    const stream = await connection.newStream(RENDEZVOUS_PROTOCOL, { signal, runOnLimitedConnection: true });
    return new RendezvousClient(messageChannel(stream, rendezvousCodec, clock), clock);
  }

  /**
   * Announces the channel of a signed record.
   *
   * @returns Whether the relay will carry the media itself; otherwise it only introduces viewers.
   * @throws {AnnounceError} When the relay refuses.
   * @throws When the stream ends, as it does when the relay does not answer.
   */
  async announce(record: Uint8Array, token: string | null): Promise<{ carries: boolean }> {
    const answer = new Promise<{ carries: boolean }>((resolve, reject) => {
      if (this.#closed) reject(new Error('the relay is gone'));
      else this.#announcements.push({ resolve, reject });
    });
    const cancel = this.#clock.setTimer(() => this.#fail(new Error('the relay does not answer')), ANSWER_MS);
    try {
      const written = this.#channel.write({ type: 'announce', record, token });
      const [result] = await Promise.all([answer, written]);
      return result;
    } finally {
      cancel();
    }
  }

  /** Calls `listener` with the channel as it is, and whenever it changes. */
  async watch(channel: ChannelId, listener: (news: ChannelNews) => void): Promise<void> {
    this.#watchers.set(channel, listener);
    await this.#channel.write({ type: 'watch', channel });
  }

  async close(): Promise<void> {
    await this.#channel.close();
    this.#end(new Error('closed'));
  }

  async #readAll(): Promise<void> {
    try {
      for (;;) this.#take(await this.#channel.read());
    } catch (error) {
      this.#fail(asError(error));
    }
  }

  #fail(error: Error): void {
    this.#channel.abort(error);
    this.#end(error);
  }

  #take(message: RendezvousMessage): void {
    switch (message.type) {
      case 'announced':
        this.#announcements.shift()?.resolve({ carries: message.carries });
        return;
      case 'refused':
        this.#announcements.shift()?.reject(new AnnounceError(message.reason));
        return;
      case 'channel':
        this.#watchers.get(message.channel)?.(message);
        return;
      default:
      // A relay does not announce or watch; what it sends by mistake changes nothing here.
    }
  }

  #end(error: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const pending of this.#announcements.splice(0)) pending.reject(error);
    this.onClosed?.();
  }
}
