/** A peer's side of the rendezvous stream: announces its channel, watches others (PROTOCOL.md, D). */

import type { Connection } from '@libp2p/interface';
import {
  RENDEZVOUS_PROTOCOL,
  rendezvousCodec,
  type AnnounceRefusal,
  type ChannelId,
  type RendezvousMessage,
} from '@casto/core';
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

interface PendingAnnouncement {
  resolve(answer: { carries: boolean }): void;
  reject(error: Error): void;
}

export class RendezvousClient {
  readonly #channel: MessageChannel<RendezvousMessage>;
  readonly #announcements: PendingAnnouncement[] = [];
  readonly #watchers = new Map<ChannelId, (news: ChannelNews) => void>();
  /** Called once when the stream is gone, whoever ended it. */
  onClosed: (() => void) | null = null;
  #closed = false;

  private constructor(channel: MessageChannel<RendezvousMessage>) {
    this.#channel = channel;
    void this.#readAll();
  }

  /** @throws When the other end is no relay, or `signal` aborts. */
  static async open(connection: Connection, signal: AbortSignal): Promise<RendezvousClient> {
    const stream = await connection.newStream(RENDEZVOUS_PROTOCOL, { signal, runOnLimitedConnection: true });
    return new RendezvousClient(messageChannel(stream, rendezvousCodec));
  }

  /**
   * Announces the channel of a signed record.
   *
   * @returns Whether the relay will carry the media itself; otherwise it only introduces viewers.
   * @throws {AnnounceError} When the relay refuses.
   */
  async announce(record: Uint8Array, token: string | null): Promise<{ carries: boolean }> {
    const answer = new Promise<{ carries: boolean }>((resolve, reject) => {
      if (this.#closed) reject(new Error('the relay is gone'));
      else this.#announcements.push({ resolve, reject });
    });
    const written = this.#channel.write({ type: 'announce', record, token });
    const [result] = await Promise.all([answer, written]);
    return result;
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
      this.#channel.abort(asError(error));
      this.#end(asError(error));
    }
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
