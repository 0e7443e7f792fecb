/** A path between two UDP peers on this machine that loses what a test tells it to lose, before SRTP sees it. */

import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';

/** SRTP and SRTCP start with these bytes (RFC 7983); payload types 64 to 95 with the marker are SRTCP. */
function isSrtp(bytes: Buffer): boolean {
  const [first = 0, second = 0] = bytes;
  return first >= 128 && first < 192 && (second < 192 || second > 223);
}

export class LossyPath {
  readonly #socket: Socket;
  readonly #targetPort: number;
  #peerPort = 0;
  lost = 0;
  /** Asked for each media packet from the target; `true` loses it. */
  loses: (bytes: Buffer) => boolean = () => false;

  private constructor(socket: Socket, targetPort: number) {
    this.#socket = socket;
    this.#targetPort = targetPort;
    socket.on('message', (bytes, { port }) => this.#pass(bytes, port));
  }

  static async to(targetPort: number): Promise<LossyPath> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new LossyPath(socket, targetPort);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  close(): void {
    this.#socket.close();
  }

  #pass(bytes: Buffer, from: number): void {
    if (from !== this.#targetPort) {
      this.#peerPort = from;
      this.#socket.send(bytes, this.#targetPort, '127.0.0.1');
    } else if (isSrtp(bytes) && this.loses(bytes)) {
      this.lost += 1;
    } else {
      this.#socket.send(bytes, this.#peerPort, '127.0.0.1');
    }
  }
}
