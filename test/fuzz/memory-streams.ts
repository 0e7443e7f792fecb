/** Two ends of a libp2p stream in memory, without the connection and the muxer that a real one runs over. */

import type { Logger, Stream } from '@libp2p/interface';
import { AbstractStream } from '@libp2p/utils';
import type { Uint8ArrayList } from 'uint8arraylist';

/**
 * What one end sends reaches the other in order, in a later turn of the event loop.
 *
 * libp2p's own pair opens two connections and two muxers for each pair of streams, which takes longer than a relay
 * takes to answer.
 */
export function memoryStreams(): { near: Stream; far: Stream } {
  const near = new MemoryStream('outbound');
  const far = new MemoryStream('inbound');
  near.connect(far);
  far.connect(near);
  return { near, far };
}

const SILENT: Logger = Object.assign(() => {}, {
  enabled: false,
  error: () => {},
  trace: () => {},
  newScope: () => SILENT,
});

class MemoryStream extends AbstractStream {
  #other: MemoryStream | null = null;

  constructor(direction: 'inbound' | 'outbound') {
    super({ id: direction, direction, log: SILENT });
  }

  connect(other: MemoryStream): void {
    this.#other = other;
  }

  override sendData(data: Uint8ArrayList): { sentBytes: number; canSendMore: boolean } {
    // The caller goes on to use the list.
    const bytes = data.slice();
    this.#deliver((other) => other.onData(bytes));
    return { sentBytes: bytes.length, canSendMore: true };
  }

  override sendReset(): void {
    this.#deliver((other) => other.onRemoteReset());
  }

  override async sendCloseWrite(): Promise<void> {
    this.#deliver((other) => other.onRemoteCloseWrite());
  }

  override async sendCloseRead(): Promise<void> {
    this.#deliver((other) => other.onRemoteCloseRead());
  }

  /** An end that pauses keeps what comes in its own buffer, and breaks off when that is full. */
  override sendPause(): void {}

  override sendResume(): void {}

  /** A muxer knows no streams that are over, and drops what comes for them. */
  #deliver(take: (other: MemoryStream) => void): void {
    const other = this.#other;
    if (other === null) return;
    setImmediate(() => {
      if (other.status === 'open') take(other);
    });
  }
}
