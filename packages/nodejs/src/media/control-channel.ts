/** The data channel `control` of one connection of node-datachannel. */

import { CONTROL_LABEL, CONTROL_STREAM_ID } from '@casto/core';
import { tokenBucket } from '@casto/host';
import type { Clock, ControlPort, RefusalCounter } from '@casto/host';
import type { DataChannel, PeerConnection } from 'node-datachannel';

/** A link's control messages come a few per second; a burst at the start. */
const MESSAGES_PER_SECOND = 100;
const MESSAGE_BURST = 300;
/** Bytes that wait for a child that does not read. Its keep-alives are lost anyway by then. */
const MAX_BUFFERED_BYTES = 256 * 1024;

export interface ControlChannelOptions {
  readonly connection: PeerConnection;
  readonly clock: Clock;
  readonly counts: RefusalCounter;
  /** The other end sends more than any link needs. */
  readonly onFlood: () => void;
}

export class ControlChannel implements ControlPort {
  onOpen: (() => void) | null = null;
  onMessage: ((bytes: Uint8Array) => void) | null = null;
  onClosed: (() => void) | null = null;
  readonly #channel: DataChannel;
  readonly #options: ControlChannelOptions;
  readonly #allowance = tokenBucket(MESSAGES_PER_SECOND, MESSAGE_BURST);
  #isClosed = false;

  constructor(options: ControlChannelOptions) {
    this.#options = options;
    this.#channel = options.connection.createDataChannel(CONTROL_LABEL, {
      negotiated: true,
      id: CONTROL_STREAM_ID,
    });
    this.#channel.onOpen(() => this.onOpen?.());
    this.#channel.onClosed(() => this.close());
    this.#channel.onMessage((message) => this.#receive(message));
  }

  get isOpen(): boolean {
    return !this.#isClosed && this.#channel.isOpen();
  }

  send(bytes: Uint8Array): boolean {
    if (!this.isOpen) return false;
    if (this.#channel.bufferedAmount() > MAX_BUFFERED_BYTES) {
      this.#options.counts.count('control-unread');
      return false;
    }
    try {
      // The library returns whether the bytes left at once; those that wait are on their way all the same.
      this.#channel.sendMessageBinary(bytes);
      return true;
    } catch {
      this.#options.counts.count('control-send');
      return false;
    }
  }

  /** Idempotent. The channel itself ends with its connection. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.onOpen = null;
    this.onMessage = null;
    this.onClosed?.();
    this.onClosed = null;
  }

  #receive(message: string | Buffer | ArrayBuffer): void {
    if (this.#isClosed) return;
    const { clock, counts, onFlood } = this.#options;
    if (!this.#allowance.take(clock.now())) {
      counts.count('control-flood');
      onFlood();
    } else if (typeof message === 'string') {
      counts.count('control-text');
    } else {
      this.onMessage?.(new Uint8Array(message));
    }
  }
}
