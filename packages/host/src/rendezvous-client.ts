/** A peer's side of the rendezvous stream: announces its channel, watches others, asks who has room (PROTOCOL.md, D). */

import type { Connection } from '@libp2p/interface';
import {
  RENDEZVOUS_PROTOCOL,
  rendezvousCodec,
  type AnnounceRefusal,
  type ChannelId,
  type OfferedCandidate,
  type PeerId,
  type RendezvousMessage,
  type Standing,
} from '@casto/core';
import { processClock, type Clock } from './clock.ts';
import { asError, messageChannel, type MessageChannel } from './message-channel.ts';
import { PROBE_MS, RendezvousQuestions, type Probed } from './rendezvous-questions.ts';
import { tokenBucket } from './token-bucket.ts';

export type ChannelNews = Omit<Extract<RendezvousMessage, { type: 'channel' }>, 'type'>;
/** What a peer offers to joiners of a channel; without an offer it has no free slot any more. */
export type SlotReport = Omit<Extract<RendezvousMessage, { type: 'report' }>, 'type'>;

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
/** A relay may have to look for the channel itself. What comes later is of no use to the search that asked. */
const SEEK_MS = 3_000;
/** Other peers' probes that are answered; a relay passes on no more. */
const ANSWERS_PER_SECOND = 50;
const ANSWER_BURST = 100;

interface PendingAnnouncement {
  resolve(answer: { carries: boolean }): void;
  reject(error: Error): void;
}

export class RendezvousClient {
  /** Called once when the stream is gone, whoever ended it. */
  onClosed: (() => void) | null = null;
  /** Says where this peer stands in a channel, to `from` who probes it; without it the answer is nowhere. */
  onProbe: ((channel: ChannelId, from: PeerId) => Standing | null) | null = null;
  readonly #channel: MessageChannel<RendezvousMessage>;
  readonly #clock: Clock;
  readonly #announcements: PendingAnnouncement[] = [];
  readonly #watchers = new Map<ChannelId, (news: ChannelNews) => void>();
  readonly #questions: RendezvousQuestions;
  readonly #answers = tokenBucket(ANSWERS_PER_SECOND, ANSWER_BURST);
  #closed = false;

  private constructor(channel: MessageChannel<RendezvousMessage>, clock: Clock) {
    this.#channel = channel;
    this.#clock = clock;
    this.#questions = new RendezvousQuestions(clock);
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

  get isClosed(): boolean {
    return this.#closed;
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

  /**
   * Asks the relay once for peers with free slots.
   *
   * @returns Likely best first; none when the relay knows none or does not answer within `withinMs`. Never rejects.
   */
  async seek(channel: ChannelId, layers: number, withinMs = SEEK_MS): Promise<readonly OfferedCandidate[]> {
    if (this.#closed) return [];
    const { found, isFirst } = this.#questions.seek(channel, withinMs);
    if (isFirst) this.#tell({ type: 'seek', channel, layers });
    return found;
  }

  /** Tells the relay what this peer offers. It is forgotten when the stream ends. */
  report(report: SlotReport): void {
    this.#tell({ type: 'report', ...report });
  }

  /**
   * Asks where a peer stands that has a stream at the same relay, or that is the relay.
   *
   * @returns The round trip, and a null standing when the peer is not there; `null` when nobody answers within
   *   `withinMs`. Never rejects.
   */
  async probe(channel: ChannelId, peer: PeerId, withinMs = PROBE_MS): Promise<Probed | null> {
    if (this.#closed) return null;
    const question = this.#questions.probe(channel, peer, withinMs);
    if (question === null) return null;
    this.#tell({ type: 'probe', channel, peer, nonce: question.nonce });
    return question.probed;
  }

  async close(): Promise<void> {
    await this.#channel.close();
    this.#end(new Error('closed'));
  }

  #tell(message: RendezvousMessage): void {
    if (this.#closed) return;
    this.#channel.write(message).catch((error: unknown) => this.#fail(asError(error)));
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
      case 'found':
        this.#questions.found(message.channel, message.candidates);
        return;
      case 'probe':
        this.#answerProbe(message);
        return;
      case 'probed':
        this.#questions.probed(message);
        return;
      default:
      // A relay does not announce or watch; what it sends by mistake changes nothing here.
    }
  }

  #answerProbe({ channel, peer, nonce }: Extract<RendezvousMessage, { type: 'probe' }>): void {
    if (!this.#answers.take(this.#clock.now())) return;
    const standing = this.onProbe?.(channel, peer) ?? null;
    this.#tell({ type: 'probed', channel, peer, nonce, standing });
  }

  #end(error: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const pending of this.#announcements.splice(0)) pending.reject(error);
    this.#questions.end();
    this.onClosed?.();
  }
}
