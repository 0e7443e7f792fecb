/**
 * The channel of one handshake whose messages neighbours pass on as signed signals (PROTOCOL.md, K7): to the handshake
 * it is what a stream is.
 *
 *   open ──close──▶ over
 *     └──abort, or broken off by the other end──▶ over
 */

import { linkCodec, MalformedError, MAX_SIGNALED_MESSAGES, type LinkMessage } from '@casto/core';
import { certificateIn, isSameCertificate, NO_CERTIFICATE } from './certificate-fingerprint.ts';
import type { Clock } from './clock.ts';
import { MAX_UNKNOWN_IN_A_ROW, type MessageChannel } from './message-channel.ts';

/** K7.9: all candidates of an end, its description, and some more. */
const MAX_UNREAD = 48;
/** As much as waits on a stream. */
const MAX_UNREAD_BYTES = 4 * linkCodec.maxBytes;
/** Candidates come in bunches; each signal costs a signature, and neighbours pass on few in a second. */
const GATHER_MS = 20;

export interface SignalChannelOptions {
  readonly clock: Clock;
  /** Sends one signal with these messages. @throws When no neighbour takes it, or they are too large. */
  readonly send: (messages: readonly Uint8Array[], certificate: Uint8Array) => Promise<void>;
  /** The handshake is over for this end. Called once. */
  readonly onOver: () => void;
}

interface Arrived {
  readonly bytes: Uint8Array;
  readonly certificate: Uint8Array;
}

export class SignalChannel implements MessageChannel<LinkMessage> {
  readonly #options: SignalChannelOptions;
  readonly #unread: Arrived[] = [];
  readonly #candidates: Uint8Array[] = [];
  #ownCertificate: Uint8Array = NO_CERTIFICATE;
  /** Of the other end's description, once that was read. */
  #theirCertificate: Uint8Array | null = null;
  /** Signals leave in the order in which they were written, however long each takes to sign. */
  #sending: Promise<void> = Promise.resolve();
  #hasSent = false;
  /** Why there is nothing more to read, `null` while there may be. */
  #over: Error | null = null;
  #isReset = false;
  #wake: () => void = () => {};
  #cancelGathering: (() => void) | null = null;

  constructor(options: SignalChannelOptions) {
    this.#options = options;
  }

  get isReset(): boolean {
    return this.#isReset;
  }

  async read(signal?: AbortSignal): Promise<LinkMessage> {
    for (let unknown = 0; unknown < MAX_UNKNOWN_IN_A_ROW; unknown++) {
      const { bytes, certificate } = await this.#next(signal);
      const message = linkCodec.decode(bytes);
      if (message !== null) return this.#assertCertified(message, certificate);
    }
    throw new MalformedError('unknown-type', 'nothing but unknown messages');
  }

  async write(message: LinkMessage, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#over !== null) throw this.#over;
    const bytes = linkCodec.encode(message);
    if (message.type === 'candidate') return this.#gather(bytes);
    this.#ownCertificate = certificateIn(message) ?? this.#ownCertificate;
    await this.#send([bytes]);
  }

  /** Nothing is told to the other end: by then it has the last word, or the link is up. */
  close(): Promise<void> {
    this.#end(new Error('the handshake is over'));
    return Promise.resolve();
  }

  abort(reason: Error): void {
    if (this.#over !== null) return;
    if (this.#hasSent) this.#send([]).catch(() => {});
    this.#end(reason);
  }

  /**
   * Takes what a signal brought.
   *
   * @returns Whether there was room for it.
   */
  take(messages: readonly Uint8Array[], certificate: Uint8Array): boolean {
    if (this.#over !== null) return true;
    if (messages.length === 0) {
      this.#isReset = true;
      this.#end(new Error('the other end has broken off'));
      return true;
    }
    const taken = this.#unread.length;
    for (const bytes of messages) if (this.#hasRoomFor(bytes)) this.#unread.push({ bytes, certificate });
    this.#wake();
    return this.#unread.length - taken === messages.length;
  }

  #hasRoomFor({ length }: Uint8Array): boolean {
    const waiting = this.#unread.reduce((sum, { bytes }) => sum + bytes.length, 0);
    return this.#unread.length < MAX_UNREAD && waiting + length <= MAX_UNREAD_BYTES;
  }

  /** L2.5: the signature covers the certificate, and the description must be about the same one. */
  #assertCertified(message: LinkMessage, certificate: Uint8Array): LinkMessage {
    this.#theirCertificate = certificateIn(message) ?? this.#theirCertificate;
    if (this.#theirCertificate !== null && !isSameCertificate(this.#theirCertificate, certificate)) {
      throw new MalformedError('out-of-range', 'description has another certificate than its signal');
    }
    return message;
  }

  async #next(signal: AbortSignal | undefined): Promise<Arrived> {
    for (;;) {
      const next = this.#unread.shift();
      if (next !== undefined) return next;
      if (this.#over !== null) throw this.#over;
      signal?.throwIfAborted();
      await this.#untilNews(signal);
    }
  }

  #untilNews(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        signal?.removeEventListener('abort', this.#wake);
        resolve();
      };
      signal?.addEventListener('abort', this.#wake);
    });
  }

  #gather(candidate: Uint8Array): void {
    this.#candidates.push(candidate);
    this.#cancelGathering ??= this.#options.clock.setTimer(() => {
      this.#cancelGathering = null;
      while (this.#candidates.length > 0) {
        this.#send(this.#candidates.splice(0, MAX_SIGNALED_MESSAGES)).catch(() => {});
      }
    }, GATHER_MS);
  }

  #send(messages: readonly Uint8Array[]): Promise<void> {
    this.#hasSent = true;
    const certificate = this.#ownCertificate;
    const sent = this.#sending.then(() => this.#options.send(messages, certificate));
    this.#sending = sent.catch(() => {});
    return sent;
  }

  #end(reason: Error): void {
    if (this.#over !== null) return;
    this.#over = reason;
    this.#cancelGathering?.();
    this.#candidates.length = 0;
    this.#wake();
    this.#options.onOver();
  }
}
